"""What every engine offers the worker."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from colloquy.agents.data.guard.bounds import Bounds, Cut, EngineError
from colloquy.agents.data.guard.functions import Dialect
from colloquy.agents.data.guard.guard import Statement
from session_store.files import BadFileError, require_regular

MAX_TABLES = 300
"""Tables that are listed with their columns; a list longer than this helps neither a person nor a model."""

Row = dict[str, Any]


class Engine(Protocol):
    """One database, opened anew for each call, so that it is never held against others and always up to date."""

    dialect: Dialect

    def summary(self) -> str:
        """What was found, in words."""
        ...

    def tables(self) -> list[Row]:
        """Each table: ``name``, ``sql`` (its name quoted for a query), ``kind``, ``rows`` (a count or an estimate,
        or None), ``exact``, ``comment`` and ``columns`` of ``name``, ``type``, ``comment``."""
        ...

    def run(self, statement: Statement, bounds: Bounds) -> tuple[pa.Table, Cut | None]:
        """The result and what cut it short; None if nothing did.

        Raises:
            EngineError
        """
        ...

    def cancel(self) -> None:
        """Have a server stop what ``run`` asked it for; called by another thread. Where there is no server, nothing:
        the process is ended in a moment."""
        ...


def require_file(path: Path, *beside: str) -> None:
    """Look at a file before an engine opens it, and at what it opens beside it.

    Raises:
        EngineError: there is none, or it cannot be read.
    """
    try:
        require_regular(path, *beside)
    except FileNotFoundError:
        raise EngineError("unavailable", f"There is no file {path}.") from None
    except BadFileError as error:
        raise EngineError("unavailable", f"{path} cannot be read: {error}.") from error


def table_row(
    schema: str | None, table: str, kind: str, rows: int | None, comment: str | None, *, exact: bool = False
) -> Row:
    """A table as ``Engine.tables`` gives it; ``schema`` is None where its name alone finds it."""
    parts = [part for part in (schema, table) if part is not None]
    return {
        "name": ".".join(parts),
        "sql": ".".join(quoted(part) for part in parts),
        "kind": kind,
        "rows": rows,
        "exact": exact,
        "comment": comment or "",
        "columns": [],
    }


def add_columns(tables: list[Row], columns: Iterable[tuple[str | None, str, str, str, str | None]]) -> list[Row]:
    """Put columns (schema, table, name, type, comment) to their tables."""
    by_name: dict[str, Row] = {table["name"]: table for table in tables}
    for schema, table_name, name, kind, comment in columns:
        table = by_name.get(f"{schema}.{table_name}" if schema else table_name)
        if table is not None:
            table["columns"].append({"name": name, "type": kind, "comment": comment or ""})
    return tables


def quoted(name: str) -> str:
    """A name as SQL reads it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
