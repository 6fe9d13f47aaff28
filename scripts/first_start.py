"""Runs a newcomer's first steps in this checkout: ``make run``, the first page, an answer, Ctrl+C.

``python3 scripts/first_start.py`` prints how long each step took. It makes sense in a fresh clone with an empty home.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
SECONDS_TO_INSTALL = 900
SECONDS_TO_STOP = 30
MINUTE = 60_000


def main() -> int:
    """Start, visit and stop the app. Returns the exit code."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    # A shell makes its background jobs ignore Ctrl+C, and child processes inherit that. They do not inherit a handler.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with (ROOT / "first-start.log").open("w+") as log:
        app = subprocess.Popen(
            ["make", "run", f"PORT={port}"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with timed("`make run` in a fresh clone, until it answers"):
                until(lambda: answers(url) or app.poll() is not None, SECONDS_TO_INSTALL)
            if app.poll() is not None:
                return complain("`make run` ended before it answered.", log)
            # The app runs with only what `make run` installs. Driving the browser needs the development tools.
            subprocess.run(["make", ".venv/.installed-dev"], cwd=ROOT, check=True)
            subprocess.run([PYTHON, "-m", "scripts.first_start", url], cwd=ROOT, check=True)
            with timed("Ctrl+C, until it has ended"):
                os.killpg(app.pid, signal.SIGINT)
                app.wait(SECONDS_TO_STOP)
            if answers(url):
                return complain("The app still answers after Ctrl+C.", log)
        except (TimeoutError, subprocess.SubprocessError) as error:
            return complain(f"The first start failed: {error}", log)
        finally:
            if app.poll() is None:
                os.killpg(app.pid, signal.SIGKILL)
        log.seek(0)
        if "Traceback" in log.read():
            return complain("The app printed a traceback.", log)
    return 0


def visit(url: str) -> None:
    """Open the first page in a browser with an empty profile, and hold a short conversation."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not installed when `make run` starts

    from tests.support.browsers import OPTIONS, chromium_path  # noqa: PLC0415

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=OPTIONS)
        page = browser.new_page()
        with timed("The first page, until one can type"):
            page.goto(url)
            page.get_by_placeholder("Write a message").wait_for(timeout=MINUTE)
        with timed("The first answer"):
            page.get_by_placeholder("Write a message").fill("What is the capital of France?")
            page.keyboard.press("Enter")
            page.get_by_role("button", name="Try again").wait_for(timeout=MINUTE)
            answer = page.get_by_test_id("stChatMessage").last.inner_text()
        print(f"It answered: {' '.join(answer.split())[:120]}", flush=True)
        browser.close()


def answers(url: str) -> bool:
    """Whether the app answers."""
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as response:  # noqa: S310 - on this machine
            return bool(response.status == 200)
    except OSError:
        return False


def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition holds.

    Raises:
        TimeoutError: it does not hold within this number of seconds.
    """
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing after {seconds} s")
        time.sleep(0.2)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long the block took."""
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)


def complain(what: str, log: IO[str]) -> int:
    """Print the problem and the last lines of the log. Returns the exit code."""
    log.seek(0)
    print(f"{what} It printed:\n{''.join(log.readlines()[-40:])}", flush=True)
    return 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        visit(sys.argv[1])
    else:
        sys.exit(main())
