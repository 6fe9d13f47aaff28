"""The program of the process in which queries run. What a query does to it (crash, hang, eat memory) ends with it.

Reads lines of JSON from standard input: first what to open (``kind``, ``address``, ``memory_mib``, ``threads``), then
requests, each with an ``op``: ``summary``, ``tables`` or ``query`` (``sql``, ``rows``, ``seconds``, ``result_bytes``).
Answers each, and the first, with a line of JSON on standard output, in which ``bytes`` tells the length of the Arrow
stream that follows it; an ``error`` has its kind there and a ``message``.
It ends when its standard input does, which is also what happens when the parent is killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, BinaryIO

import pyarrow as pa

from agents.data.bounds import Bounds, EngineError
from agents.data.engines.base import Engine
from agents.data.guard import Refusal, check
from agents.data.memory import end_when_above, write_no_files

MEMORY_FACTOR = 2
"""How much more than the engine's own limit the whole process may hold."""

Reply = tuple[dict[str, Any], bytes]


def main() -> None:
    """Serve requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever native code prints must not get between the answers
    setup = json.loads(sys.stdin.buffer.readline())
    end_when_above(setup["memory_mib"] * MEMORY_FACTOR)
    engine = engine_of(setup)
    if setup["kind"] != "sqlite":  # reading a file in WAL mode needs a file of shared memory beside it
        write_no_files()
    _send(answers, ({"ready": True}, b""))
    for line in sys.stdin.buffer:
        try:
            reply = _answered(engine, json.loads(line))
        except Refusal as refusal:
            reply = {"error": "refused", "message": str(refusal)}, b""
        except EngineError as error:
            reply = {"error": error.kind, "message": str(error)}, b""
        _send(answers, reply)
    os._exit(0)


def engine_of(setup: dict[str, Any]) -> Engine:
    """The engine of a kind. Only its own libraries are imported: a worker shall start quickly."""
    kind = setup["kind"]
    if kind == "sqlite":
        from agents.data.engines.sqlite_engine import SqliteEngine  # noqa: PLC0415

        return SqliteEngine(setup)
    if kind == "postgres":
        from agents.data.engines.postgres_engine import PostgresEngine  # noqa: PLC0415

        return PostgresEngine(setup)
    from agents.data.engines.duckdb_engine import DuckDbEngine, FolderEngine  # noqa: PLC0415

    return FolderEngine(setup) if kind == "folder" else DuckDbEngine(setup)


def _answered(engine: Engine, request: dict[str, Any]) -> Reply:
    if request["op"] == "summary":
        return {"summary": engine.summary()}, b""
    if request["op"] == "tables":
        return {"tables": engine.tables()}, b""
    statement = check(request["sql"], engine.dialect)
    table, cut = engine.run(statement, Bounds(request["rows"], request["seconds"], request["result_bytes"]))
    return {"cut": cut}, _packed(table)


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def _send(answers: BinaryIO, reply: Reply) -> None:
    header, payload = reply
    answers.write(json.dumps(header | {"bytes": len(payload)}).encode() + b"\n")
    answers.write(payload)
    answers.flush()


if __name__ == "__main__":
    main()
