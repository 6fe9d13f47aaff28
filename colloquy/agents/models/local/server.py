"""Runs a GGUF model in a child process that serves OpenAI's protocol on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from colloquy.agents.models.failures import ModelError
from colloquy.agents.models.local.gguf import trained_context

_DYING_SECONDS = 2
_CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a loaded model can be reached. ``window`` is the size of one conversation's context, in tokens."""

    address: str
    key: str = field(repr=False)
    window: int
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def is_alive(self) -> bool:
        """Whether the child process is still running."""
        return self.process.poll() is None


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How to serve a model: ``window`` in tokens, ``slots`` for simultaneous conversations, ``threads`` (0:
    automatic)."""

    path: Path
    label: str
    window: int
    slots: int
    threads: int
    sampling: Mapping[str, float] = field(default_factory=dict)


class ModelServer:
    """The child process of one model: started on first use, and again if it has died. Thread-safe."""

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self._lock = threading.Lock()
        self._launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model-start")
        self._starting: Future[Endpoint] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def start(self) -> Future[Endpoint]:
        """Start loading the model unless it is loaded or loading. The future raises ModelError if that fails."""
        with self._lock:
            if self._closed:
                raise ModelError("Colloquy is shutting down, so the model takes no more messages.")
            if self._starting is None or _is_spent(self._starting):
                self._starting = self._launcher.submit(self._launch)
            return self._starting

    async def ready(self) -> Endpoint:
        """Return the loaded model's endpoint. Canceling the wait does not cancel the loading.

        Raises:
            ModelError: the model could not be loaded; says why.
        """
        return await asyncio.shield(asyncio.wrap_future(self.start()))

    async def ended(self) -> None:
        """Wait until a child that dropped a connection is known to be gone, so that the next call starts another
        one."""
        process = self._process
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, _DYING_SECONDS)

    def close(self) -> None:
        """End the child process. May be called twice; the model cannot be used afterwards."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            _end(process)
        self._launcher.shutdown(wait=True)

    def _launch(self) -> Endpoint:
        options = self.options
        trained = trained_context(options.path)
        window = min(options.window, trained) if trained else options.window
        key = secrets.token_urlsafe(32)
        request = {
            "path": str(options.path.resolve()),
            "context": window,
            "slots": options.slots,
            "threads": options.threads or default_threads(),
            "key": key,
            "sampling": dict(options.sampling),
        }
        process = self._spawn()
        answer = _exchange(process, json.dumps(request))
        if "address" not in answer:
            _end(process)
            raise self._failure(answer, process.returncode)
        return Endpoint(answer["address"], key, window, process)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise ModelError("Colloquy is shutting down, so the model is not loaded.")
            # Its own session (a process group on Windows) shields it from Ctrl-C in the terminal.
            flags = 0
            if sys.platform == "win32":
                flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter and a file of this package
                [sys.executable, "-P", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                creationflags=flags,
            )
            return self._process

    def _failure(self, answer: dict[str, str], returncode: int | None) -> ModelError:
        label, path = self.options.label, self.options.path
        if self._closed:
            return ModelError(f"{label} was shut down while it was loading.")
        if "xllamacpp" in answer.get("error", "") and "module" in answer["error"]:
            return ModelError(f"{label} needs the package xllamacpp. Install it with: pip install xllamacpp")
        if "error" in answer:
            return ModelError(
                f"{label} could not be loaded from {path} ({answer['error']}). The file may be damaged, of a kind this"
                " version does not know, or too large for the free memory: fetch it again, lower"
                " COLLOQUY_CONTEXT_TOKENS, or choose another model."
            )
        return ModelError(
            f"{label} stopped while it was loading (exit code {returncode}), most likely for want of memory. Close"
            " other programs, lower COLLOQUY_CONTEXT_TOKENS, or choose a smaller model."
        )


def default_threads() -> int:
    """Return half of the machine's cores, at most 8: using all of them, any other load (the page!) would stall the
    model."""
    return max(1, min(8, (os.cpu_count() or 2) // 2))


def _is_spent(starting: Future[Endpoint]) -> bool:
    if not starting.done():
        return False
    return starting.cancelled() or starting.exception() is not None or not starting.result().is_alive


def _exchange(process: subprocess.Popen[bytes], request: str) -> dict[str, str]:
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError, OSError):
        process.stdin.write(request.encode() + b"\n")
        process.stdin.flush()
    line = process.stdout.readline()
    process.stdout.close()
    answer: dict[str, str] = json.loads(line) if line.endswith(b"\n") else {}
    return answer


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
