"""Measure live events: many clients that read everything while many turns run, beside ADK's own API server.

    python -m bench.events [--clients 50] [--turns 20] [--words 50] [--every 100]

Both servers run the same agent, whose model says a word every so many milliseconds; each word is the time at which it
was said, so that a client knows its delay. ADK's server streams a turn only to the client that requested it; Colloquy
is measured in the same way (``/adk/run_sse``), and with all clients listening to all turns at once
(``/api/v1/events``), then again with additional clients that do not read. Everything runs on this machine at once, the
clients in this process: the figures are comparable with each other, not with those of another machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.support.servers import ROOT, Server, free_port

AGENT = """
import asyncio, time
from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmResponse
from google.genai import types


def content(text):
    return types.Content(role="model", parts=[types.Part(text=text)])


class Clock(BaseLlm):
    async def generate_content_async(self, llm_request, stream=False):
        words, every = map(int, llm_request.contents[-1].parts[0].text.split())
        begin, said = time.time(), ""
        for number in range(words):
            await asyncio.sleep(max(0.0, begin + number * every / 1000 - time.time()))
            word = f"{number}:{time.time():.6f} "
            said += word
            yield LlmResponse(partial=True, content=content(word))
        yield LlmResponse(content=content(said))


root_agent = LlmAgent(name="clock", model=Clock(model="clock"))
"""
USER = "local"
PATIENCE = 120.0


@dataclass
class Heard:
    """What one client received: for each session the numbers of the words, and the delay of each in seconds."""

    numbers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    delays: list[float] = field(default_factory=list)

    def take(self, session: str, text: str) -> None:
        number, _, said = text.strip().partition(":")
        self.numbers[session].append(int(number))
        self.delays.append(time.time() - float(said))

    def is_complete(self, sessions: int, words: int) -> bool:
        return len(self.numbers) == sessions and all(got == [*range(words)] for got in self.numbers.values())


@dataclass(frozen=True)
class Load:
    """The load to measure: numbers of clients and turns, words per turn, milliseconds between two words."""

    clients: int
    turns: int
    words: int
    every: int

    @property
    def message(self) -> str:
        return f"{self.words} {self.every}"


# -- clients -----------------------------------------------------------------------------------------------------------


async def lines_of(url: str, head: str, body: str = "") -> AsyncIterator[bytes]:
    """Yields the lines of the response to a request as they arrive."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**22)
    length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    writer.write(f"{head} HTTP/1.1\r\nHost: {address.netloc}\r\n{length}\r\n{body}".encode())
    try:
        while line := await reader.readline():
            yield line
    finally:
        writer.close()


async def listen(url: str, load: Load, ready: asyncio.Barrier) -> Heard:
    """Reads all events until every turn has said its last word."""
    heard = Heard()
    last = 0
    async for line in lines_of(url, "GET /api/v1/events"):
        if line.startswith(b": connected"):
            await ready.wait()
        elif line.startswith(b"data: ") and b'"text"' in line:
            data = json.loads(line[6:])
            heard.take(data["session_id"], data["text"])
            last += heard.numbers[data["session_id"]][-1] == load.words - 1
            if last == load.turns:
                break
    return heard


async def run(url: str, prefix: str, load: Load) -> Heard:
    """Starts a turn and reads it to its end."""
    heard = Heard()
    session = await new_session(url + prefix)
    async for line in lines_of(url, f"POST {prefix}/run_sse", request(session, load, streaming=True)):
        if line.startswith(b"data: ") and b'"partial":true' in line:
            heard.take(session, json.loads(line[6:])["content"]["parts"][0]["text"])
        elif line.startswith(b"0\r\n"):
            break
    return heard


async def new_session(base: str) -> str:
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        answer = await client.post(f"{base}/apps/clock/users/{USER}/sessions")
        return str(answer.raise_for_status().json()["id"])


def request(session: str, load: Load, *, streaming: bool) -> str:
    message = {"role": "user", "parts": [{"text": load.message}]}
    names = {"appName": "clock", "userId": USER, "sessionId": session}
    return json.dumps({**names, "newMessage": message, "streaming": streaming})


async def ask(url: str, load: Load) -> None:
    """Runs a turn without reading its answer."""
    session = await new_session(f"{url}/adk")
    body = request(session, load, streaming=False)
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        answer = await client.post(f"{url}/adk/run", content=body, headers={"Content-Type": "application/json"})
        answer.raise_for_status()


# -- measurements ------------------------------------------------------------------------------------------------------


async def each_its_own(url: str, prefix: str, load: Load) -> tuple[list[Heard], float]:
    """Each turn is read by the client that started it. Returns what was received, and the seconds that it took."""
    begin = time.perf_counter()
    heard = await asyncio.gather(*(run(url, prefix, load) for _ in range(load.turns)))
    return list(heard), time.perf_counter() - begin


