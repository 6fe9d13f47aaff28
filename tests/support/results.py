"""Results of conversations, as tools create them."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from colloquy.runtime.application import Application
from session_store.models import Result, ResultKind, SessionKey

MONTHS = pa.table({"month": ["2026-01-01", "2026-02-01", "2026-03-01"], "revenue": [1200.5, 980.0, 1430.25]})
BARS = {
    "mark": {"type": "bar", "tooltip": True},
    "encoding": {
        "x": {"field": "month", "type": "nominal", "sort": None},
        "y": {"field": "revenue", "type": "quantitative"},
    },
}


def parquet_bytes(table: pa.Table) -> bytes:
    """Encode a table the way the store keeps it."""
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def new_result(
    application: Application, key: SessionKey, table: pa.Table | None = MONTHS, *, turn_id: str = "", **facts: Any
) -> Result:
    """Save a result of a session, and return it: a table, unless ``facts`` say otherwise."""
    data = None if table is None else parquet_bytes(table)
    usual: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "call_id": None,
        "kind": ResultKind.TABLE,
        "title": "Revenue by month",
        "sql": "select month, revenue from sales",
        "spec": None,
        "rows": None if table is None else table.num_rows,
        "note": "",
        "seconds": 0.02,
        "file_name": None,
        "file_version": None,
        "mime_type": None,
        "size": len(data or b""),
        "created_at": time.time(),
    }
    result = Result(key=key, turn_id=turn_id or str(uuid.uuid4()), **{**usual, **facts})
    assert application.store.results.add(result, data)
    return result


def new_chart(application: Application, key: SessionKey, table: pa.Table = MONTHS, **facts: Any) -> Result:
    """Save a chart of a session, and return it."""
    return new_result(application, key, table, **{"kind": ResultKind.CHART, "spec": BARS, **facts})
