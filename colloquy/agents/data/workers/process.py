"""The parent's side of a worker: one process that runs queries on one data source."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from colloquy.agents.data.errors import (
    ConnectionUnavailableError,
    DataError,
    QueryBoundError,
    QueryStoppedError,
    SqlFailedError,
    SqlRefusedError,
)
from colloquy.agents.data.guard.bounds import too_big, too_slow
from colloquy.agents.data.own_files import OwnFiles
from colloquy.agents.data.workers.cancellation import Cancellation
from colloquy.agents.data.workers.memory_limits import EXIT_MEMORY, give_way

START_SECONDS: Final = 30
GRACE_SECONDS: Final = 0.5
"""How long a worker may exceed its time limit before it is killed, so that the engine can interrupt the query first. A
stopped worker is killed at once, unless it queries PostgreSQL: then it has this long to cancel the query there."""

_NICE: Final = 10
"""Running turns and pages take precedence over queries and over starting query processes."""

_NICER: Final = 19
_SHORT_SECONDS: Final = 2.0
"""How long a query counts as short. Short queries yield only to turns and pages."""

_ROOT: Final = Path(__file__).resolve().parents[4]
# Keys and passwords stay in the app: a worker gets only what a program needs to run.
_ENVIRONMENT: Final = (
    "PATH",
    "HOME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "TEMP",
    "TMP",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
)
_ERRORS: Final[dict[str, type[DataError]]] = {
    "refused": SqlRefusedError,
    "failed": SqlFailedError,
    "time": QueryBoundError,
    "memory": QueryBoundError,
    "unavailable": ConnectionUnavailableError,
}
# Exit codes of a process that ran out of memory, whether it noticed or the system ended it.
_OUT_OF_MEMORY: Final = {
    EXIT_MEMORY,
    *(-getattr(signal, name) for name in ("SIGABRT", "SIGSEGV", "SIGBUS", "SIGKILL") if hasattr(signal, name)),
}
_OUT_OF_TIME: Final = {-getattr(signal, "SIGXCPU", EXIT_MEMORY)}


def _module_path() -> str:
    return os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))


@dataclass(frozen=True, slots=True)
class DataSource:
    """What a worker opens. ``redacted`` removes secrets from its messages; ``own`` files are not read as data."""

    kind: str
    address: SecretStr
    redacted: Callable[[str], str] = field(default=str, compare=False)
    own: OwnFiles | None = None


class WorkerProcess:
    """A worker. It takes one request at a time; after one of the errors above it can be asked again while ``is_alive``.

    It starts before it knows what to open. ``open`` says so once, and that cannot be changed afterwards."""

    def __init__(self, *, memory_mib: int, threads: int) -> None:
        self.source: DataSource | None = None
        self._limits = {"memory_mib": memory_mib, "threads": threads}
        self._ended_for: str | None = None
        self._asked_at = 0.0
        self._is_slow = self._is_worn = False
        self._is_ready = False
        self._writing = threading.Lock()
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "colloquy.agents.data.workers.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=environment | {"PYTHONPATH": _module_path(), "PYTHONUTF8": "1"},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0)
            | getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        )
        give_way(self.pid, _NICE)

    def open(self, source: DataSource) -> None:
        """Tell the worker what to open."""
        self.source = source
        own = source.own.as_json() if source.own else None
        self._write({"kind": source.kind, "address": source.address.get_secret_value(), "own": own} | self._limits)

    def is_for(self, source: DataSource, memory_mib: int) -> bool:
        """Whether the worker has opened this data source, with this much memory."""
        return self.source == source and self._limits["memory_mib"] == memory_mib

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can take requests."""
        return self._ended_for is None and self._process.poll() is None

    @property
    def is_as_new(self) -> bool:
        """Whether the next query gets what the first one had: its memory and its share of the processors."""
        return self.is_alive and not (self._is_worn or self._is_slow)

    def give_way_if_long(self) -> None:
        """Have a long query yield the processors to short ones. This is permanent: only administrators may raise a
        process's priority again."""
        if not self._is_slow and self._asked_at and time.monotonic() - self._asked_at > _SHORT_SECONDS:
            self._is_slow = True
            give_way(self.pid, _NICER)

    def ask(
        self, request: dict[str, Any], seconds: float, cancellation: Cancellation | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for its answer: a header, and an Arrow stream if there is one.

        Raises:
            DataError: of the matching kind; after QueryBoundError and QueryStoppedError the worker may have ended.
        """
        assert self.source is not None  # noqa: S101 - open() was called
        with (cancellation or Cancellation()).on_cancel(lambda: self.end("stopped")):
            if not self._is_ready:
                self._within(START_SECONDS, "start", None)
                self._is_ready = True
            self._asked_at = time.monotonic()
            header, payload = self._within(seconds, "time", request)
            self._asked_at = 0.0
            self._is_worn = header["worn"]
        if "error" in header:
            if self._ended_for is not None:
                raise self._ending(seconds)
            if header["error"] == "memory":
                self.end("memory")  # the memory it still holds would be missing for the next query
            raise _ERRORS[header["error"]](self.source.redacted(header["message"]))
        return header, payload

    def end(self, why: str = "closed") -> None:
        """End the process, whatever it is doing. May be called from any thread, and more than once.

        The process is killed at once, except where a server works for it: then the server is told to stop first, and
        the process gets a moment to pass that on."""
        if self._ended_for is None:
            self._ended_for = why
        if self.source is None or self.source.kind != "postgres" or why == "closed":
            self._process.kill()
            return
        later = threading.Timer(GRACE_SECONDS, self._process.kill)
        later.daemon = True
        later.start()
        self._write({"op": "cancel"})

    def close(self) -> None:
        """End the process and wait until it is gone."""
        self.end()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # what was not written yet can no longer be written

    def _within(self, seconds: float, why: str, request: dict[str, Any] | None) -> tuple[dict[str, Any], bytes]:
        timer = threading.Timer(seconds + GRACE_SECONDS, self.end, [why])
        timer.daemon = True
        timer.start()
        try:
            if request is not None:
                self._write(request)
            return self._answer(seconds)
        finally:
            timer.cancel()

    def _write(self, message: dict[str, Any]) -> None:
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101 - the pipe was requested
        try:
            with self._writing:
                pipe.write(json.dumps(message).encode() + b"\n")
                pipe.flush()
        except (OSError, ValueError):
            return  # it has ended; reading the answer finds out why

    def _answer(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        pipe = self._process.stdout
        assert pipe is not None  # noqa: S101 - the pipe was requested
        line = pipe.readline()
        if line.endswith(b"\n"):
            header: dict[str, Any] = json.loads(line)
            payload = pipe.read(header.get("bytes", 0))
            if len(payload) == header.get("bytes", 0):
                return header, payload
        self._process.wait()
        raise self._ending(seconds)

    def _ending(self, seconds: float) -> DataError:
        code = self._process.poll()
        why, self._ended_for = self._ended_for, self._ended_for or "died"
        if why == "stopped":
            return QueryStoppedError(QueryStoppedError.WHILE_IT_RAN)
        if why == "time" or (why is None and code in _OUT_OF_TIME):
            return QueryBoundError(too_slow(seconds))
        if why == "crowded":
            return QueryBoundError(
                "The query was stopped: all running queries together reached their memory limit, and this one used the "
                "most. Reduce the result, or try again when fewer queries are running."
            )
        if why is None and code in _OUT_OF_MEMORY:
            return QueryBoundError(too_big(self._limits["memory_mib"]))
        if why in ("start", "closed"):
            return ConnectionUnavailableError("The query process did not start, or was closed. Try again.")
        return QueryBoundError(
            f"The query ended the process that ran it (code {code}). Nothing else was affected. Rewrite the query."
        )
