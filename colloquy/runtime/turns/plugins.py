"""Files of earlier messages that this turn's model cannot read."""

from __future__ import annotations

from google.adk.agents.callback_context import CallbackContext
from google.adk.models.llm_request import LlmRequest
from google.adk.plugins.base_plugin import BasePlugin
from google.genai import types

from colloquy.agents.models import ModelInfo
from colloquy.runtime.attachments import IMAGES, PDF


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
