"""The app in its own process, on a free port of this machine, which tests may stop and kill."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
APP = ROOT / "app.py"
SCRIPTED_APP = ROOT / "tests" / "support" / "scripted_app.py"

PATIENCE = 60.0
"""Seconds that a start or a graceful stop may take on a busy machine."""

LOOK_EVERY = 0.05
FOREIGN = ("COLLOQUY_", "STREAMLIT_", "GOOGLE_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY")


PORTS = range(20_000, 32_000)
"""Below those that systems give to outgoing connections, which would take a port between its choice and its use."""

_reserved: list[socket.socket] = []


def free_port() -> int:
    """Return a free TCP port of the loopback interface that no other call returns while this process runs, whichever
    process makes it: the UDP port of the same number, which nothing uses, stays taken."""
    while True:
        port = secrets.choice(PORTS)
        reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            reservation.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
        else:
            _reserved.append(reservation)
            return port


def environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """Return the environment of a process that keeps its data in ``data_dir``: no variables that this machine sets for
    Colloquy or Streamlit reach it. ``settings`` are fields of Settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    chosen = {"data_dir": data_dir, "user": "local", **settings}
    return inherited | {f"COLLOQUY_{name.upper()}": str(value) for name, value in chosen.items()}


def streamlit_command(script: str | Path, port: int) -> list[str]:
    """Return the command that serves ``script`` on ``port``."""
    options = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
    return [sys.executable, "-m", "streamlit", "run", str(script), *options]


class Server:
    """A data folder and a port, and the app on them while it runs."""

    def __init__(self, data_dir: Path, *, script: Path = SCRIPTED_APP, base: str = "", **settings: object) -> None:
        """``base`` is the path under which everything is served, for instance ``/tools/chats``."""
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{base}"
        self.log = data_dir.with_name(f"{data_dir.name}-{self.port}.log")
        self._command = [*streamlit_command(script, self.port), "--server.baseUrlPath", base]
        self._environment = environment(data_dir, **settings)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, cwd: Path = ROOT) -> Server:
        """Start the app and wait until it answers."""
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=cwd, env=self._environment, stdout=log, stderr=log, creationflags=flags
            )
        self._wait_until_healthy()
        return self

    def stop(self) -> int:
        """Ask the app to exit, wait until it has, and return its exit code."""
        process = self._running()
        if sys.platform == "win32":
            process.send_signal(signal.CTRL_BREAK_EVENT)
        else:
            process.send_signal(signal.SIGTERM)
        try:
            return self._ended(process, PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the app did not end within {PATIENCE:.0f} s:\n{self.output()}") from None

    def kill(self) -> None:
        """Kill the process at once, as ``kill -9`` does."""
        process = self._running()
        process.kill()
        self._ended(process, PATIENCE)

    def close(self) -> None:
        """Leave no process behind."""
        if self._process:
            self.kill()

    @property
    def process_id(self) -> int:
        """The id of the app's process."""
        return self._running().pid

    def output(self) -> str:
        """Return what the app has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process, "the app does not run"
        return self._process

    def _ended(self, process: subprocess.Popen[bytes], patience: float) -> int:
        code = process.wait(patience)
        self._process = None
        return code

    def _wait_until_healthy(self) -> None:
        process = self._running()
        for _ in range(round(PATIENCE / LOOK_EVERY)):
            if self._healthy():
                return
            try:
                code = self._ended(process, LOOK_EVERY)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"the app ended with {code}:\n{self.output()}")
        self.kill()
        raise AssertionError(f"the app did not answer within {PATIENCE:.0f} s:\n{self.output()}")

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/_stcore/health", trust_env=False).is_success
        except httpx.TransportError:
            return False
