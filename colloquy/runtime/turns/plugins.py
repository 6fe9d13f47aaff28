"""What Colloquy adds to every turn's ADK app: it keeps models and tools from what they cannot read or may not run."""

from __future__ import annotations

from typing import Any

from google.adk.agents.callback_context import CallbackContext
from google.adk.models.llm_request import LlmRequest
from google.adk.plugins.base_plugin import BasePlugin
from google.adk.tools.base_tool import BaseTool
from google.adk.tools.tool_context import ToolContext
from google.genai import types

from colloquy.agents.models import ModelInfo
from colloquy.runtime.attachments import IMAGES, PDF
from session_store.limits import LONGEST_RESULT
from session_store.sizes import characters_in
from session_store.transcripts.endings import ending_of


class UnreadFiles(BasePlugin):
    """Gives a model the names of images, PDFs and other files that it cannot read, instead of the files.

    They date from before the person chose this model, which would refuse the whole conversation, or came with an
    imported one.
    """

    def __init__(self, model: ModelInfo) -> None:
        super().__init__("colloquy_unread_files")
        self._takes = model.takes

    async def before_model_callback(self, *, callback_context: CallbackContext, llm_request: LlmRequest) -> None:  # noqa: ARG002 - as ADK calls it
        """Replace the parts in the request; the conversation keeps them."""
        for content in llm_request.contents:
            content.parts = [self._read(part) for part in content.parts or []]

    def _read(self, part: types.Part) -> types.Part:
        blob = part.inline_data
        if blob is None:
            return part
        kind = "pdf" if blob.mime_type == PDF else "image" if blob.mime_type in IMAGES else "file"
        if kind in self._takes:
            return part
        return types.Part(text=f"[Attached file: {blob.display_name or kind}. You cannot read it.]\n")


class LargeResults(BasePlugin):
    """Replaces a tool's answer that is larger than any model reads with an error, before it is copied."""

    def __init__(self) -> None:
        super().__init__("colloquy_large_results")

    async def after_tool_callback(
        self,
        *,
        tool: BaseTool,  # noqa: ARG002 - as ADK calls it
        tool_args: dict[str, Any],  # noqa: ARG002
        tool_context: ToolContext,  # noqa: ARG002
        result: object,
    ) -> dict[str, Any] | None:
        """Return what replaces the answer; None if it may stay."""
        if characters_in(result, LONGEST_RESULT) <= LONGEST_RESULT:
            return None
        return {
            "error": f"The tool returned more than {LONGEST_RESULT:,} characters, so its result was discarded. Ask for "
            "less, or have the tool save it as an artifact."
        }


class CallsOfCutAnswers(BasePlugin):
    """Keeps the calls of an answer that was ended early from running: they may be only half of what the model was about
    to do, or something that its provider has blocked. The agent then ends, as the answer did."""

    def __init__(self) -> None:
        super().__init__("colloquy_calls_of_cut_answers")

    async def before_tool_callback(
        self,
        *,
        tool: BaseTool,  # noqa: ARG002 - as ADK calls it
        tool_args: dict[str, Any],  # noqa: ARG002
        tool_context: ToolContext,
    ) -> dict[str, Any] | None:
        """Answer such a call instead of its tool."""
        call_id = tool_context.function_call_id
        answers = (
            event
            for event in reversed(tool_context.session.events)
            if any(call.id == call_id for call in event.get_function_calls())
        )
        answer = next(answers, None)
        ending = ending_of(answer) if answer else None
        if ending is None:
            return None
        tool_context.actions.skip_summarization = True
        return {"error": f"This call was not run. {ending.reason}"}
