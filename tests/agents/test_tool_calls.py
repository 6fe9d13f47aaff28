"""The data analyst on models that call tools, over their real protocols, with streaming."""

from contextlib import closing

import pytest

from colloquy.agents.data.connection import Connection
from colloquy.agents.data.database import WorkerDatabase
from colloquy.agents.data.shop.shop import ORDERS, sample_shop
from colloquy.agents.models import ModelCatalogue
from colloquy.settings import Settings
from session_store import DuckDBSessionService, Store
from tests.agents.talks import Talk, answer_of, calls_of, responses_of, unanswered
from tests.support.gemini_server import gemini_server
from tests.support.model_server import Call, Say
from tests.support.openai_server import openai_server


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    path = sample_shop(tmp_path_factory.mktemp("shop"))
    with closing(WorkerDatabase(Connection.of("duckdb", str(path), "Sample shop"))) as database:
        yield database


@pytest.fixture(params=["openai", "gemini"])
def protocol(request):
    return request.param


@pytest.fixture
def served(protocol, tmp_path, shop):
    """A conversation with the data analyst on a model of the protocol; ``mind`` decides the model's answers."""
    with closing(Store(tmp_path / "store.duckdb")) as store:
        made = []

        def talk(*mind, **context):
            server = {"openai": openai_server, "gemini": gemini_server}[protocol](*mind)
            url = server.__enter__()
            address = (
                {"openai_base_url": f"{url.url}/v1", "openai_models": "stand-in"}
                if protocol == "openai"
                else {"gemini_base_url": url.url, "google_api_key": "k", "gemini_models": "stand-in"}
            )
            models = ModelCatalogue(Settings(_env_file=None, models_dir=tmp_path, **address))
            made.append((server, models))
            model = models.llm(f"{protocol}/stand-in")
            return Talk(model, sessions=DuckDBSessionService(store), **{"data": shop, **context}), url

        yield talk
        for server, models in made:
            models.close()
            server.__exit__(None, None, None)


async def test_a_question_is_answered_by_listing_tables_and_running_a_query(served):
    talk, server = served()
    events = await talk.say("How many orders are there?")
    assert [call.name for call in calls_of(events)] == ["list_tables", "run_sql"]
    assert [response.name for response in responses_of(events)] == ["list_tables", "run_sql"]
    assert answer_of(events) == f"There are {ORDERS} orders."
    assert "".join(event.content.parts[0].text or "" for event in talk.live if event.content) == answer_of(events)
    [(session, title, result)] = talk.kept.tables
    assert (session, title, result.table.to_pylist()) == ("s-1", "Orders", [{"orders": ORDERS}])
    assert len(server.asked) == 3


async def test_the_model_is_told_its_database_and_how_to_work(served):
    talk, server = served()
    await talk.say("How many orders are there?")
    told = str(server.asked[0])
    assert "never guess a figure" in told
    assert "Sample shop" in told
    assert "speaks the SQL of duckdb" in told


async def test_the_conversation_continues_with_its_tool_calls(served):
    talk, _ = served()
    await talk.say("How many orders are there?")
    events = await talk.say("And now?")
    assert answer_of(events) == f"There are {ORDERS} orders."
    assert unanswered(await talk.events()) == set()


async def test_sql_is_run_without_calling_the_model(served):
    talk, server = served()
    events = await talk.say("/sql select count(*) as orders from orders")
    assert [call.name for call in calls_of(events)] == ["run_sql"]
    assert answer_of(events) == "**orders**: 120,000"
    assert server.asked == []


async def test_the_model_continues_after_sql_was_run_without_it(served):
    talk, _ = served()
    await talk.say("/chart select channel, count(*) as orders from orders group by 1 order by 2")
    assert answer_of(await talk.say("How many orders are there?")) == f"There are {ORDERS} orders."
    assert unanswered(await talk.events()) == set()


async def test_a_failed_query_returns_to_the_model_with_advice(served):
    def mistaken(seen):
        return Say(seen.answers[-1][1]["error"]) if seen.answers else Call("run_sql", {"sql": "select x from orders"})

    talk, _ = served(mistaken)
    events = await talk.say("What is x?")
    assert '"x" not found' in answer_of(events)
    assert talk.kept.tables == []
    assert unanswered(events) == set()


async def test_a_call_of_an_unknown_tool_returns_to_the_model(served):
    def mistaken(seen):
        return Say("Sorry.") if seen.answers else Call("drop_table", {"table": "orders"})

    talk, _ = served(mistaken)
    events = await talk.say("Away with it")
    assert "no tool with that name" in responses_of(events)[0].response["error"]
    assert answer_of(events) == "Sorry."


async def test_the_model_sees_only_whole_tool_calls_in_any_context(served):
    talk, server = served(messages=3)
    for question in ("First?", "/sql select 1", "Second?", "Third?", "Fourth?"):
        await talk.say(question)  # the stand-ins refuse unmatched calls and answers
    shown = str(server.asked[-1])
    assert "Fourth?" in shown
    assert "Third?" in shown
    assert "Second?" not in shown


async def test_a_turn_stopped_during_a_query_leaves_no_call_open(served):
    def endless(seen):
        return Call("run_sql", {"sql": "select count(*) from range(100000000000) a, range(100) b"})

    talk, _ = served(endless)
    await talk.say("Count for ever", stop_at=lambda event: bool(event.get_function_calls()))
    events = await talk.events()
    assert [call.name for call in calls_of(events)] == ["run_sql"]
    assert unanswered(events) == set()
