"""Values as JSON and as text."""

import duckdb
import pytest

from colloquy.agents.data.cells import LONGEST_TEXT, MOST_VALUES, interval_text, json_rows

LONG_LABEL = "é" * 40_000
INTERVALS = [
    "interval 0 days",
    "interval 1 day",
    "interval 3 days",
    "interval 14 months",
    "interval '-14 months'",
    "interval '-1 day'",
    "timestamp '2026-03-04 05:06:07.5' - timestamp '2026-03-01'",
    "timestamp '2026-03-01' - timestamp '2026-03-01 00:00:01'",
    "interval '1 year 2 months 3 days 100 hours'",
    "interval 1 microsecond",
]


@pytest.mark.parametrize("sql", INTERVALS)
def test_intervals_are_written_as_by_the_engine(sql):
    with duckdb.connect() as connection:
        table = connection.sql(f"select {sql} as length, ({sql})::varchar as text").to_arrow_table()
    [length] = table.column("length").to_pylist()
    [[told, text]] = json_rows(table, 1)
    assert interval_text(length) == told == text


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("repeat('é', 20000000)", "é" * LONGEST_TEXT + "… (20,000,000 characters)"),
        ("repeat('x', 20000000)::blob", "<20,000,000 bytes>"),
        ("(select list(i) from range(5000000) t(i))", [*range(MOST_VALUES - 1), "… (5,000,000 values)"]),
        (
            "{'a': 1, 'b': (select list(i) from range(5000000) t(i))}",
            {"a": 1, "b": [*range(MOST_VALUES - 3), "… (5,000,000 values)"]},
        ),
        ("map(range(3), ['a', NULL, 'c'])", [[0, "a"], [1, None], [2, "c"]]),
        ("[[1.5, 'nan'::double], NULL]", [[1.5, None], None]),
        ("[date '2026-01-02', date '-2000-01-01']", ["2026-01-02", "-2000-01-01"]),
        ("[1::union(n int, s varchar)]", [1]),
        ("'long'::enum('long', 'other')", "long"),
        (f"'{LONG_LABEL}'::enum('{LONG_LABEL}', 'b')", "é" * LONGEST_TEXT + "… (40,000 characters)"),
        (f"['{LONG_LABEL}'::enum('{LONG_LABEL}', 'b')]", ["é" * LONGEST_TEXT + "… (40,000 characters)"]),
        (f"'{LONG_LABEL}'::union(n int, s varchar)", "é" * LONGEST_TEXT + "… (40,000 characters)"),
        ("2::hugeint ** 70", 2.0**70),
    ],
)
def test_a_large_value_is_shortened_to_its_beginning_and_size(sql, told):
    with duckdb.connect() as connection:
        table = connection.sql(f"select {sql} as value").to_arrow_table()
    [[value]] = json_rows(table, 1)
    assert value == told


def test_nested_lists_are_shown_to_a_limited_depth():
    with duckdb.connect() as connection:
        inner = "range(100)"
        for name in "xyz":
            inner = f"list_transform(range(10), lambda {name}: {inner})"
        wide = connection.sql(f"select {inner} as value").to_arrow_table()
        deep = connection.sql("select " + "[" * 60 + "1" + "]" * 60 + " as value").to_arrow_table()
    assert len(str(json_rows(wide, 1))) < 2_000
    assert "…" in str(json_rows(deep, 1))
