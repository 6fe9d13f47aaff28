"""Exports conversations to files, which appear only when complete."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet

from session_store.engine.faults import is_full, unwritable
from session_store.exchange.adk.json_files import session_json
from session_store.exchange.agent_files import AgentFiles
from session_store.exchange.archive import archive_pieces, slug
from session_store.exchange.conversation import Progress, Whole, silent
from session_store.exchange.errors import ExportError
from session_store.exchange.exports.markdown import markdown
from session_store.exchange.exports.reading import wholes
from session_store.exchange.json_lines import lines
from session_store.models import SessionKey
from session_store.store import Store

ROWS_AT_ONCE: Final = 50_000


class Format(StrEnum):
    """The formats for exporting conversations."""

    MARKDOWN = "markdown"
    JSON = "json"
    ADK_WEB = "adk-web"
    JSON_LINES = "jsonl"
    ZIP = "zip"
    PARQUET = "parquet"


SUFFIXES = {
    Format.MARKDOWN: ".md",
    Format.JSON: ".json",
    Format.ADK_WEB: ".json",
    Format.JSON_LINES: ".jsonl",
    Format.ZIP: ".zip",
}


def text(found: Iterable[Whole], form: Format) -> Iterator[str]:
    """Returns conversations as one text, in pieces. JSON is one session, or a list of several."""
    if form is Format.MARKDOWN:
        for number, whole in enumerate(found):
            yield ("\n\n" if number else "") + markdown(whole)
    elif form is Format.JSON_LINES:
        for whole in found:
            yield from lines(whole)
    else:
        yield from _json(found, for_adk_web=form is Format.ADK_WEB)


def pieces(
    store: Store,
    keys: list[SessionKey],
    form: Format,
    files: AgentFiles | None = None,
    *,
    all_workspaces: bool = True,
    progress: Progress = silent,
) -> Iterator[bytes]:
    """Returns any number of conversations as one file, in pieces. An archive also contains the ``files`` that agents
    made, and all workspaces or only those of the conversations. Conversations deleted meanwhile are left out.

    Raises:
        ExportError: the format is Parquet, which takes several files.
    """
    if form is Format.PARQUET:
        raise ExportError("The whole history as Parquet is several files. Export it to a folder.")
    if form is Format.ZIP:
        found = _watched(wholes(store, keys, with_data=True), len(keys), progress)
        known = {workspace.id: workspace for workspace in store.workspaces.list()}
        return archive_pieces(found, known if all_workspaces else None, files)
    found = _watched(wholes(store, keys), len(keys), progress)
    return (piece.encode() for piece in text(found, form))


def export(
    store: Store,
    keys: list[SessionKey],
    form: Format,
    target: Path,
    *,
    files: AgentFiles | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> list[Path]:
    """Write conversations to ``target``. An archive also contains the ``files`` that agents made.

    An existing folder gets one file per conversation (Markdown, JSON, JSON Lines) or the views of the whole history
    (Parquet, which ignores ``keys`` and creates the folder if needed). Otherwise ``target`` becomes one file with all
    conversations.

    Returns the files.

    Raises:
        ExportError: the target exists, or it cannot be written. Existing files stay as they were.
    """
    with _Written(overwrite=overwrite) as written, _explained(target):
        if form is Format.PARQUET:
            target.mkdir(parents=True, exist_ok=True)
            write_views(store, target, written.claim, progress)
        elif target.is_dir() and form is not Format.ZIP:
            for whole in _watched(wholes(store, keys), len(keys), progress):
                name = f"{slug(whole.about.title)} {slug(whole.about.key.session_id)}".strip()
                place = written.claim(target / f"{name}{SUFFIXES[form]}")
                _write(place, (piece.encode() for piece in text([whole], form)))
        else:
            place = target / f"conversations{SUFFIXES[form]}" if target.is_dir() else target
            _write(written.claim(place), pieces(store, keys, form, files, progress=progress))
        return written.publish()


class _Written:
    """Files that are written beside their final paths, and moved there when all are complete."""

    def __init__(self, *, overwrite: bool) -> None:
        self._overwrite = overwrite
        self._unfinished: dict[Path, Path] = {}

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, *_: object) -> None:
        for unfinished in self._unfinished.values():
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def claim(self, path: Path) -> Path:
        """Returns where to write the file for ``path``."""
        if path.exists() and not self._overwrite:
            raise ExportError(f"{path} exists already. Choose another name, or overwrite it (--overwrite).")
        unfinished = path.with_name(f".{path.name}.unfinished")
        self._unfinished[path] = unfinished
        return unfinished

    def publish(self) -> list[Path]:
        """Move all files to their final paths."""
        for path, unfinished in self._unfinished.items():
            unfinished.replace(path)
        return list(self._unfinished)


@contextlib.contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise unwritable(error, target.parent) or error from error
        where = error.filename or target
        raise ExportError(
            f"{where} cannot be written: {error.strerror or error}. Nothing was exported. Choose another place."
        ) from error


def _watched(found: Iterable[Whole], total: int, progress: Callable[[str, int, int | None], None]) -> Iterator[Whole]:
    for done, whole in enumerate(found, start=1):
        yield whole
        progress("Writing conversations", done, total)


def _write(path: Path, content: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(content)


def _json(found: Iterable[Whole], *, for_adk_web: bool) -> Iterator[str]:
    documents = (
        json.dumps(session_json(whole, for_adk_web=for_adk_web), ensure_ascii=False, indent=2) for whole in found
    )
    first, second = next(documents, None), next(documents, None)
    if first is None or second is None:
        yield f"{first or '[]'}\n"
        return
    yield f"[\n{first},\n{second}"
    for document in documents:
        yield f",\n{document}"
    yield "\n]\n"


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
            written[name] = _write_rows(rows.to_arrow_reader(ROWS_AT_ONCE), target(folder / f"{name}.parquet"))
        cursor.commit()
    progress("Writing views", len(names), len(names))
    return written


def _write_rows(batches: Any, path: Path) -> int:  # noqa: ANN401 - pyarrow has no types
    number = 0
    with pyarrow.parquet.ParquetWriter(path, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            number += batch.num_rows
    return number
