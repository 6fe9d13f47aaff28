"""The whole history as Parquet: one file for each of its views."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet

from session_store.exchange.conversation import Progress
from session_store.store import Store

ROWS_AT_ONCE: Final = 50_000


def write_views(store: Store, folder: Path, target: Callable[[Path], Path], progress: Progress) -> dict[str, int]:
    """Write the views of the schema ``history`` as ``<view>.parquet``.

    Args:
        store: the store to read; all files show the same moment.
        folder: the folder to write to.
        target: returns where to write the file for a path.
        progress: called with the progress made.

    Returns the number of rows by view.
    """
    written: dict[str, int] = {}
    with store.log.database.reading() as cursor:
        cursor.begin()
        names = [
            row[0]
            for row in cursor.execute(
                "select table_name from information_schema.tables where table_schema = 'history' order by table_name"
            ).fetchall()
        ]
        for done, name in enumerate(names):
            progress("Writing views", done, len(names))
            # The names come from the store's own catalog.
            rows = cursor.sql(f'select * from history."{name}"')
            written[name] = _write(rows.to_arrow_reader(ROWS_AT_ONCE), target(folder / f"{name}.parquet"))
        cursor.commit()
    progress("Writing views", len(names), len(names))
    return written


def _write(batches: Any, path: Path) -> int:  # noqa: ANN401 - pyarrow has no types
    number = 0
    with pyarrow.parquet.ParquetWriter(path, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            number += batch.num_rows
    return number
