"""The apps that the browser benchmark measures, each in a process of its own, and Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Playwright, ViewportSize

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SIZE = ViewportSize(width=1400, height=900)


@dataclass(frozen=True, slots=True)
class App:
    """A served page: ``url`` ends with a slash; its model writes the time of each word to the file ``times``."""

    name: str
    url: str
    times: Path

    def said(self, message: str) -> tuple[float, float]:
        """Returns when the model said the first and the last word of its answer to ``message``, in Unix seconds."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for line in self.times.read_text(encoding="utf-8").splitlines():
                note = json.loads(line)
                if note["message"] == message:
                    return note["first"], note["last"]
            time.sleep(0.01)
        raise TimeoutError(f"The model of {self.name} did not answer {message!r}.")


@contextlib.contextmanager
def serving(name: str, script: Path, folder: Path) -> Iterator[App]:
    """Serves a script with Streamlit on a free port until the end of the block."""
    folder.mkdir(exist_ok=True)
    times, log = folder / "times.jsonl", folder / "server.log"
    times.touch()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "COLLOQUY_DATA_DIR": str(folder),
        "COLLOQUY_MAX_TURNS": "8",
        "SCRIPTED_TIMES": str(times),
    }
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}/"
        _await_health(url, process, log)
        yield App(name, url, times)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_health(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}_stcore/health", timeout=1).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"The app did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")


def open_browser(playwright: Playwright) -> Browser:
    """Starts the system's Chromium, or the one that Playwright installed."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return playwright.chromium.launch(
        executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    )
