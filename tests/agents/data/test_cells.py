"""Values as JSON and as text."""

import duckdb
import pytest

from agents.data.cells import interval_text, json_value

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
def test_a_length_of_time_reads_as_the_engine_writes_it(sql):
    with duckdb.connect() as connection:
        table = connection.sql(f"select {sql} as length, ({sql})::varchar as text").to_arrow_table()
    [length], [text] = table.column("length").to_pylist(), table.column("text").to_pylist()
    assert interval_text(length) == json_value(length) == text
