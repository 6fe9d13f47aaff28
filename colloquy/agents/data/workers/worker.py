"""The program of a query process. Whatever a query does to it (crash, hang, eat memory) ends with it.

Reads lines of JSON from standard input: first what to open (``kind``, ``address``, ``memory_mib``, ``threads``), then
requests, each with an ``op``: ``summary``, ``tables`` or ``query`` (``sql``, ``rows``, ``seconds``, ``result_bytes``,
``cells``). An ``address`` or ``scope`` in a request overrides the first line. ``cancel`` may come at any time and tells
the database's server, if there is one, to stop.
Answers each line, including the first, with a line of JSON on standard output. Its ``bytes`` gives the length of the
Arrow stream that follows; an error has its kind in ``error`` and its text in ``message``. ``worn`` means that memory
left behind by earlier queries would be missing for the next one.
It exits when standard input ends, whatever it is doing; this also happens when the parent is killed.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

from colloquy.agents.data.engines.base import Engine
from colloquy.agents.data.guard.bounds import MEBIBYTE, Bounds, EngineError, too_big
from colloquy.agents.data.guard.guard import Refusal, check
from colloquy.agents.data.workers.memory_limits import (
    address_bytes,
    take_at_most,
    take_processor_seconds,
    write_no_files,
)

OVERTIME = 2.0
"""Seconds that every processor may work beyond a query's time before the system ends the process."""

Reply = tuple[dict[str, Any], memoryview | bytes]


def main() -> None:
    """Serve requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps the output of native code out of the answers
    _warm_up()
    worker = _Worker()
    lines = worker.lines()
    setup = next(lines)
    engine_of(setup)  # so that its imports do not count toward the first query's time
    take_at_most(setup["memory_mib"])
    if setup["kind"] != "sqlite":  # reading a file in WAL mode needs a shared-memory file beside it
        write_no_files()
    _send(answers, ({"ready": True}, b""))
    most = address_bytes() + setup["memory_mib"] * MEBIBYTE // 2
    for request in lines:
        header, payload = worker.answered(setup | request)
        _send(answers, (header | {"worn": address_bytes() > most}, payload))


class _Worker:
    """Answers one request after another, while a separate thread listens for what else the parent sends."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._engine: Engine | None = None
        threading.Thread(target=self._hear, name="hearing", daemon=True).start()

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines that the parent sends, without end."""
        while True:
            yield self._lines.get()

    def answered(self, request: dict[str, Any]) -> Reply:
        """The answer to a request."""
        try:
            self._engine = engine_of(request)
            return self._answer(self._engine, request)
        except Refusal as refusal:
            return {"error": "refused", "message": str(refusal)}, b""
        except EngineError as error:
            return {"error": error.kind, "message": str(error)}, b""
        except (MemoryError, pa.ArrowMemoryError, duckdb.OutOfMemoryException):
            return {"error": "memory", "message": too_big(request["memory_mib"])}, b""
        finally:
            self._engine = None

    def _answer(self, engine: Engine, request: dict[str, Any]) -> Reply:
        if request["op"] == "summary":
            return {"summary": engine.summary()}, b""
        if request["op"] == "tables":
            return {"tables": engine.tables()}, b""
        began = time.perf_counter()
        take_processor_seconds((request["seconds"] + OVERTIME) * (os.cpu_count() or 1))
        statement = check(request["sql"], engine.dialect)
        bounds = Bounds(request["rows"], request["seconds"], request["result_bytes"], request["cells"])
        table, cut = engine.run(statement, bounds)
        return {"cut": cut, "seconds": time.perf_counter() - began}, _packed(table)

    def _hear(self) -> None:
        for line in sys.stdin.buffer:
            request = json.loads(line)
            engine = self._engine
            if request.get("op") != "cancel":
                self._lines.put(request)
            elif engine is not None:
                engine.cancel()
        os._exit(0)


def engine_of(setup: dict[str, Any]) -> Engine:
    """The engine of a kind. Everything that only one engine needs is imported here."""
    kind = setup["kind"]
    if kind == "sqlite":
        from colloquy.agents.data.engines.sqlite_engine import SqliteEngine  # noqa: PLC0415

        return SqliteEngine(setup)
    if kind == "postgres":
        from colloquy.agents.data.engines.postgres_engine import PostgresEngine  # noqa: PLC0415

        return PostgresEngine(setup)
    if kind == "history":
        from colloquy.agents.data.engines.history_engine import HistoryEngine  # noqa: PLC0415

        return HistoryEngine(setup)
    from colloquy.agents.data.engines.duckdb_engine import DuckDbEngine, FolderEngine  # noqa: PLC0415

    return FolderEngine(setup) if kind == "folder" else DuckDbEngine(setup)


def _warm_up() -> None:
    """Do ahead of time what the first query would wait for. What is in use now does not count against a query's
    memory."""
    check("select 1", "duckdb")
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.sql("select 1").to_arrow_reader(1).read_all()


def _packed(table: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue())


def _send(answers: BinaryIO, reply: Reply) -> None:
    header, payload = reply
    answers.write(json.dumps(header | {"bytes": len(payload)}).encode() + b"\n")
    answers.write(payload)
    answers.flush()


if __name__ == "__main__":
    main()
