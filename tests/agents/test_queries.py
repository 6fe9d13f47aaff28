"""Answers from data without a model that calls tools: SQL messages, one guessed query, or plain words."""

import json
import re
from contextlib import closing

import pytest
from google.adk.models.llm_response import LlmResponse
from google.genai import types

from colloquy.agents.catalogue import AgentCatalogue
from colloquy.agents.data.connection import Connection
from colloquy.agents.data.database import WorkerDatabase
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.shop.shop import sample_shop
from colloquy.agents.models import ModelCatalogue, ModelUnavailableError
from colloquy.agents.queries import EMPTY, NO_CHART, NO_QUERY
from colloquy.agents.toolsets import MISSING
from colloquy.settings import Settings
from session_store.transcripts.parts import text_of
from tests.agents.talks import Talk, answer_of, calls_of, responses_of, unanswered
from tests.support.scripted import ScriptedModel

BY_CHANNEL = "select channel, count(*) as orders from orders group by channel order by orders desc"


class Silent(ScriptedModel):
    """A model that must not be called."""

    async def generate_content_async(self, llm_request, stream=False):
        raise AssertionError("The model was asked.")
        yield


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    path = sample_shop(tmp_path_factory.mktemp("shop"))
    with closing(WorkerDatabase(Connection.of("duckdb", str(path), "Sample shop"))) as database:
        yield database


class TestSqlMessages:
    @pytest.mark.parametrize("calls_tools", [True, False])
    @pytest.mark.parametrize("message", [f"/sql {BY_CHANNEL}", BY_CHANNEL, f"```sql\n{BY_CHANNEL}\n```"])
    async def test_sql_is_run_as_a_tool_call_and_answered_by_code_with_every_model(self, shop, calls_tools, message):
        talk = Talk(Silent(), data=shop, calls_tools=calls_tools)
        events = await talk.say(message)
        query, chart = calls_of(events)
        assert (query.name, query.args) == ("run_sql", {"sql": BY_CHANNEL, "title": "Orders by channel"})
        assert (chart.name, chart.args["mark"]) == ("make_chart", "bar")
        assert answer_of(events) == "4 rows, shown as a table and a chart."
        assert not any(event.custom_metadata for event in events)
        assert unanswered(events) == set()

    async def test_revenue_by_month_is_one_click_away(self, shop):
        talk = Talk(Silent(), data=shop)
        prompt = next(prompt for prompt in talk.agent.prompts if prompt.label == "Revenue by month")
        events = await talk.say(prompt.text)
        [(_, title, result, spec)] = talk.kept.charts
        assert title == "Revenue by month"
        assert (spec["mark"]["type"], spec["encoding"]["x"]["type"]) == ("line", "temporal")
        assert result.rows == 36
        assert answer_of(events) == "36 rows, shown as a table and a chart."

    @pytest.mark.parametrize("agent", ["data_analyst", "history_analyst"])
    def test_prompts_with_sql_have_a_short_label(self, agent):
        assert all(len(prompt.label) < 60 for prompt in AgentCatalogue().get(agent).prompts)

    async def test_all_shipped_queries_of_the_data_analyst_run_on_the_sample_shop(self, shop):
        for prompt in AgentCatalogue().get("data_analyst").prompts:
            if prompt.text.startswith("/"):
                talk = Talk(Silent(), data=shop)
                events = await talk.say(prompt.text)
                assert len(talk.kept.tables) == len(talk.kept.charts) == 1
                assert "error" not in str([response.response for response in responses_of(events)])

    async def test_rows_without_an_obvious_chart_get_one_only_on_request(self, shop):
        talk = Talk(Silent(), data=shop)
        await talk.say("/sql select customer_id, first_name from customers limit 5")
        assert talk.kept.charts == []
        events = await talk.say("/chart select customer_id, first_name from customers limit 5")
        assert talk.kept.charts == []
        assert NO_CHART in answer_of(events)
        await talk.say("/chart select first_name, last_name, length(city) as letters from customers limit 5")
        assert len(talk.kept.charts) == 1

    async def test_the_rows_of_a_chart_are_queried_once(self, shop):
        talk = Talk(Silent(), data=shop)
        await talk.say(f"/chart {BY_CHANNEL}")
        assert talk.kept.charts[0][2] is talk.kept.tables[0][2]

    @pytest.mark.parametrize(
        ("sql", "why"),
        [("drop table orders", "DROP is not run here"), ("select x from orders", 'Referenced column "x" not found')],
    )
    async def test_errors_are_explained(self, shop, sql, why):
        talk = Talk(Silent(), data=shop)
        events = await talk.say(f"/sql {sql}")
        assert why in responses_of(events)[0].response["error"]
        assert why in answer_of(events)
        assert talk.kept.tables == []

    async def test_limits_apply_and_are_reported(self, shop):
        talk = Talk(Silent(), data=shop, bounds=Bounds(rows=100))
        events = await talk.say("/sql select order_id, customer_id from orders")
        assert "Only the first 100 rows were read, which is the limit." in answer_of(events)

    async def test_no_usable_model_is_needed(self, shop, tmp_path):
        with closing(ModelCatalogue(Settings(_env_file=None, models_dir=tmp_path))) as models:
            talk = Talk(models.llm_when_asked("embedded"), data=shop, calls_tools=False)
            assert answer_of(await talk.say("/sql select 1 as one")) == "**one**: 1"
            with pytest.raises(ModelUnavailableError, match="file of the built-in model is missing"):
                await talk.say("How many orders are there?")

    async def test_a_command_without_sql_is_explained(self, shop):
        for command in ("/sql", "/chart "):
            events = await Talk(Silent(), data=shop, calls_tools=False).say(command)
            assert answer_of(events) == EMPTY

    async def test_the_history_analyst_queries_conversations_rather_than_data(self, shop):
        talk = Talk(Silent(), agent="history_analyst", history=shop)
        assert answer_of(await talk.say("/sql select count(*) as n from orders")) == "**n**: 120,000"


