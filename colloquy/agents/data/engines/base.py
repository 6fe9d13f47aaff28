"""The interface that every engine offers to the worker."""

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
"""The most tables that are listed with their columns; a longer list helps neither a person nor a model."""

Row = dict[str, Any]


class Engine(Protocol):
    """One database. It is opened anew for each call, so that other programs are never locked out and its data is always
    current."""

    dialect: Dialect

    def summary(self) -> str:
        """A description of what was found."""
        ...

    def tables(self) -> list[Row]:
        """Each table: ``name``, ``sql`` (its name quoted for a query), ``kind``, ``rows`` (a count or an estimate,
        or None), ``exact``, ``comment`` and ``columns`` of ``name``, ``type``, ``comment``."""
        ...

    def run(self, statement: Statement, bounds: Bounds) -> tuple[pa.Table, Cut | None]:
        """Run a statement. Returns its result and the bound that cut it short; None if nothing did.

        Raises:
            EngineError
        """
        ...

    def cancel(self) -> None:
        """Have a server stop what ``run`` asked it for; called from another thread. Does nothing where there is no
        server: the process is about to be killed."""
        ...


def require_file(path: Path, *beside: str) -> None:
    """Check a file, and the files that the engine opens beside it, before an engine opens it.

    Raises:
        EngineError: the file does not exist or cannot be read.
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
    """A table in the form that ``Engine.tables`` returns; ``schema`` is None where the name alone finds the table."""
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
    """Add columns (schema, table, name, type, comment) to their tables."""
    by_name: dict[str, Row] = {table["name"]: table for table in tables}
    for schema, table_name, name, kind, comment in columns:
        table = by_name.get(f"{schema}.{table_name}" if schema else table_name)
        if table is not None:
            table["columns"].append({"name": name, "type": kind, "comment": comment or ""})
    return tables


def quoted(name: str) -> str:
    """A name quoted for SQL, whatever it contains."""
    return '"' + name.replace('"', '""') + '"'
