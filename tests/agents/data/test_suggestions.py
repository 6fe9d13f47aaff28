"""Charts for rows without instructions on how to draw them."""

import logging
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from colloquy.agents.data.charts import chart_spec
from colloquy.agents.data.suggestions import MOST_BARS, suggested_chart, title_of_query

MONTHS = [datetime(2024, month, 1) for month in range(1, 13)]  # noqa: DTZ001 - as databases return them
NUMBERS = [float(number) for number in range(12)]


def drawn(columns, **options):
    table = pa.table(columns)
    chart = suggested_chart(table, **options)
    if chart:
        chart_spec(chart.title, table, chart.mark, chart.encoding)
    return chart


@pytest.mark.parametrize(
    "times",
    [
        MONTHS,
        [date(2024, month, 1) for month in range(1, 13)],
        [f"2024-{month:02}" for month in range(1, 13)],
        [f"2024-{month:02}-01" for month in range(1, 13)],
    ],
)
def test_numbers_over_time_become_a_line(times):
    chart = drawn({"month": times, "revenue": NUMBERS})
    assert (chart.title, chart.mark, chart.encoding) == ("Revenue by month", "line", {"x": "month", "y": "revenue"})


def test_numeric_years_are_treated_as_time():
    chart = drawn({"year": [2023, 2024], "total_sold": [Decimal("1.5"), Decimal(2)]})
    assert (chart.title, chart.mark) == ("Total sold by year", "line")
    assert chart.encoding["x"] == {"field": "year", "type": "ordinal"}


def test_numbers_by_category_become_bars():
    chart = drawn({"country": ["France", "Spain"], "customer_id": [1, 2], "customers": [3, 4]})
    assert (chart.mark, chart.encoding) == ("bar", {"x": "country", "y": "customers"})
    dictionary = pa.array(["app", "web"]).dictionary_encode()
    assert drawn({"channel": dictionary, "n": [1, 2]}).mark == "bar"


def test_a_second_category_becomes_the_color():
    chart = drawn({"month": MONTHS * 2, "country": ["France"] * 12 + ["Spain"] * 12, "revenue": NUMBERS * 2})
    assert chart.encoding == {"x": "month", "y": "revenue", "color": "country"}
    assert chart.title == "Revenue by month and country"


@pytest.mark.parametrize(
    "columns",
    [
        {"id": ["a1", "b2"], "messages": [3, 4]},
        {"month": [MONTHS[0]], "revenue": [1.0]},
        {"n": [1, 2]},
        {"name": ["a", "b"], "city": ["x", "y"]},
        {"customer_id": [1, 2], "name": ["a", "b"]},
        {"name": ["a", "b"], "order_id": [7, 8]},
        {"name": ["a", "a"], "price": [1.0, 2.0]},
        {"month": [MONTHS[0]] * 2, "revenue": [1.0, 2.0]},
        {"name": [str(number) for number in range(MOST_BARS + 1)], "n": list(range(MOST_BARS + 1))},
    ],
)
def test_other_rows_are_not_drawn_automatically(columns):
    assert drawn(columns) is None


def test_a_requested_chart_is_drawn_if_possible():
    assert drawn({"name": ["a", "a"], "price": [1.0, 2.0]}, wanted=True).mark == "bar"
    chart = drawn({"price": [1.0, 2.0], "sold": [5, 3]}, wanted=True)
    assert chart.encoding["x"] == {"field": "price", "type": "quantitative"}
    assert drawn({"name": ["a", "b"], "city": ["x", "y"]}, wanted=True) is None


def test_very_many_rows_are_drawn_only_on_request():
    table = pa.table({"name": [str(number) for number in range(9_000)], "n": list(range(9_000))})
    assert suggested_chart(table) is None
    assert suggested_chart(table, wanted=True).mark == "bar"


def test_columns_with_duplicate_names_are_not_drawn():
    table = pa.Table.from_arrays([pa.array(["a", "b"]), pa.array([1, 2]), pa.array([1, 2])], ["n", "x", "x"])
    assert suggested_chart(table, wanted=True) is None


@pytest.mark.parametrize(
    ("sql", "title"),
    [
        ("select date_trunc('month', day) as month, sum(x) as revenue from t group by 1", "Revenue by month"),
        ("select a, b, c from t", "A, b, c"),
        ("select * from order_items limit 3", "Order items"),
        ("with x as (select 1 as n) select n from x", "N"),
        ("describe orders", "Orders"),
        ("select 1", "select 1"),
        ("select (", ""),
        ("select " + "(" * 30 + "1" + ")" * 30, ""),
        ("select " + "(" * 100_000, ""),
        ("select " + "-" * 4_000 + "1", ""),
    ],
)
def test_a_query_has_a_title(sql, title):
    assert title_of_query(sql) == title


@pytest.mark.parametrize("sql", ["show tables", "describe orders", "summarize orders"])
def test_statements_that_list_tables_log_no_warning(caplog, sql):
    logging.getLogger("sqlglot").setLevel(logging.NOTSET)
    title_of_query(sql)
    assert not caplog.records
