"""Models behind an API: Gemini, any OpenAI-compatible server, and whatever LiteLLM supports."""

from __future__ import annotations

import asyncio
import os
from abc import abstractmethod

from google.adk.models import BaseLlm
from pydantic import SecretStr

from colloquy.agents.models.failures import Party
from colloquy.agents.models.provider import PerLoop, Provider

_TIMEOUT, _CONNECT_TIMEOUT = 600.0, 10.0
"""In seconds. A local server may take minutes to load a large model before it sends the first word."""


class RemoteProvider(Provider):
    """Builds its model object once per event loop, in a thread, because the libraries are slow to import."""

    def __init__(self, model: str, party: Party) -> None:
        self.party = party
        self._model = model
        self._built: PerLoop[BaseLlm] = PerLoop()

    async def open(self) -> BaseLlm:
        """Return the provider's model object for the running loop."""
        llm = self._built.get()
        if llm is None:
            llm = await asyncio.to_thread(self._build)
            self._built.set(llm)
        return llm

    @abstractmethod
    def _build(self) -> BaseLlm: ...


class GeminiProvider(RemoteProvider):
    """Gemini, with an API key."""

    def __init__(self, model: str, key: SecretStr, base_url: str | None) -> None:
        secret = key.get_secret_value()
        super().__init__(model, Party("Gemini", base_url or "Google", "GOOGLE_API_KEY", (secret,)))
        self._key = key
        self._base_url = base_url

    def _build(self) -> BaseLlm:
        from google.adk.models import Gemini  # noqa: PLC0415 - takes half a second

        from colloquy.compat.gemini_fields import keep_left_out_fields  # noqa: PLC0415

        keep_left_out_fields()
        options = {"api_key": self._key.get_secret_value(), "enterprise": False}
        return Gemini(model=self._model, base_url=self._base_url, client_kwargs=options)


class OpenAiProvider(RemoteProvider):
    """A server with OpenAI's chat completions API."""

    def __init__(self, model: str, base_url: str, key: SecretStr | None) -> None:
        secrets = (key.get_secret_value(),) if key else ()
        super().__init__(model, Party("The model server", base_url, "COLLOQUY_OPENAI_API_KEY", secrets))
        self._base_url = base_url
        self._key = key

    def _build(self) -> BaseLlm:
        from openai import Timeout  # noqa: PLC0415 - takes half a second

        from colloquy.agents.models.plain_openai import PlainOpenAI, PlainOpenAILlm  # noqa: PLC0415

        key = self._key.get_secret_value() if self._key else "none"
        timeout = Timeout(_TIMEOUT, connect=_CONNECT_TIMEOUT)
        client = PlainOpenAI(base_url=self._base_url, api_key=key, timeout=timeout, max_retries=1)
        # A limit on the answer would count against the context window of servers with a small one, and truncate long
        # answers.
        return PlainOpenAILlm(model=self._model, client=client).model_copy(update={"max_tokens": None})


class LiteLlmProvider(RemoteProvider):
    """Any model that LiteLLM knows by ``provider/name``; LiteLLM reads keys from its own environment variables."""

    says_when_done = False

    def __init__(self, model: str) -> None:
        secrets = tuple(value for name, value in os.environ.items() if name.endswith("_API_KEY") and value)
        super().__init__(model, Party(f"LiteLLM ({model})", "its provider", "the key of that provider", secrets))

    def _build(self) -> BaseLlm:
        from google.adk.models.lite_llm import LiteLlm  # noqa: PLC0415 - takes seconds, and may not be installed

        return LiteLlm(model=self._model)
