"""Imports histories: in the background, one at a time, with progress that can be followed from anywhere."""

from __future__ import annotations

import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from colloquy.runtime.bus import NO_SESSION, BusEvent, EventBus, EventKind
from session_store import Store
from session_store.engine.faults import writing
from session_store.errors import ColloquyError
from session_store.exchange import AgentFiles, ImportRefusedError, Report, Wishes, import_database, import_file
from session_store.exchange.conversation import Progress

KEPT: Final = 20
"""How many finished imports are remembered."""

CLOSING_SECONDS: Final = 5.0
LONGEST_NAME: Final = 100
"""Bytes."""

_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f\\/:*?"<>|]+')


class ImportState(StrEnum):
    """How far an import is, or how it ended."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_over(self) -> bool:
        """Whether the import is over."""
        return self not in (ImportState.WAITING, ImportState.RUNNING)


class UnknownImportError(ColloquyError):
    """No import has this id, or no longer."""


class ImportStoppedError(ColloquyError):
    """A person stopped the import."""


@dataclass(frozen=True, slots=True)
class Import:
    """The state of an import. Times are Unix seconds.

    ``doing`` is its current step, with ``done`` of ``total`` (None: unknown) completed. ``report`` is set once it is
    done; ``problem`` says why it failed or was stopped, and what was imported.
    """

    id: str
    name: str
    state: ImportState
    begun_at: float
    doing: str = ""
    done: int = 0
    total: int | None = None
    report: Report | None = field(default=None, hash=False)
    problem: str = ""
    ended_at: float | None = None


def _safe_name(name: str) -> str:
    """Return the end of a name, which has the file extension, with only characters that every system accepts."""
    end = _UNSAFE.sub(" ", name).encode("utf-8", "replace")[-LONGEST_NAME:]
    return end.decode("utf-8", "ignore").strip(" .")


class Imports:
    """Runs imports. Thread-safe."""

    def __init__(self, store: Store, bus: EventBus, *, incoming: Path, files: Path) -> None:
        """``incoming`` is the folder for uploads, which is emptied now; ``files`` is the folder for agents' files."""
        self._store = store
        self._bus = bus
        self._incoming = incoming
        self._files = AgentFiles(files)
        self._imports: dict[str, Import] = {}
        self._stopped: set[str] = set()
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()
        shutil.rmtree(incoming, ignore_errors=True)

    def receive(self, name: str, file: IO[bytes]) -> Path:
        """Keep an uploaded file with this name until its import is over.

        Raises:
            StoreFullError, StoreNotWritableError
        """
        folder = self._incoming / uuid.uuid4().hex
        path = folder / (_safe_name(name) or "file")
        try:
            with writing(self._incoming):
                folder.mkdir(parents=True)
                with path.open("wb") as copy:
                    shutil.copyfileobj(file, copy)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return path

    def begin_file(self, path: Path, wishes: Wishes) -> Import:
        """Import a file that was received. Returns at once."""

        def run(progress: Progress) -> Report:
            try:
                return import_file(self._store, path, wishes, files=self._files, progress=progress)
            except ImportRefusedError as error:
                # The user does not know the file by its path here.
                raise type(error)(str(error).replace(str(path), path.name)) from error
            finally:
                shutil.rmtree(path.parent, ignore_errors=True)

        return self._begin(path.name, run)

    def begin_database(self, url: str, wishes: Wishes) -> Import:
        """Import the session database of an ADK project by its URL. Returns at once."""
        name = f"{url.partition(':')[0]} database"
        return self._begin(name, lambda progress: import_database(self._store, url, wishes, progress=progress))

    def get(self, import_id: str) -> Import:
        """Return the current state of an import.

        Raises:
            UnknownImportError: there is no such import.
        """
        with self._lock:
            known = self._imports.get(import_id)
        if known is None:
            raise UnknownImportError(
                "Unknown import. Only the most recent imports are remembered, until Colloquy exits."
            )
        return known

    def all(self) -> list[Import]:
        """Return the imports since the app started, newest first."""
        with self._lock:
            return list(self._imports.values())[::-1]

    def wait(self, import_id: str) -> Import:
        """Wait until an import is over.

        Raises:
            UnknownImportError: there is no such import.
        """
        self.get(import_id)
        with self._lock:
            thread = self._threads.get(import_id)
        if thread:
            thread.join()
        return self.get(import_id)

    def stop(self, import_id: str) -> None:
        """Make an import end before its next conversation. What was imported stays."""
        with self._lock:
            if import_id in self._threads:
                self._stopped.add(import_id)

    def forget(self, import_id: str) -> None:
        """Forget an import, if it is over."""
        with self._lock:
            if import_id in self._imports and self._imports[import_id].state.is_over:
                del self._imports[import_id]

    def close(self) -> None:
        """Make all imports end; everything imported so far is complete."""
        with self._lock:
            self._stopped.update(self._threads)
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(CLOSING_SECONDS)

    # ------------------------------------------------------------------------------------------------------------------

    def _begin(self, name: str, run: Callable[[Progress], Report]) -> Import:
        begun = Import(str(uuid.uuid4()), name, ImportState.WAITING, time.time())
        thread = threading.Thread(target=self._run, args=(begun.id, run), name="import", daemon=True)
        with self._lock:
            over = [known.id for known in self._imports.values() if known.state.is_over]
            for import_id in over[: max(0, len(over) - KEPT + 1)]:
                del self._imports[import_id]
            self._imports[begun.id] = begun
            self._threads[begun.id] = thread
        thread.start()
        return begun

    def _run(self, import_id: str, run: Callable[[Progress], Report]) -> None:
        def progress(doing: str, done: int, total: int | None) -> None:
            if import_id in self._stopped:
                raise ImportStoppedError(
                    "Stopped. The chats imported so far are complete; import again to get the rest."
                )
            self._change(import_id, state=ImportState.RUNNING, doing=doing, done=done, total=total)

        ended: dict[str, object] = {
            "state": ImportState.FAILED,
            "problem": "An unexpected error occurred. See the log for details.",
        }
        try:
            with self._one_at_a_time:
                ended = {"state": ImportState.DONE, "report": run(progress)}
        except ImportStoppedError as error:
            ended = {"state": ImportState.STOPPED, "problem": str(error)}
        except ColloquyError as error:
            ended = {"state": ImportState.FAILED, "problem": str(error)}
        finally:
            self._change(import_id, ended_at=time.time(), **ended)
            with self._lock:
                self._stopped.discard(import_id)
                del self._threads[import_id]
            self._bus.publish(BusEvent(EventKind.SESSION_LIST_CHANGED, NO_SESSION))
            self._bus.publish(BusEvent(EventKind.WORKSPACES_CHANGED, NO_SESSION))

    def _change(self, import_id: str, **facts: object) -> None:
        with self._lock:
            self._imports[import_id] = replace(self._imports[import_id], **facts)  # type: ignore[arg-type]
