"""The mark in a data file that says that its conversations are made up."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import duckdb

from session_store.store import Store

_known: WeakKeyDictionary[Store, bool] = WeakKeyDictionary()


def mark(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    """Permanently mark a file as demo data."""
    connection.execute("create table demo_data (seed bigint not null)")
    connection.execute("insert into demo_data values ($1)", [seed])


def is_demo(store: Store) -> bool:
    """Whether the conversations of this store are made up."""
    if store not in _known:
        tables = store.log.database.rows("select 1 from information_schema.tables where table_name = 'demo_data'")
        _known[store] = bool(tables)
    return _known[store]
