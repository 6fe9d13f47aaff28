"""The values in a result: counts them at every depth, measures them, and converts them to types that Parquet supports.
This happens where the query runs, so that its cost ends with the query."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from colloquy.agents.data.cells import interval_text, json_cell

_INTERVAL_BYTES: Final = 64
"""The most bytes an interval takes as text."""

_AS_TEXT: Final = "{}"


def count(column: pa.Array) -> int:
    """The number of values: one for each row, plus those within lists, maps, structs and unions. Nulls count too: a
    list of a million nulls takes no memory in Arrow, but it does in programs that read it."""
    return len(column) + sum(count(inner) for inner in _within(column))


def size(column: pa.Array) -> int:
    """The bytes that the values take when each is written out: a dictionary stores each text once, however long it is
    and however many rows refer to it."""
    kind = column.type
    if _is_storable(kind):
        return int(column.nbytes)
    if pa.types.is_dictionary(kind):
        return 8 * len(column) + _looked_up(column)
    if pa.types.is_interval(kind):
        return _INTERVAL_BYTES * len(column)
    return 8 * len(column) + sum(size(inner) for inner in _within(column))


def leaf_columns(kind: pa.DataType) -> int:
    """The number of columns that a type takes in a Parquet file: a struct takes one for each of its fields."""
    if isinstance(kind, pa.DictionaryType | pa.BaseExtensionType):
        return 1
    return sum(leaf_columns(kind.field(at).type) for at in range(kind.num_fields)) or 1


def fitting(batch: pa.RecordBatch, is_small: Callable[[pa.RecordBatch], bool]) -> pa.RecordBatch:
    """As many of the first rows as are small enough together."""
    if is_small(batch):
        return batch
    low, high = 0, batch.num_rows - 1
    while low < high:
        middle = (low + high + 1) // 2
        if is_small(batch.slice(0, middle)):
            low = middle
        else:
            high = middle - 1
    return batch.slice(0, max(low, 0))


def pieces(batch: pa.RecordBatch, most_values: int, most_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows in slices of at most so many nested values and so many bytes, but of at least one row."""

    def is_small(rows: pa.RecordBatch) -> bool:
        values = sum(count(column) - len(column) for column in rows.columns)
        return values <= most_values and sum(map(size, rows.columns)) <= most_bytes

    while batch.num_rows:
        rows = max(1, fitting(batch, is_small).num_rows)
        yield batch.slice(0, rows)
        batch = batch.slice(rows)