class TestWithoutData:
    @pytest.mark.parametrize(("agent", "kind"), [("data_analyst", "data"), ("history_analyst", "history")])
    @pytest.mark.parametrize("message", ["/sql select 1", "How many orders are there?"])
    async def test_an_agent_without_its_database_explains_what_to_do(self, agent, kind, message):
        events = await Talk(Silent(), agent=agent).say(message)
        assert answer_of(events) == MISSING[kind]
        assert calls_of(events) == []

    async def test_an_agent_without_tools_invents_no_query_results(self, shop):
        talk = Talk(ScriptedModel(), agent="assistant", data=shop)
        assert "Assistant has no data to query" in answer_of(await talk.say("/sql select count(*) from orders"))
        assert answer_of(await talk.say("select count(*) from orders")) == "You said: select count(*) from orders"

    async def test_a_missing_database_is_reported(self, tmp_path):
        with closing(WorkerDatabase(Connection.of("duckdb", str(tmp_path / "gone.duckdb")))) as gone:
            for message in ("/sql select 1", "How many orders are there?"):
                events = await Talk(Silent(), data=gone, calls_tools=False).say(message)
                assert "There is no file" in answer_of(events)


class TestGuessedQueries:
    async def test_a_guessed_query_is_marked_shown_run_and_answered_by_code(self, shop):
        talk = Talk(ScriptedModel(), data=shop, calls_tools=False)
        events = await talk.say("guess select count(*) as customers from customers where country = 'France'")
        [call] = calls_of(events)
        [event] = [event for event in events if event.get_function_calls()]
        assert call.name == "run_sql"
        assert call.args["sql"] == "select count(*) as customers from customers where country = 'France'"
        assert event.custom_metadata == {"guessed": True}
        assert event.usage_metadata.prompt_token_count
        assert answer_of(events).endswith("**customers**: 3053")
        assert "guessed" in answer_of(events)

    async def test_the_model_gets_the_tables_and_their_values_in_a_schema(self, shop):
        asked = []

        class Listening(ScriptedModel):
            async def generate_content_async(self, llm_request, stream=False):
                asked.append(llm_request)
                async for response in super().generate_content_async(llm_request, stream):
                    yield response

        await Talk(Listening(), data=shop, calls_tools=False).say("guess select 1 from orders")
        [request] = asked
        assert request.config.response_schema["required"] == ["sql"]
        assert "status varchar in ('cancelled', 'completed', 'pending', 'shipped')" in str(request.contents)

    async def test_a_failed_guess_gives_no_figure(self, shop):
        events = await Talk(ScriptedModel(), data=shop, calls_tools=False).say("guess select revenue from orders")
        assert "failed, so there is no answer" in answer_of(events)
        assert "/sql" in answer_of(events)
        assert unanswered(events) == set()

    async def test_a_failed_query_is_guessed_once_more_with_its_error(self, shop):
        prompts = []

        class Learning(ScriptedModel):
            async def generate_content_async(self, llm_request, stream=False):
                prompts.append(text_of(llm_request.contents[0]))
                sql = "select count(*) as n from order" + ("s" if len(prompts) > 1 else "")
                content = types.Content(role="model", parts=[types.Part(text=json.dumps({"sql": sql}))])
                yield LlmResponse(content=content)

        talk = Talk(Learning(), data=shop, calls_tools=False)
        events = await talk.say("How many orders are there?")
        assert [call.args["sql"] for call in calls_of(events)] == [
            "select count(*) as n from order",
            "select count(*) as n from orders",
        ]
        assert answer_of(events).endswith("**n**: 120,000")
        assert "That is wrong" not in prompts[0]
        assert "select count(*) as n from order" in prompts[1].partition("That is wrong")[0]
        assert unanswered(events) == set()

    async def test_an_answer_without_a_query_gives_no_figure(self, shop):
        events = await Talk(ScriptedModel(), data=shop, calls_tools=False).say("guess 42")
        assert answer_of(events) == NO_QUERY
        assert calls_of(events) == []

    async def test_a_guess_is_charted_if_possible(self, shop):
        talk = Talk(ScriptedModel(), data=shop, calls_tools=False)
        await talk.say(f"/chart guess {BY_CHANNEL}")
        assert len(talk.kept.charts) == 1


@pytest.mark.slow
async def test_the_embedded_model_answers_with_a_visible_query_or_plain_words(shop, models_dir):
    with closing(ModelCatalogue(Settings(_env_file=None, models_dir=models_dir))) as models:
        info = models.info("embedded")
        talk = Talk(models.llm("embedded"), data=shop, calls_tools=info.calls_tools)
        for question in ("How many customers are in France?", "What is the revenue by month?", "Hello"):
            events = await talk.say(question)
            figures = set(re.findall(r"\d{3,}", answer_of(events)))
            known = str([response.response for response in responses_of(events)]) + str(calls_of(events))
            assert all(figure in known for figure in figures)
            assert calls_of(events) or answer_of(events) == NO_QUERY
            assert unanswered(events) == set()
