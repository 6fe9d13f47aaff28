"""Downloads: files that a browser saves under their own names and never shows as a page of this server; CSV."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from pyarrow.parquet import ParquetFile

from colloquy.agents.data.guard.values import pieces

LONGEST_NAME = 80
MOST_NAME_BYTES: Final = 200
"""The most bytes of a name: file systems allow 255, and an extension is added."""

OWN: Final = {"Cross-Origin-Resource-Policy": "same-origin"}
"""Headers that keep pages of other sites from embedding a file."""

BATCH_ROWS = 8192
MOST_VALUES = 20_000
"""The most nested values written at a time: they pass through Python, and nothing else runs meanwhile."""

MOST_BYTES = 8 * 1024 * 1024

FORMULA = "^[=@\t\r]|^[+-].*[^-+0-9 .,()/]"
"""Texts that a spreadsheet would take for a formula and that are more than a number, a date or a phone number."""


def file_name(title: str) -> str:
    """A title without the characters that file systems reject; empty if nothing is left of it."""
    printable = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in title)
    name = " ".join(re.sub(r'[\\/:*?"<>|]', " ", printable).split())[:LONGEST_NAME]
    return name.encode()[:MOST_NAME_BYTES].decode("utf-8", "ignore").strip(" .")


def saved_as(name: str) -> dict[str, str]:
    """The headers that save a file under this name."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'["\\\x00-\x1f\x7f]', "", letters).strip()
    plain = plain if plain.rpartition(".")[0] else f"result{plain}"
    return {
        **OWN,
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
    }


def file_answer(*mime_types: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of a route that answers with a file of one of these types."""
    binary = {"type": "string", "format": "binary"}
    content = {kind: {"schema": {} if kind == "application/json" else binary} for kind in mime_types}
    return {200: {"description": "The file.", "content": content}}


def csv_pieces(parquet: bytes) -> Iterator[bytes]:
    """The rows of a Parquet file as CSV (RFC 4180, UTF-8 without a byte order mark, line feeds), starting with the
    column names.

    Texts that a spreadsheet would run as a formula get an apostrophe in front: the rows come from databases that others
    may have written to. Numbers are untouched; for the unchanged texts, use the Parquet file. Nested values become
    JSON, bytes hexadecimal digits.
    """
    file = ParquetFile(pa.BufferReader(parquet))
    names = pa.array(file.schema_arrow.names, pa.string())
    yield _written([pa.array([name]) for name in _harmless(names).to_pylist()])
    for batch in file.iter_batches(BATCH_ROWS):
        for piece in pieces(batch, MOST_VALUES, MOST_BYTES):
            yield _written([_plain(column) for column in piece.columns])


def _written(columns: list[pa.Array]) -> bytes:
    piece = io.BytesIO()
    names = [str(number) for number in range(len(columns))]
    csv.write_csv(pa.Table.from_arrays(columns, names), piece, csv.WriteOptions(include_header=False))
    return piece.getvalue()


def _plain(column: pa.Array) -> pa.Array:
    """A column converted to a type that CSV can represent."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.dictionary_decode())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _harmless(column)
    if pa.types.is_null(kind) or pa.types.is_boolean(kind) or _is_number(kind) or _is_moment(kind):
        return column
    return _harmless(pa.array([_text(_value(cell)) for cell in column], pa.string()))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_time(kind))


def _value(cell: pa.Scalar) -> object:
    try:
        return cell.as_py()
    except (ValueError, OverflowError):  # a date before the year 1 or after 9999, which Python does not support
        if isinstance(cell, pa.StructScalar):
            return {field.name: _value(cell[at]) for at, field in enumerate(cell.type)}
        if isinstance(cell, pa.ListScalar):
            return list(map(_value, cell.values))
        return cell.cast(pa.string()).as_py()


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=_text)
    return str(value)


def _harmless(texts: pa.Array) -> pa.Array:
    suspicious = pc.match_substring_regex(texts, FORMULA)
    if not pc.any(suspicious).as_py():
        return texts
    return pc.if_else(suspicious, pc.binary_join_element_wise("'", texts, ""), texts)
