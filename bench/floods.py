"""Measure what a misbehaving agent does to others: the worst pause of healthy streams, and how long Stop takes.

    python -m bench.floods [--streams 8] [--only KIND …] [--peer no]

Each kind of flood and block is measured, beside ADK's own API server. Both servers run the same agents: ``clock``,
which says a word every 50 ms, and ``flood`` (in ``bench/models``), which gets its turn one second later. In the rows
“same agent” all sessions use one of Colloquy's agents, on a model behind an API. The pause is the longest time between
two words of one healthy stream, at the client. ADK's server has no Stop. Everything runs on this machine at once; the
first row has nothing beside the streams.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.events import AGENT, PATIENCE, USER, Load, adk_api_server, lines_of, until
from bench.models import flood_agent, flood_server
from tests.support.servers import ROOT, Server, free_port

LATER = 1.0
"""Seconds after which the misbehaving agent starts."""

BLOCKS = ("model sleeps", "callback sleeps")
AGENT_KINDS = ("nothing", *flood_agent.FLOODS, *flood_agent.TOOLS, *BLOCKS)
API_KINDS = tuple(f"{api}: {kind}" for api in ("OpenAI", "Gemini") for kind in flood_server.KINDS)


@dataclass(frozen=True)
class Under:
    """A server under test: its URL, and the path of ADK's routes."""

    url: str
    prefix: str
    stops: bool


async def begin(under: Under, app: str, model: str | None) -> str:
    """Creates a session; with a model if the agent does not bring its own."""
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        if model:
            made = await client.post(f"{under.url}/api/v1/runtime/sessions", json={"agent_id": app, "model": model})
            return str(made.raise_for_status().json()["session_id"])
        made = await client.post(f"{under.url}{under.prefix}/apps/{app}/users/{USER}/sessions")
        return str(made.raise_for_status().json()["id"])


def body_of(app: str, session: str, text: str) -> dict[str, Any]:
    message = {"role": "user", "parts": [{"text": text}]}
    return {"app_name": app, "user_id": USER, "session_id": session, "new_message": message, "streaming": True}


async def pause_of(under: Under, load: Load, app: str, model: str | None) -> float:
    """Returns the longest time between two words of a healthy stream, in seconds."""
    asked = json.dumps(body_of(app, await begin(under, app, model), load.message))
    worst, last = 0.0, None
    async for line in lines_of(under.url, f"POST {under.prefix}/run_sse", asked):
        if line.startswith(b"data: ") and b'"partial":true' in line:
            now = time.perf_counter()
            worst, last = max(worst, now - (last or now)), now
        elif line.startswith(b"0\r\n"):
            break
    return worst


