"""Questions for a model that cannot call tools, and messages that already are SQL."""

import json

import pyarrow as pa
import pytest

from colloquy.agents.data.ask import SQL_SCHEMA, answer_text, has_command, parse_answer, request_of, sql_prompt
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.results import Column, QueryResult, TableInfo

ORDERS = TableInfo(
    "orders",
    '"orders"',
    "table",
    3,
    True,
    (Column("id", "INTEGER"), Column("status", "VARCHAR", "how far it is")),
    "Sold",
)


def result(table, cut=None):
    return QueryResult("select", pa.table(table), 0.1, Bounds(), cut)


@pytest.mark.parametrize(
    "message",
    [
        "/sql select 1",
        "/SQL\nselect 1",
        "  /sql",
        "select 1",
        "SELECT country, count(*) FROM customers GROUP BY 1",
        "select * from orders limit 3;",
        "with x as (select 1) select * from x",
        "WITH RECURSIVE r(n) AS (select 1) select * from r",
        "from orders",
        "from orders where id = 1",
        "values (1, 2)",
        "explain select 1",
        "describe orders",
        "summarize orders;",
        "show tables",
        "-- how many\nselect count(*) from orders",
        "(select 1) union (select 2)",
    ],
)
def test_sql_messages_are_recognized(message):
    assert request_of(message).is_sql


@pytest.mark.parametrize(
    "message",
    [
        "",
        "hello",
        "Select the best customers from last year",
        "select a product for me",
        "Show me the tables",
        "show revenue by month",
        "With what do we earn most?",
        "from which country do most customers come?",
        "describe the orders to me",
        "explain this chart",
        "values matter to us",
        "/sqlite is what?",
        "How many orders are there where status is completed?",
        "What does select count(*) from orders do?",
    ],
)
def test_plain_language_is_not_sql(message):
    assert not request_of(message).is_sql


@pytest.mark.parametrize(
    "message", ["/sql select 1", "/SQL\n```sql\nselect 1\n```", " select 1 ", "```\nselect 1\n```", "/chart select 1"]
)
def test_the_sql_is_extracted_without_command_and_fence(message):
    request = request_of(message)
    assert (request.text, request.is_sql, request.chart) == ("select 1", True, message.startswith("/chart"))


@pytest.mark.parametrize(
    "message",
    [
        "/**/" * 20_000 + "x",
        "--\n" * 20_000 + "x",
        "/*" * 50_000,
        "(" * 100_000,
        "with " + "a" * 100_000,
        "with a" + " " * 100_000,
        "select " * 20_000,
        "```" + "\n" * 100_000,
        "? " * 50_000,
        "from " * 20_000,
    ],
)
def test_a_hostile_message_is_parsed_quickly(message):
    assert not request_of(message).is_sql


def test_comments_before_a_query_do_not_hide_it():
    assert request_of("-- how many\n/* of them */ select count(*) from orders").is_sql
    assert request_of("/**/" * 1000 + "select 1").is_sql


def test_a_chart_can_be_requested_in_words():
    request = request_of("/chart revenue by month")
    assert (request.text, request.is_sql, request.chart) == ("revenue by month", False, True)


def test_commands_are_whole_words():
    assert has_command(" /sql select 1")
    assert has_command("/chart")
    assert not has_command("/charts of the year")
    assert not has_command("what does /sql do?")


def test_the_prompt_contains_tables_examples_and_the_question():
    prompt = sql_prompt("How many\norders?", [ORDERS], "duckdb", {"orders": {"status": ("open", "done")}})
    assert "orders(id integer, status varchar in ('open', 'done')) -- Sold; status: how far it is" in prompt
    assert prompt.count('Answer: {"sql": ') == 3
    assert prompt.endswith("Question: How many orders?\nAnswer:")
    assert "SQLite" in sql_prompt("x", [ORDERS], "sqlite")
    json.dumps(SQL_SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        '{"sql": "select 1 from t"}',
        ' {"sql":"select 1 from t"} and that is it',
        'Sure! ```json\n{"sql": "select 1 from t"}\n```',
        "```sql\nselect 1 from t\n```",
        "select 1 from t",
        '{"note": {"x": 1}}{"sql": "select 1 from t"}',
        '{"sql": "select 1 from t; select 2 from t;"}',
    ],
)
def test_the_query_is_found_in_an_answer(text):
    assert parse_answer(text) == "select 1 from t"


@pytest.mark.parametrize(
    "text", ["", "I do not know.", '{"sql": ""}', '{"sql": 5}', '{"sql": "no idea"}', '{"sql": "select', "{" * 5000]
)
def test_no_query_is_found_where_there_is_none(text):
    assert parse_answer(text) is None


def test_the_answer_is_written_by_code():
    assert answer_text(result({"orders": [120_000]})) == "**orders**: 120,000"
    assert answer_text(result({"name": ["a", None], "total": [1.5, 20_000.0]})) == "2 rows, shown in the table."
    assert answer_text(result({"name": ["a"], "total": [1.5]})) == "1 row, shown in the table."
    assert answer_text(result({"share": [0.12345]})) == "**share**: 0.1235"
    assert answer_text(result({"x": pa.array([], pa.int64())})) == "The query returned no rows."
    many = answer_text(result({"i": list(range(100)), "j": list(range(100))}, cut="rows"))
    assert many.startswith("100 rows, shown in the table. Only the first 100 rows were read")
    assert "The query returned more" in many


def test_data_cannot_become_a_link_or_html():
    text = answer_text(result({"x": ["<script>alert(1)</script> [a](http://b) ![c](d)"]}))
    assert "<script>" not in text.replace("\\<", "")
    assert "[a](" not in text
    assert "\\](" in text
