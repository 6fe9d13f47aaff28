"""GGUF models on this machine, each through a child process."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from google.adk.models import BaseLlm

from colloquy.agents.models.failures import ModelError, Party, explain, status_of
from colloquy.agents.models.local.server import Endpoint, ModelServer
from colloquy.agents.models.provider import PerLoop, Provider
from session_store.errors import ColloquyError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANSWER_SHARE = 4
"""A quarter of the window is kept free for the answer."""

_REMEMBERED_COUNTS = 20_000


@dataclass(frozen=True, slots=True)
class _Connection:
    endpoint: Endpoint
    http: httpx.AsyncClient
    llm: BaseLlm


class LocalProvider(Provider):
    """Talks to a ModelServer. Starts it on the first call, and again after it has died."""

    def __init__(self, server: ModelServer, model: str, longest_answer: int | None = None) -> None:
        """``longest_answer`` is in tokens; None means a quarter of the window."""
        self.server = server
        self.party = Party(server.options.label, "this computer", "")
        self._model = model
        self._longest_answer = longest_answer
        self._connections: PerLoop[_Connection] = PerLoop()
        self._counts: dict[bytes, int] = {}
        self._counting = threading.Lock()

    async def open(self) -> BaseLlm:
        """Return the model, loaded. Raises ModelError."""
        return (await self._connect()).llm

    async def budget(self) -> int:
        """Return three quarters of the window."""
        window = (await self._connect()).endpoint.window
        return window - window // _ANSWER_SHARE

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return the exact number of tokens of each text. Counts are cached from turn to turn."""
        http = (await self._connect()).http
        counts = []
        for text in texts:
            name = hashlib.blake2b(text.encode(), digest_size=16).digest()
            count = self._counts.get(name)
            if count is None:
                answer = (await http.post("/tokenize", json={"content": text})).raise_for_status()
                count = len(answer.json()["tokens"])
                with self._counting:
                    while len(self._counts) >= _REMEMBERED_COUNTS:
                        del self._counts[next(iter(self._counts))]
                    self._counts[name] = count
            counts.append(count)
        return counts

    async def complete(self, prompt: str, options: Mapping[str, object]) -> str:
        """Continue a raw text, without the chat template. ``options`` are those of llama.cpp's /completion.

        Raises:
            ModelError
        """
        http = (await self._connect()).http
        try:
            answer = (await http.post("/completion", json={"prompt": prompt, **options})).raise_for_status()
        except httpx.HTTPError as error:
            explained = await self.explain(error)
            if explained is None:
                raise
            raise explained from error
        return str(answer.json()["content"])

    async def explain(self, error: Exception) -> ColloquyError | None:
        """Explain the error. A connection within this computer only breaks if the child process has died."""
        explained = explain(error, self.party)
        if explained is None or status_of(error) is not None:
            return explained
        await self.server.ended()
        return ModelError(
            f"{self.party.name} stopped unexpectedly. Send the message again: the model will be restarted."
        )

    async def _connect(self) -> _Connection:
        endpoint = await self.server.ready()
        connection = self._connections.get()
        if connection is None or connection.endpoint is not endpoint:
            connection = await asyncio.to_thread(self._build, endpoint)
            self._connections.set(connection)
        return connection

    def _build(self, endpoint: Endpoint) -> _Connection:
        from openai import DefaultAsyncHttpxClient  # noqa: PLC0415 - takes half a second

        from colloquy.agents.models.plain_openai import PlainOpenAI, PlainOpenAILlm  # noqa: PLC0415

        # Messages to this computer must not go through a proxy from the environment. Each request has its own
        # connection, because the server closes kept-alive ones without notice, which fails one request in five on a
        # busy machine; connecting within the computer costs next to nothing.
        close = {"Connection": "close"}
        http = httpx.AsyncClient(
            base_url=endpoint.address,
            headers={"Authorization": f"Bearer {endpoint.key}", **close},
            timeout=httpx.Timeout(None, connect=10),
            limits=httpx.Limits(max_connections=None),
            trust_env=False,
        )
        client = PlainOpenAI(
            base_url=f"{endpoint.address}/v1",
            api_key=endpoint.key,
            http_client=DefaultAsyncHttpxClient(trust_env=False),
            default_headers=close,
            max_retries=0,
            timeout=None,
        )
        longest = endpoint.window // _ANSWER_SHARE
        llm = PlainOpenAILlm(model=self._model, client=client, max_tokens=min(longest, self._longest_answer or longest))
        return _Connection(endpoint, http, llm)
