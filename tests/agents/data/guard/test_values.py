"""Results are counted, cut and converted to Parquet types in the query process, not in the app."""

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from colloquy.agents.data.guard.bounds import Bounds, EngineError, collect
from colloquy.agents.data.guard.values import count
from colloquy.agents.data.results import QueryResult

LABEL = "A" * 10_000
ENUM = f"'{LABEL}'::enum('{LABEL}', 'b')"


def collected(sql, bounds=None):
    with duckdb.connect() as connection, connection.sql(sql).to_arrow_reader(2048) as reader:
        table, cut = collect(reader, reader.schema, bounds or Bounds())
    return QueryResult(sql, table, 0.1, bounds or Bounds(), cut)


@pytest.mark.parametrize(
    ("value", "each"),
    [
        ("i", 1),
        ("list_resize([null], 98)", 99),
        ("list_resize([true], 98, true)", 99),
        ("[list_resize([null], 97)]", 99),
        ("list_resize([null], 98)::int[98]", 99),
        ("{'a': 1, 'b': list_resize([null], 96)}", 99),
        ("map(range(49), list_resize([null], 49))", 99),
        ("union_value(k := list_resize([null], 97))", 99),
        ("list_resize([interval 1 day], 98, interval 1 day)", 99),
        ("list_resize(['a'::enum('a', 'b')], 98, 'a')", 99),
    ],
)
def test_nested_values_count_as_cells(value, each):
    whole = collected(f"select {value} from range(20) t(i)", Bounds(cells=20 * each))
    assert (whole.rows, whole.cut, whole.note) == (20, None, "")
    result = collected(f"select {value} from range(9000) t(i)", Bounds(cells=20 * each + each // 2))
    assert (result.rows, result.cut) == (20, "cells")
    assert result.note.startswith("Only the first 20 rows were read: a result may have ")
    assert ("counting the values within lists" in result.note) == (each > 1 and "union" not in value)


def test_one_row_with_too_many_values_is_refused():
    with pytest.raises(EngineError, match="One row of the result holds more than 1,000 values") as refused:
        collected("select list_resize([null], 1000)", Bounds(cells=1_000))
    assert refused.value.kind == "memory"


def test_fields_of_structs_count_as_columns():
    fields = ", ".join(f"'f{number}': i" for number in range(1_001))
    with pytest.raises(EngineError, match="1,001 columns"):
        collected(f"select {{{fields}}} from range(2) t(i)")


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ("x", 104),
        ("x as a, x as b", 52),
        ("[x, x]", 52),
        ("[[x], [x]]", 52),
        ("{'a': x, 'b': [x]}", 52),
        ("map {1: x}", 104),
        ("map {x: x}", 52),
        ("union_value(k := x)", 104),
        ("array_value(x, x)", 52),
    ],
)
def test_a_text_shared_by_many_rows_counts_each_time(columns, rows):
    result = collected(f"select {columns} from (select {ENUM} as x from range(5000))", Bounds(result_bytes=1 << 20))
    assert (result.rows, result.cut) == (pytest.approx(rows, abs=1), "bytes")
    assert result.table.nbytes <= 1 << 20


def test_omitted_values_are_never_created():
    """Rendering all texts of the first batch would take 2 GB."""
    pool = pa.default_memory_pool()
    before, most = pool.bytes_allocated(), pool.max_memory()
    columns = ", ".join(f"x as c{number}" for number in range(100))
    collected(f"select {columns} from (select {ENUM} as x from range(10000))", Bounds(result_bytes=1 << 20))
    assert pool.max_memory() <= max(most, before + (100 << 20))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("interval 3 days", "3 days"),
        ("[interval 1 month, null]", ["1 month", None]),
        ("{'a': {'b': [interval 1 day]}}", {"a": {"b": ["1 day"]}}),
        ("map {interval 1 day: interval 2 days}", [("1 day", "2 days")]),
        ("[interval 1 day, interval 2 days]::interval[2]", ["1 day", "2 days"]),
        ("1::union(n int, s varchar)", "1"),
        ("'x'::union(n int, s varchar)", "x"),
        ("[union_value(k := interval 1 day)]", ["1 day"]),
        ("union_value(k := [interval 1 day])", "['1 day']"),
        ("union_value(k := date '-2000-01-01')", "-2000-01-01"),
        ("'a'::enum('a', 'b')", "a"),
        ("['a'::enum('a', 'b'), null]", ["a", None]),
        ("'-12345678901234567890123456789012345678901234567890'::bignum", f"-{'1234567890' * 5}"),
        ("[0::bignum]", ["0"]),
        ("struct_pack()", "{}"),
        ("[map {}]", ["{}"]),
        ("[null]", [None]),
        ("[]", []),
    ],
)
def test_every_database_type_can_be_stored(value, kept):
    """Every second row is null, and only a slice of the rows is taken, so the buffers have an offset."""
    sql = f"select case when i % 2 = 0 then {value} end as value from range(6) t(i)"
    with duckdb.connect() as connection:
        whole = connection.sql(sql).to_arrow_table().combine_chunks().to_batches()[0]
    table, _ = collect([whole.slice(1, 4), whole.slice(0, 0)], whole.schema, Bounds())
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    assert parquet.read_table(pa.BufferReader(sink.getvalue())).column("value").to_pylist() == [None, kept, None, kept]
    nothing, _ = collect([], whole.schema, Bounds())
    assert nothing.schema == table.schema


def test_only_the_values_of_a_slice_are_counted():
    lists = pa.array([[1] * 1_000, [2], None, [3, 4]])
    maps = pa.array([[(1, 1)] * 1_000, [(2, 2)]], pa.map_(pa.int32(), pa.int32()))
    assert (count(lists.slice(1)), count(lists.slice(2, 1)), count(maps.slice(1))) == (6, 1, 3)