def storable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows in types that Parquet supports: dictionaries decoded; intervals, unions and types without values as
    text."""
    if all(map(_is_storable, batch.schema.types)):
        return batch
    columns = [_storable(column) for column in batch.columns]
    fields = [field.with_type(column.type) for field, column in zip(batch.schema, columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _is_storable(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind) or isinstance(kind, pa.BaseExtensionType) or _is_text_instead(kind):
        return False
    return all(_is_storable(kind.field(at).type) for at in range(kind.num_fields))


def _is_text_instead(kind: pa.DataType) -> bool:
    return bool(pa.types.is_interval(kind) or pa.types.is_union(kind) or _is_always_empty(kind))


def _is_always_empty(kind: pa.DataType) -> bool:
    is_empty_map = pa.types.is_map(kind) and pa.types.is_null(kind.key_type)
    return bool(is_empty_map or (pa.types.is_struct(kind) and kind.num_fields == 0))


def _within(column: pa.Array) -> list[pa.Array]:
    """The columns nested in a column, limited to the values that its own rows refer to."""
    if isinstance(column, pa.ExtensionArray):
        return _within(column.storage)
    if isinstance(column, pa.StructArray):
        return list(column.flatten())
    if isinstance(column, pa.UnionArray):
        return [column.field(at) for at in range(column.type.num_fields)]
    if isinstance(column, pa.MapArray):
        return [_referred(column, column.keys), _referred(column, column.items)]
    if isinstance(column, pa.ListArray | pa.LargeListArray):
        return [_referred(column, column.values)]
    return [column.flatten()] if isinstance(column, pa.FixedSizeListArray) else []


def _referred(column: pa.ListArray | pa.MapArray, values: pa.Array) -> pa.Array:
    if not len(column):
        return values.slice(0, 0)
    first, last = column.offsets[0].as_py(), column.offsets[-1].as_py()
    return values.slice(first, last - first)


def _offsets(column: pa.ListArray | pa.MapArray) -> pa.Array:
    """Where the values of each row begin, counted from the first one referred to."""
    if not len(column):
        return pa.array([0], pa.int32())
    return pc.subtract(column.offsets, column.offsets[0])


def _looked_up(column: pa.DictionaryArray) -> int:
    known = column.dictionary
    if not pa.types.is_string(known.type) and not pa.types.is_binary(known.type):
        return len(column) * size(known)
    return int(pc.sum(pc.take(pc.binary_length(known), column.indices)).as_py() or 0)


def _storable(column: pa.Array) -> pa.Array:
    kind = column.type
    if _is_storable(kind):
        return column
    if isinstance(column, pa.ExtensionArray):
        is_number = isinstance(kind, pa.OpaqueType) and kind.type_name == "bignum"
        return _numbers(column.storage) if is_number else _storable(column.storage)
    if isinstance(column, pa.DictionaryArray):
        return _storable(column.dictionary_decode())
    return _texts(column) if _is_text_instead(kind) else _nested(column)


def _nested(column: pa.Array) -> pa.Array:
    inner = [_storable(one) for one in _within(column)]
    if isinstance(column, pa.StructArray):
        return pa.StructArray.from_arrays(inner, [field.name for field in column.type], mask=column.is_null())
    if isinstance(column, pa.MapArray):
        return pa.MapArray.from_arrays(_offsets(column), *inner, mask=column.is_null())
    if isinstance(column, pa.FixedSizeListArray):
        # Flattening drops whatever values a null row holds.
        lengths = pc.if_else(column.is_null(), 0, column.type.list_size).cast(pa.int32())
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
        return pa.ListArray.from_arrays(offsets, *inner, mask=column.is_null())
    made = pa.LargeListArray if isinstance(column, pa.LargeListArray) else pa.ListArray
    return made.from_arrays(_offsets(column), *inner, mask=column.is_null())


def _texts(column: pa.Array) -> pa.Array:
    if _is_always_empty(column.type):
        return pc.if_else(column.is_null(), pa.scalar(None, pa.string()), _AS_TEXT)
    if isinstance(column, pa.UnionArray):
        places = {code: at for at, code in enumerate(column.type.type_codes)}
        inner = [_storable(one) for one in _within(column)]
        # The type codes of a whole array start where it was sliced, but each value knows its own.
        texts = [_text(inner[places[cell.type_code]][row]) for row, cell in enumerate(column)]
        return pa.array(texts, pa.string())
    encoded = column.dictionary_encode()  # intervals tend to repeat a few values
    texts = pa.array([_text(value) for value in encoded.dictionary], pa.string())
    return texts.take(encoded.indices)


def _numbers(column: pa.BinaryArray) -> pa.Array:
    """DuckDB's unbounded integers: sign and length in three bytes, then the digits, with all bits inverted in negative
    numbers."""
    return pa.array([None if value is None else _number(value) for value in column.to_pylist()], pa.string())


def _number(value: bytes) -> str:
    is_positive = value[0] >= 0x80
    number = int.from_bytes(value[3:] if is_positive else bytes(255 - byte for byte in value[3:]), "big")
    try:
        return str(number if is_positive else -number)
    except ValueError:  # Python limits how many decimal digits it writes to a few thousand
        return f"{'' if is_positive else '-'}{number:#x}"


def _text(cell: pa.Scalar) -> str | None:
    try:
        value = cell.as_py()
    except (ValueError, OverflowError):  # a date before the year 1 or after 9999, which Python does not support
        return str(json_cell(cell))
    return interval_text(value) if isinstance(value, pa.MonthDayNano) else None if value is None else str(value)
