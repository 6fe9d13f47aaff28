"""The list of models that a session can use."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator

import structlog
from google.adk.models import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from pydantic import ConfigDict
from typing_extensions import override

from colloquy.agents.models import titles
from colloquy.agents.models.failures import ModelUnavailableError
from colloquy.agents.models.local.local import LocalProvider
from colloquy.agents.models.offers import KINDS, ModelInfo, Offers, unknown
from colloquy.agents.models.provider import ProviderLlm
from colloquy.settings import Settings
from session_store.errors import ColloquyError

log = structlog.get_logger()


class ModelCatalogue:
    """All models that the settings offer, and the child processes of those that run on this machine. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        """Only keep the settings: nothing is read or started yet."""
        self._settings = settings
        self._lock = threading.Lock()
        self._llms: dict[str, ProviderLlm] = {}
        self._offers = Offers(settings)
        self._closed = False

    def list(self) -> list[ModelInfo]:
        """Return all models, the embedded one first. Every call notices files that have appeared or disappeared."""
        return [entry.info for entry in self._offers.by_id().values()]

    def default(self) -> ModelInfo:
        """Return the model of a new session: the configured one, or the first available one if it is unavailable."""
        entries = self._offers.by_id()
        wanted = entries.get(self._settings.model)
        if wanted is not None and wanted.info.available:
            return wanted.info
        available = next((entry.info for entry in entries.values() if entry.info.available), None)
        return available or (wanted.info if wanted else unknown(self._settings.model, entries))

    def problem_with_setting(self) -> str | None:
        """Explain why new sessions do not use the configured model, and which one they use; None if they use it."""
        wanted, begins = self.info(self._settings.model), self.default()
        if wanted.available or begins.id == wanted.id or "model" not in self._settings.model_fields_set:
            return None
        return f"COLLOQUY_MODEL is {wanted.id}. {wanted.note} Until then new chats begin with {begins.label}."

    def info(self, model_id: str) -> ModelInfo:
        """Return the model with this id; if no such model is listed any more, one marked as unavailable."""
        entries = self._offers.by_id()
        entry = entries.get(model_id)
        return entry.info if entry else unknown(model_id, entries)

    def label(self, model: str) -> str:
        """Return the label of a model, given its ID or its provider's name for it.

        If no such model is listed any more, the label is its name without the kind of provider in front.
        """
        entries = self._offers.by_id()
        entry = entries.get(model) or next((one for one in entries.values() if one.name == model), None)
        kind, _, name = model.partition("/")
        return entry.info.label if entry else name if name and kind in KINDS else model

    def llm(self, model_id: str) -> BaseLlm:
        """Return the model for an ADK agent. Its calls raise ModelError.

        Raises:
            ModelUnavailableError: there is no such model now; says how to get it.
        """
        return self._llm(model_id)

    def llm_when_asked(self, model_id: str) -> BaseLlm:
        """Like ``llm``, but an unavailable model only raises when it is called: SQL is answered without a model."""
        try:
            return self.llm(model_id)
        except ModelUnavailableError as error:
            return UnavailableLlm(model=model_id, reason=error)

    def warm(self, model_id: str) -> None:
        """Start loading a local model in the background; does nothing for other or unavailable models."""
        if not model_id.startswith(("embedded", "gguf/")):
            return
        try:
            provider = self._llm(model_id).provider
        except ModelUnavailableError:
            return
        if isinstance(provider, LocalProvider):
            provider.server.start()

    async def title(self, model_id: str, message: str) -> str | None:
        """Return a title of 3 to 6 words for a conversation that begins with this message; None if none is usable."""
        if not message.strip():
            return None
        try:
            llm = self._llm(model_id)
            if isinstance(llm.provider, LocalProvider):
                answer = titles.first_words(await llm.provider.complete(titles.raw_prompt(message), titles.RAW_OPTIONS))
            else:
                answer = await _ask(llm, message)
        except ColloquyError:
            return None
        except Exception:  # a library may raise anything over an answer, and a title is not worth a failure
            log.warning("no title could be made", model=model_id, exc_info=True)
            return None
        return titles.usable(answer, message)

    def close(self) -> None:
        """End all child processes. May be called twice."""
        with self._lock:
            self._closed = True
            providers = [llm.provider for llm in self._llms.values()]
        for provider in providers:
            if isinstance(provider, LocalProvider):
                provider.server.close()

    def _llm(self, model_id: str) -> ProviderLlm:
        entries = self._offers.by_id()
        entry = entries.get(model_id)
        info = entry.info if entry else unknown(model_id, entries)
        if entry is None or not info.available:
            raise ModelUnavailableError(f"{info.label} is not available. {info.note}")
        with self._lock:
            if self._closed:
                raise ModelUnavailableError("Colloquy is shutting down, so its models take no more messages.")
            if model_id not in self._llms:
                self._llms[model_id] = ProviderLlm(model=entry.name, provider=entry.make())
            return self._llms[model_id]


class UnavailableLlm(BaseLlm):
    """Stands in for a model that is currently unavailable."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    reason: ModelUnavailableError

    @override
    def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """Raise ModelUnavailableError."""
        raise self.reason


async def _ask(llm: BaseLlm, message: str) -> str:
    request = LlmRequest(
        model=llm.model,
        contents=[types.Content(role="user", parts=[types.Part(text=titles.shortened(message))])],
        config=types.GenerateContentConfig(system_instruction=titles.INSTRUCTION),
    )
    answer = ""
    async for response in llm.generate_content_async(request):
        for part in (response.content and response.content.parts) or []:
            answer += part.text if part.text and not part.thought else ""
    return answer