async def disturb(under: Under, kind: str, app: str = "flood", model: str | None = None) -> str:
    """Starts the misbehaving agent's turn in a session of its own. Returns its id."""
    session = await begin(under, app, model)
    # Another process reads the answer, so that this one has the time to measure.
    script = (
        "import httpx, sys\n"
        f"with httpx.stream('POST', {f'{under.url}{under.prefix}/run_sse'!r}, trust_env=False, timeout=None,"
        f" json={body_of(app, session, kind)!r}) as answer:\n"
        "    for _ in answer.iter_raw(): pass\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stderr=subprocess.DEVNULL)
    _readers.append(process)
    return str(session)


_readers: list[asyncio.subprocess.Process] = []


async def worst_pause(under: Under, load: Load, kind: str, app: str = "clock", **neighbour: str) -> float:
    """Returns the longest pause of all healthy streams beside one kind of flood or block, in seconds."""
    async with asyncio.TaskGroup() as tasks:
        streams = [tasks.create_task(pause_of(under, load, app, neighbour.get("model"))) for _ in range(load.turns)]
        await asyncio.sleep(LATER)
        if kind != "nothing":
            tasks.create_task(disturb(under, kind, app if neighbour else "flood", **neighbour))
    await _leave()
    return max(stream.result() for stream in streams)


async def stop_takes(under: Under, kind: str, **neighbour: str) -> float:
    """Returns the seconds from Stop, half a second after the turn started, until it has ended."""
    session = await disturb(under, kind, **neighbour)
    async with httpx.AsyncClient(base_url=under.url, timeout=PATIENCE, trust_env=False) as client:
        for _ in range(100):
            told = (await client.get(f"/api/v1/runtime/sessions/{session}")).json()
            if told.get("status") != "idle":
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        begin = time.perf_counter()
        (await client.post(f"/api/v1/runtime/sessions/{session}/stop")).raise_for_status()
        took = time.perf_counter() - begin
    await _leave()
    return took


async def _leave() -> None:
    for process in _readers:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    _readers.clear()


@contextmanager
def providers() -> Iterator[str]:
    """Runs the model server that sends everything at once, in a process of its own."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "bench.models.flood_server", str(port)], cwd=ROOT) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: httpx.get(url, trust_env=False).status_code > 0)
            yield url
        finally:
            process.terminate()


def measured(work: Awaitable[float]) -> str:
    async def run() -> float:
        async with asyncio.timeout(PATIENCE):
            return await work

    try:
        return f"{asyncio.run(run()):.2f}"
    except (TimeoutError, ExceptionGroup, httpx.HTTPError) as error:
        return type(error).__name__


def rows(under: Under, load: Load, kinds: list[str]) -> Iterator[tuple[str, str, str]]:
    for kind in kinds:
        pause = measured(worst_pause(under, load, kind))
        yield kind, pause, measured(stop_takes(under, kind)) if under.stops and kind != "nothing" else ""


def own_clients(under: Under, load: Load, kinds: list[str]) -> Iterator[tuple[str, str, str]]:
    """The same floods through Colloquy's own clients. All streams use one agent, so they share its event loop."""
    for kind in kinds:
        api, _, what = kind.partition(": ")
        neighbour = {"app": "assistant", "model": f"{api.lower()}/flood"}
        pause = measured(worst_pause(under, load, what, **neighbour))
        yield f"same agent, {kind}", pause, measured(stop_takes(under, what, **neighbour))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--words", type=int, default=140)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--peer", choices=("yes", "no"), default="yes")
    options = parser.parse_args()
    load = Load(0, options.streams, options.words, 50)
    kinds, apis = ([kind for kind in all_of if kind in (options.only or all_of)] for all_of in (AGENT_KINDS, API_KINDS))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, providers() as url:
        os.environ["FLOOD_URL"] = url
        folder = Path(name)
        agents = folder / "agents"
        for agent, source in (("clock", AGENT), ("flood", Path(flood_agent.__file__).read_text(encoding="utf-8"))):
            (agents / agent).mkdir(parents=True)
            (agents / agent / "__init__.py").write_text("from . import agent\n", encoding="utf-8")
            (agents / agent / "agent.py").write_text(source, encoding="utf-8")
        print(f"{options.streams} streams of a word every {load.every} ms, and beside them")
        print(f"{'':34} {'worst pause (s)':>16} {'Stop (s)':>9}")
        server = Server(
            folder / "data",
            script=ROOT / "app.py",
            agents_dir=agents,
            max_turns=load.turns + 4,
            openai_base_url=f"{url}/v1",
            openai_models="flood",
            gemini_base_url=url,
            google_api_key="none",
            gemini_models="flood",
        ).start()
        try:
            until(lambda: {"clock", "flood"} <= {*httpx.get(f"{server.url}/adk/list-apps", trust_env=False).json()})
            colloquy = Under(server.url, "/adk", stops=True)
            for kind, pause, stop in rows(colloquy, load, [*kinds, *apis]):
                print(f"{kind:34} {pause:>16} {stop:>9}", flush=True)
            for kind, pause, stop in own_clients(colloquy, load, apis):
                print(f"{kind:34} {pause:>16} {stop:>9}", flush=True)
        finally:
            server.close()
        if options.peer == "yes":
            print("\nADK's own API server")
            with adk_api_server(agents, folder) as (address, _):
                for kind, pause, _ in rows(Under(address, "", stops=False), load, [*kinds, *apis]):
                    print(f"{kind:34} {pause:>16}", flush=True)


if __name__ == "__main__":
    main()
