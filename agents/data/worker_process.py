"""The parent's side of a worker: one process in which queries of one connection run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

from agents.data.connection import Connection
from agents.data.errors import (
    ConnectionUnavailableError,
    DataError,
    QueryBoundError,
    QueryStoppedError,
    SqlFailedError,
    SqlRefusedError,
)
from agents.data.memory import EXIT_MEMORY
from agents.data.stopping import Stop

START_SECONDS: Final = 30
GRACE_SECONDS: Final = 2.0
"""What a worker may take over its time before it is ended: the engine has to notice the interruption."""

_ROOT: Final = Path(__file__).resolve().parents[2]
# Keys and passwords of the app stay with it: a worker gets what a program needs to run, and no more.
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


def _module_path() -> str:
    return os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))


class WorkerProcess:
    """A worker. One request at a time; after an error of the kinds above it can be asked again while ``is_alive``."""

    def __init__(self, connection: Connection, *, memory_mib: int, threads: int) -> None:
        self._connection = connection
        self._memory_mib = memory_mib
        self._ended_for: str | None = None
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agents.data.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=environment | {"PYTHONPATH": _module_path(), "PYTHONUTF8": "1"},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._is_ready = False
        setup = {
            "kind": connection.kind.value,
            "address": connection.address.get_secret_value(),
            "memory_mib": memory_mib,
            "threads": threads,
        }
        self._write(setup)

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._ended_for is None and self._process.poll() is None

    def ask(self, request: dict[str, Any], seconds: float, stop: Stop | None = None) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for its answer: a header, and an Arrow stream if it has one.

        Raises:
            DataError: of the kind that fits; with QueryBoundError and QueryStoppedError the worker may have ended.
        """
        with (stop or Stop()).calls(lambda: self.end("stopped")):
            if not self._is_ready:
                self._within(START_SECONDS, "start", None)
                self._is_ready = True
            header, payload = self._within(seconds + GRACE_SECONDS, "time", request)
        if "error" in header:
            raise _ERRORS[header["error"]](self._connection.redacted(header["message"]))
        return header, payload

    def end(self, why: str = "closed") -> None:
        """End the process at once, whatever it does. May be called by any thread and more than once."""
        if self._ended_for is None:
            self._ended_for = why
        self._process.kill()

    def close(self) -> None:
        """End the process and wait until it is gone."""
        self.end()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # what was not yet written cannot be written any more

    def _within(self, seconds: float, why: str, request: dict[str, Any] | None) -> tuple[dict[str, Any], bytes]:
        timer = threading.Timer(seconds, self.end, [why])
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
        assert pipe is not None  # noqa: S101 - it was asked for
        try:
            pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()
        except OSError:
            return  # it has ended; reading the answer finds out why

    def _answer(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        pipe = self._process.stdout
        assert pipe is not None  # noqa: S101 - it was asked for
        line = pipe.readline()
        if line.endswith(b"\n"):
            header: dict[str, Any] = json.loads(line)
            payload = pipe.read(header.get("bytes", 0))
            if len(payload) == header.get("bytes", 0):
                return header, payload
        raise self._ending(seconds)

    def _ending(self, seconds: float) -> DataError:
        code = self._process.wait()
        why, self._ended_for = self._ended_for, self._ended_for or "died"
        if why == "stopped":
            return QueryStoppedError("The query was stopped.")
        if why == "time":
            limit = seconds - GRACE_SECONDS
            return QueryBoundError(
                f"The query was stopped after {limit:g} seconds, which is the limit. "
                "Reduce the work: filter rows, join on keys, or aggregate."
            )
        if code == EXIT_MEMORY:
            return QueryBoundError(
                f"The query was stopped because it needed more than {self._memory_mib} MB of memory. "
                "Reduce the result: filter rows, choose fewer columns, or aggregate."
            )
        if why in ("start", "closed"):
            return ConnectionUnavailableError("The query process did not start, or was closed. Try again.")
        return QueryBoundError(
            f"The query ended the process that ran it (code {code}). Nothing else was affected. Rewrite the query."
        )
