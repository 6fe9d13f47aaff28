"""What turns produce besides words: tables, charts and files, kept in the store as results."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
from google.adk.artifacts import BaseArtifactService
from google.adk.tools.tool_context import ToolContext
from pyarrow import parquet

from colloquy.agents.data.results import QueryResult
from colloquy.runtime.artifacts import OF_USER
from colloquy.runtime.bus import BusEvent, EventBus, EventKind
from session_store import Store
from session_store.errors import ColloquyError, StoreError
from session_store.models import Result, ResultKind, SessionKey, Turn

_MUCH: Final = 8 * 1024 * 1024
"""Bytes of a table from which on only one at a time is written: that takes about three times as much memory."""

_BATCH_ROWS: Final = 16
_writing_much: Final = threading.Lock()


class ResultNotKeptError(ColloquyError):
    """A result could not be written."""


class ResultGoneError(ColloquyError):
    """A result was removed, or never had a query."""


@dataclass(frozen=True, slots=True)
class ResultOrigin:
    """Where a result comes from. ``call_id`` is the tool call's."""

    key: SessionKey
    turn_id: str
    call_id: str | None = None


class Results:
    """Writes results and tells of them. Thread-safe; its methods block until the result is durable."""

    def __init__(self, store: Store, bus: EventBus) -> None:
        self._store = store
        self._bus = bus

    def add_query(
        self, origin: ResultOrigin, title: str, result: QueryResult, spec: dict[str, Any] | None = None
    ) -> Result:
        """Keep the rows of a query, and with a Vega-Lite specification the chart of them.

        Raises:
            ResultNotKeptError: the disk is full, or the store cannot be written.
        """
        data = as_parquet(result.table)
        kept = _result(
            origin,
            kind=ResultKind.CHART if spec else ResultKind.TABLE,
            title=title,
            sql=result.sql,
            spec=spec,
            rows=result.rows,
            note=result.note,
            seconds=result.seconds,
            size=len(data),
        )
        self._add(kept, data)
        return kept

    def add_file(self, origin: ResultOrigin, name: str, version: int, mime_type: str | None, size: int) -> Result:
        """Note a file that the artifact service keeps. Raises ResultNotKeptError."""
        kept = _result(
            origin,
            kind=ResultKind.FILE,
            title=name.removeprefix(OF_USER),
            file_name=name,
            file_version=version,
            mime_type=mime_type,
            size=size,
        )
        self._add(kept)
        return kept

    def _add(self, result: Result, data: bytes | None = None) -> None:
        try:
            self._store.results.add(result, data)
        except StoreError as error:
            raise ResultNotKeptError(
                f"The result “{result.title or result.kind}” could not be saved: {error}"
            ) from error
        self._bus.publish(BusEvent(EventKind.RESULT_ADDED, result.key, result.turn_id))


class TurnSink:
    """Keeps what the tools of one turn make. See ResultSink."""

    def __init__(self, results: Results, turn: Turn) -> None:
        self._results = results
        self._turn = turn

    async def add_table(self, context: ToolContext, *, title: str, result: QueryResult) -> None:
        """Keep a table. Raises ResultNotKeptError."""
        await asyncio.to_thread(self._results.add_query, self._origin(context), title, result)

    async def add_chart(self, context: ToolContext, *, title: str, result: QueryResult, spec: dict[str, Any]) -> None:
        """Keep a chart. Raises ResultNotKeptError."""
        await asyncio.to_thread(self._results.add_query, self._origin(context), title, result, spec)

    def _origin(self, context: ToolContext) -> ResultOrigin:
        # The session and the turn are the person's, also where an agent runs as a tool, in a session of its own.
        return ResultOrigin(self._turn.key, self._turn.id, context.function_call_id)


async def add_files(
    results: Results, artifacts: BaseArtifactService, origin: ResultOrigin, saved: Mapping[str, int]
) -> None:
    """Keep files that an event says were saved (by name, with their version) as results. Raises ResultNotKeptError."""
    key = origin.key
    for name, version in saved.items():
        part = await artifacts.load_artifact(
            app_name=key.app_name, user_id=key.user_id, session_id=key.session_id, filename=name, version=version
        )
        if part is None:
            continue
        blob = part.inline_data
        data = (blob.data if blob else (part.text or "").encode()) or b""
        mime_type = blob.mime_type if blob else "text/plain"
        await asyncio.to_thread(results.add_file, origin, name, version, mime_type, len(data))


def as_parquet(table: pa.Table) -> bytes:
    """The rows of a query as a Parquet file (zstd). All of their types have been made ones that Parquet has."""
    sink = pa.BufferOutputStream()
    with _writing_much if table.nbytes > _MUCH else nullcontext():
        # Statistics would hold copies of the largest values, and large batches several times their size.
        parquet.write_table(table, sink, compression="zstd", write_statistics=False, write_batch_size=_BATCH_ROWS)
        return bytes(sink.getvalue().to_pybytes())


def _result(
    origin: ResultOrigin,
    *,
    kind: ResultKind,
    title: str,
    size: int,
    sql: str | None = None,
    spec: dict[str, Any] | None = None,
    rows: int | None = None,
    note: str = "",
    seconds: float | None = None,
    file_name: str | None = None,
    file_version: int | None = None,
    mime_type: str | None = None,
) -> Result:
    return Result(
        id=str(uuid.uuid4()),
        key=origin.key,
        turn_id=origin.turn_id,
        call_id=origin.call_id,
        kind=kind,
        title=title,
        sql=sql,
        spec=spec,
        rows=rows,
        note=note,
        seconds=seconds,
        file_name=file_name,
        file_version=file_version,
        mime_type=mime_type,
        size=size,
        created_at=time.time(),
    )
