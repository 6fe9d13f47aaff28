"""What a model must know about a database before it can write a query."""

from __future__ import annotations

import time
import weakref
from dataclasses import dataclass, field
from typing import Final

from colloquy.agents.data.database import Database, describe
from colloquy.agents.data.errors import DataError, QueryStoppedError
from colloquy.agents.data.results import TableInfo
from colloquy.agents.data.workers.cancellation import Cancellation

_FRESH: Final = 60.0
_SECONDS: Final = 5.0
"""How long to keep describing tables; for the remaining ones only the columns are known."""


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables, and by table and column the values of text columns with only a few."""

    tables: tuple[TableInfo, ...]
    values: dict[str, dict[str, tuple[str, ...]]] = field(hash=False)


_known: weakref.WeakKeyDictionary[Database, tuple[float, Schema]] = weakref.WeakKeyDictionary()


def schema_of(database: Database, cancellation: Cancellation | None = None) -> Schema:
    """Inspect a database, or return what was found a moment ago.

    Raises:
        DataError: it cannot be reached.
    """
    began = time.monotonic()
    known = _known.get(database)
    if known and began - known[0] < _FRESH:
        return known[1]
    tables = database.tables()
    values: dict[str, dict[str, tuple[str, ...]]] = {}
    for table in tables:
        if time.monotonic() - began > _SECONDS:
            break
        try:
            values[table.name] = describe(database, table.name, cancellation).values
        except QueryStoppedError:
            raise
        except DataError:  # one unreadable table does not hide the others
            continue
    schema = Schema(tables, values)
    _known[database] = (began, schema)
    return schema
