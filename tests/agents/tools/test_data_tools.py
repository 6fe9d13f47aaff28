"""The tools as an agent uses them: through ADK, on every kind of database."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from google.adk.agents import LlmAgent
from google.adk.agents.invocation_context import InvocationContext
from google.adk.sessions import InMemorySessionService
from google.adk.tools.tool_context import ToolContext

from colloquy.agents.data.cells import LONGEST_TEXT, json_rows
from colloquy.agents.data.connection import Connection
from colloquy.agents.data.database import WorkerDatabase
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.workers.pool import Workers
from colloquy.agents.tools import DataTools
from tests.agents.agent_contexts import Kept
from tests.agents.data.shops import COUNTRIES, ORDERS

BY_COUNTRY = "select country, sum(amount) as total from orders group by country order by country"


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
async def context():
    sessions = InMemorySessionService()
    session = await sessions.create_session(app_name="analyst", user_id="u", session_id="s-1")
    agent = LlmAgent(name="analyst")
    return ToolContext(InvocationContext(session_service=sessions, invocation_id="i", agent=agent, session=session))


@pytest.fixture
def call(shop, kept, context):
    tools = {tool.name: tool for tool in DataTools(shop.database, kept).tools()}

    async def run(name, **arguments):
        answer = await tools[name].run_async(args=arguments, tool_context=context)
        json.dumps(answer, allow_nan=False)
        return answer

    return run


def test_the_model_is_told_the_parameters_of_each_tool(shop, kept):
    declared = {tool.name: tool._get_declaration() for tool in DataTools(shop.database, kept).tools()}
    assert set(declared) == {"list_tables", "describe_table", "run_sql", "make_chart"}
    text = str(declared["run_sql"].model_dump())
    assert "sql" in text
    assert "tool_context" not in text
    assert "vega_lite" in str(declared["make_chart"].model_dump())


async def test_tables_are_listed(call, shop):
    answer = await call("list_tables")
    assert answer["dialect"] == shop.database.dialect
    orders = next(table for table in answer["tables"] if table["name"] == "orders")
    assert orders["rows"] == ORDERS
    assert list(orders["columns"]) == ["id", "country", "amount", "day"]


async def test_a_table_is_described(call):
    answer = await call("describe_table", table="orders")
    assert answer["rows"] == ORDERS
    assert answer["sample"]["columns"] == ["id", "country", "amount", "day"]
    assert len(answer["sample"]["rows"]) == 5
    assert answer["values"]["country"] == list(COUNTRIES)


async def test_an_unknown_table_is_an_answer_rather_than_an_exception(call):
    assert "customers" in (await call("describe_table", table="nope"))["error"]


async def test_a_query_result_is_complete_for_the_user_and_shortened_for_the_model(call, kept):
    answer = await call("run_sql", sql="select * from orders order by id", title="All orders")
    assert len(answer["rows"]) == 50
    assert (answer["row_count"], answer["truncated"]) == (ORDERS, False)
    assert "the user sees all" in answer["note"]
    [(session_id, title, result)] = kept.tables
    assert (session_id, title, result.rows) == ("s-1", "All orders", ORDERS)
    assert result.sql == "select * from orders order by id"


async def test_refused_and_failed_queries_are_answers_without_a_result(call, kept):
    assert "reading only" in (await call("run_sql", sql="drop table orders"))["error"]
    assert "nope" in (await call("run_sql", sql="select nope from orders"))["error"]
    assert kept.tables == []


async def test_a_chart_is_made_from_a_query(call, kept):
    answer = await call(
        "make_chart", title="By country", sql=BY_COUNTRY, mark="bar", encoding={"x": "country", "y": "total"}
    )
    assert answer["row_count"] == 3
    [(_, title, result, spec)] = kept.charts
    assert title == spec["title"] == "By country"
    assert result.rows == 3
    assert spec["encoding"]["x"]["type"] == "nominal"
    assert spec["encoding"]["y"]["type"] == "quantitative"
    assert "data" not in spec


async def test_a_chart_may_be_a_complete_specification(call, kept):
    spec = {
        "mark": "arc",
        "encoding": {"theta": {"field": "total", "type": "quantitative"}, "color": {"field": "country"}},
    }
    assert "error" not in await call("make_chart", title="Shares", sql=BY_COUNTRY, vega_lite=spec)
    assert kept.charts[0][3]["mark"] == "arc"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"mark": "hologram", "encoding": {"x": "country"}}, "There is no mark"),
        ({"mark": "bar", "encoding": {"x": "nation"}}, "no column 'nation'"),
        ({"mark": "bar", "encoding": {"z": "country"}}, "no channel 'z'"),
        ({"vega_lite": {"mark": "bar", "data": {"url": "https://evil.example/x"}}}, "cannot have 'data'"),
        ({"vega_lite": {"mark": {"type": "image"}, "encoding": {"url": {"field": "country"}}}}, "no mark 'image'"),
        ({"vega_lite": {"mark": "bar", "transform": [{"calculate": "1", "as": "x"}]}}, "cannot have 'calculate'"),
        ({"vega_lite": {"mark": {"type": "text", "href": "javascript:alert(1)"}}}, "cannot have 'href'"),
        ({"vega_lite": {"mark": "bar", "encoding": {"x": {"field": "nation"}}}}, "no column 'nation'"),
        ({"vega_lite": {"mark": 7}}, "not a valid Vega-Lite"),
    ],
)
async def test_a_chart_that_cannot_be_drawn_gives_the_reason(call, kept, arguments, says):
    assert says in (await call("make_chart", title="x", sql=BY_COUNTRY, **arguments))["error"]
    assert kept.charts == []


async def test_an_empty_result_is_not_charted(call):
    assert (
        "no rows"
        in (await call("make_chart", title="x", sql=BY_COUNTRY.replace("group", "where id < 0 group")))["error"]
    )


async def test_a_stopped_turn_stops_its_query(shops, kept, context):
    workers = Workers()
    database = WorkerDatabase(shops("duckdb").connection, workers=workers)
    tools = DataTools(database, kept, bounds=Bounds(seconds=300))
    endless = "with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) from r"
    task = asyncio.create_task(tools.run_sql(endless, context))
    while not workers._busy:  # noqa: ASYNC110 - there is no notification
        await asyncio.sleep(0.01)
    [worker] = workers._busy
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(worker._process.wait, 30)
    assert not worker.is_alive
    assert "error" not in await tools.run_sql("select 1", context)
    workers.close()


async def test_a_missing_database_is_an_answer(tmp_path, kept, context):
    tools = DataTools(WorkerDatabase(Connection.of("duckdb", str(tmp_path / "gone.duckdb"))), kept)
    for answer in (
        await tools.list_tables(),
        await tools.describe_table("x"),
        await tools.run_sql("select 1", context),
    ):
        assert "There is no file" in answer["error"]


def test_every_value_becomes_json():
    table = pa.table(
        {
            "day": [date(2025, 1, 2)],
            "time": [datetime(2025, 1, 2, 3, 4, tzinfo=UTC)],
            "span": [timedelta(hours=1)],
            "price": [Decimal("12.50")],
            "huge": [Decimal("12345678901234567890.5")],
            "big": [2**60],
            "blob": [b"abc"],
            "nan": [float("nan")],
            "text": ["x" * 2000],
            "list": [[1, None]],
            "none": pa.nulls(1),
            "old": pa.array([-100_000_000_000], pa.timestamp("s")),
        }
    )
    [row] = json_rows(table, 5)
    values = dict(zip(table.column_names, row, strict=True))
    json.dumps(values, allow_nan=False)
    assert values["day"] == "2025-01-02"
    assert values["price"] == 12.5
    assert values["huge"] == "12345678901234567890.5"
    assert values["big"] == str(2**60)
    assert values["blob"] == "<3 bytes>"
    assert values["nan"] is None
    assert len(values["text"]) < LONGEST_TEXT + 30
    assert values["list"] == [1, None]
    assert values["old"].startswith("-1199")


async def test_wide_rows_are_shortened_for_the_model(shops, kept, context):
    tools = DataTools(shops("duckdb").database, kept)
    answer = await tools.run_sql("select repeat('x', 5000) as a, i from range(1000) t(i)", context)
    assert len(json.dumps(answer)) < 30_000
    assert answer["row_count"] == 1000