async def all_of_all(url: str, load: Load, stalled: int) -> tuple[list[Heard], float]:
    """All clients read all turns, while ``stalled`` more have subscribed and do not read."""
    asleep = [await stall(url) for _ in range(stalled)]
    ready = asyncio.Barrier(load.clients + 1)
    async with asyncio.TaskGroup() as tasks:
        listening = [tasks.create_task(listen(url, load, ready)) for _ in range(load.clients)]
        await ready.wait()
        begin = time.perf_counter()
        for _ in range(load.turns):
            tasks.create_task(ask(url, load))
    seconds = time.perf_counter() - begin
    heard = [one.result() for one in listening]
    for writer in asleep:
        writer.close()
    return heard, seconds


async def stall(url: str) -> asyncio.StreamWriter:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**10)
    writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
    await reader.readline()
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport can be read
    return writer


@contextmanager
def adk_api_server(agents: Path, folder: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    command = [sys.executable, "-m", "google.adk.cli", "api_server", "--host", "127.0.0.1", "--port", str(port)]
    kept = ["--session_service_uri", f"sqlite:///{folder / 'adk.db'}", "--log_level", "error"]
    with (
        (folder / "adk.log").open("w") as log,
        subprocess.Popen([*command, *kept, str(agents)], cwd=ROOT, stdout=log, stderr=log) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: httpx.get(f"{url}/health", trust_env=False).is_success)
            yield url, process.pid
        finally:
            process.terminate()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if holds():
                return
        time.sleep(0.1)
    raise TimeoutError


def cpu_seconds(process: int) -> float:
    """Returns the processor time that a process has used, in seconds; 0 on systems without /proc."""
    with suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def megabytes(process: int) -> float:
    """Returns the memory that a process uses now; 0 if ``ps`` does not report it."""
    with suppress(OSError, ValueError):
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, check=False, text=True)
        return int(told.stdout) / 1024
    return 0.0


class Report:
    """Runs measurements and prints a line for each, with ratios to the first one."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.base: float | None = None
        print(
            f"{'':44} {'ms on the way: median':>22} {'p95':>8} {'p99':>8} {'ratio':>6} {'all':>8} {'CPU':>8} "
            f"{'memory MB':>16}"
        )

    def measure(self, what: str, process: int, sessions: int, work: Awaitable[tuple[list[Heard], float]]) -> None:
        before, cpu = megabytes(process), cpu_seconds(process)
        heard, seconds = asyncio.run(_as_coroutine(work))
        delays = sorted(delay * 1000 for one in heard for delay in one.delays)
        median = statistics.median(delays)
        self.base = self.base or median
        complete = all(one.is_complete(sessions, self.load.words) for one in heard)
        p95, p99 = (delays[int(len(delays) * share)] for share in (0.95, 0.99))
        memory = f"{before:.0f} -> {megabytes(process):.0f}"
        print(
            f"{what:44} {median:22.1f} {p95:8.1f} {p99:8.1f} {median / self.base:6.2f} {seconds:7.1f}s "
            f"{cpu_seconds(process) - cpu:7.1f}s {memory:>16}"
            f"  {len(delays)} words, {'each once and in order' if complete else 'NOT COMPLETE'}"
        )


async def _as_coroutine(work: Awaitable[tuple[list[Heard], float]]) -> tuple[list[Heard], float]:
    return await work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("clients", 50), ("turns", 20), ("words", 50), ("every", 100), ("stalled", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    load = Load(options.clients, options.turns, options.words, options.every)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        agents = folder / "agents"
        (agents / "clock").mkdir(parents=True)
        (agents / "clock" / "__init__.py").write_text("from . import agent\n", encoding="utf-8")
        (agents / "clock" / "agent.py").write_text(AGENT, encoding="utf-8")
        nominal = load.words * load.every / 1000
        print(f"{load.turns} turns at once of {load.words} words, one every {load.every} ms: {nominal:.1f} s")
        report = Report(load)
        with adk_api_server(agents, folder) as (url, process):
            report.measure("ADK's server, each client its own turn", process, 1, each_its_own(url, "", load))
        server = Server(folder / "data", agents_dir=agents, max_turns=load.turns).start()
        try:
            process = server.process_id
            until(lambda: "clock" in httpx.get(f"{server.url}/adk/list-apps", trust_env=False).json())
            report.measure("Colloquy, each client its own turn", process, 1, each_its_own(server.url, "/adk", load))
            for stalled in (0, options.stalled):
                what = f"Colloquy, {load.clients} clients hear all" + (f", {stalled} do not read" if stalled else "")
                report.measure(what, process, load.turns, all_of_all(server.url, load, stalled))
        finally:
            server.close()


if __name__ == "__main__":
    main()
