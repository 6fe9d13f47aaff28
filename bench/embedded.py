"""The built-in model in its child process, compared with the same library in the app's own process.

Run it: ``python -m bench.embedded``. It prints, for both, how long loading blocks all other threads and the event loop
of the app, how long loading takes, and the speed of the answer; and how soon a stopped answer frees the model.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
from google.adk.models.llm_request import LlmRequest
from google.genai import types

from colloquy.agents.models import ModelCatalogue
from colloquy.agents.models.local import embedded
from colloquy.agents.models.local.local import LocalProvider
from colloquy.agents.models.local.server import default_threads
from colloquy.agents.models.provider import ProviderLlm
from colloquy.settings import Settings, load_settings

_PROMPT = "Tell me a story about a river."
_RUNS = 5


@dataclass
class Measured:
    load: float
    freeze: float
    first_token: float
    tokens_per_second: float

    def row(self, name: str) -> str:
        return (
            f"{name:<14} {self.load:>9.2f} {self.freeze * 1000:>17.0f}"
            f" {self.first_token * 1000:>15.0f} {self.tokens_per_second:>9.0f}"
        )


class Heartbeat:
    """A thread that tries to run every 5 ms, like the app's other threads; ``longest`` is the longest gap in
    seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        last = time.perf_counter()
        while not self._over.wait(0.005):
            now = time.perf_counter()
            self.longest = max(self.longest, now - last)
            last = now


def in_process(file: Path) -> Measured:
    import xllamacpp  # noqa: PLC0415

    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx = 4096
    params.verbosity = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = default_threads()
    started = time.perf_counter()
    with Heartbeat() as heart:
        server = xllamacpp.Server(params)
    load = time.perf_counter() - started

    def answer(number: int) -> tuple[float, float]:
        arrived: list[float] = []
        begin = time.perf_counter()
        body = {"messages": [{"role": "user", "content": f"{number}. {_PROMPT}"}], "stream": True, "max_tokens": 100}

        def on_chunk(_chunk: object) -> bool:
            arrived.append(time.perf_counter())
            return False

        server.handle_chat_completions(json.dumps(body), on_chunk)
        return arrived[0] - begin, (len(arrived) - 1) / (arrived[-1] - arrived[0])

    return _measured(load, heart.longest, [answer(number) for number in range(_RUNS)])


async def in_child(catalogue: ModelCatalogue) -> Measured:
    llm = _llm(catalogue)
    await asyncio.to_thread(_import_libraries)  # the app has imported them at startup; the peer does not need them
    started = time.perf_counter()
    with Heartbeat() as heart:
        await llm.provider.open()
    load = time.perf_counter() - started

    async def answer(number: int) -> tuple[float, float]:
        begin = time.perf_counter()
        responses = llm.generate_content_async(_request(f"{number}. {_PROMPT}"), stream=True)
        arrived = [time.perf_counter() async for _ in responses]
        return arrived[0] - begin, (len(arrived) - 1) / (arrived[-1] - arrived[0])

    return _measured(load, heart.longest, [await answer(number) for number in range(_RUNS)])


async def stop(catalogue: ModelCatalogue) -> float:
    """Returns the seconds from closing a running answer until the child's slots are free."""
    llm = _llm(catalogue)
    assert isinstance(llm.provider, LocalProvider)
    endpoint = await llm.provider.server.ready()
    headers = {"Authorization": f"Bearer {endpoint.key}", "Connection": "close"}
    took = []
    async with httpx.AsyncClient(base_url=endpoint.address, headers=headers, trust_env=False) as http:
        for number in range(_RUNS):
            responses = llm.generate_content_async(_request(f"{number}. Tell me a very long story."), stream=True)
            await anext(responses)
            begin = time.perf_counter()
            await responses.aclose()
            while any(slot["is_processing"] for slot in (await http.get("/slots")).json()):  # noqa: ASYNC110
                await asyncio.sleep(0.002)
            took.append(time.perf_counter() - begin)
    return median(took)


def _llm(catalogue: ModelCatalogue) -> ProviderLlm:
    llm = catalogue.llm(embedded.MODEL_ID)
    assert isinstance(llm, ProviderLlm)
    return llm


def _import_libraries() -> None:
    from google.adk.integrations.openai import OpenAILlm  # noqa: F401, PLC0415


def _request(text: str) -> LlmRequest:
    return LlmRequest(
        contents=[types.Content(role="user", parts=[types.Part(text=text)])],
        config=types.GenerateContentConfig(max_output_tokens=100),
    )


def _measured(load: float, freeze: float, answers: list[tuple[float, float]]) -> Measured:
    firsts, speeds = zip(*answers, strict=True)
    return Measured(load, freeze, median(firsts), median(speeds))


async def _child_and_stop(models_dir: Path) -> tuple[Measured, float]:
    catalogue = ModelCatalogue(Settings(models_dir=models_dir))
    try:
        return await in_child(catalogue), await stop(catalogue)
    finally:
        catalogue.close()


def main() -> None:
    models_dir = load_settings().models_dir
    child, stopped = asyncio.run(_child_and_stop(models_dir))
    peer = in_process(embedded.path_in(models_dir))
    print(f"{'':<14} {'load (s)':>9} {'longest gap (ms)':>17} {'1st token (ms)':>15} {'tokens/s':>9}")
    print(peer.row("in process"))
    print(child.row("child process"))
    print(f"\nA stopped answer frees the model after {stopped * 1000:.0f} ms (child process, median of {_RUNS}).")


if __name__ == "__main__":
    main()
