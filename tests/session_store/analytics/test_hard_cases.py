"""Figures for complicated histories: sessions that change models, unanswered calls, late scores, branches."""

from __future__ import annotations

import math
from datetime import date, datetime

import pytest
from google.adk.events.event_actions import EventActions
from google.adk.tools.tool_confirmation import ToolConfirmation
from google.genai import types

from session_store.analytics import Analytics, Period
from session_store.analytics.analytics import DrillDownInvalidError
from session_store.analytics.drill_down import DrillDown, Kind
from session_store.analytics.scope import Scope
from session_store.history.filters import EVERYTHING
from session_store.model_names import NAMES
from session_store.models import TurnStatus
from session_store.prices import Price
from session_store.sessions.tool_columns import NOT_ANSWERED
from tests.session_store.analytics.history import History
from tests.session_store.analytics.test_figures import BERLIN, PRICES, filtered, look, on
from tests.session_store.events import append

DAY = date(2026, 5, 4)
LOCAL_IS_FREE = (Price("gguf/*", date(2024, 1, 1), 0.0, 0.0),)


@pytest.fixture
def history(store):
    return History(store)


def tools_of(store, first=DAY, last=DAY):
    """Calls, successes, failures, unanswered calls and the median of seconds, by tool."""
    found = look(store, first, last).tables["tools"]
    columns = ["Calls", "Succeeded", "Failed", "No answer", "Median"]
    return {
        row["Tool"]: [None if row[name] != row[name] else row[name] for name in columns] for _, row in found.iterrows()
    }


class TestSessionsThatChangeModels:
    def report(self, store, **filters):
        return Analytics(store).report(Scope(filtered(**filters), Period(DAY, DAY, BERLIN), LOCAL_IS_FREE))

    def test_each_model_has_its_own_price(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"), model="openai/mystery-9")
        history.turn(chat, on("2026-05-04 10:00"), model="SmolLM", chosen="gguf/smol")
        history.turn(chat, on("2026-05-04 10:05"), model="mystery-9", chosen="openai/mystery-9")
        report = self.report(store)
        models = report.tables["models"].set_index("Model")
        assert models.loc["SmolLM", "Cost"] == 0
        assert math.isnan(models.loc["mystery-9", "Cost"])
        assert report.unpriced == ("mystery-9",)
        assert (report.now.cost, report.now.unpriced_tokens) == (0, 110)

    def test_a_model_that_never_answered_provides_no_price(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"), model="openai/mystery-9")
        history.turn(chat, on("2026-05-04 10:00"), chosen="gguf/smol", status=TurnStatus.FAILED, tokens=None)
        history.turn(chat, on("2026-05-04 10:05"), model="mystery-9", chosen="openai/mystery-9")
        now = self.report(store).now
        assert (now.cost, now.unpriced_tokens) == (None, 110)

    def test_an_answer_without_a_model_counts_for_the_model_of_its_turn(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        history.turn(chat, on("2026-05-04 10:00"), model=None)
        store.sessions.set_model(chat, "openai/other")
        assert list(self.report(store).tables["models"]["Model"]) == ["gemini-2.5-flash"]
        assert self.report(store, answered_by={"other"}).now.conversations == 0

    def test_a_query_answered_without_a_model_counts_for_none(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        turn = history.turn(chat, on("2026-05-04 10:00"), chosen=None, tokens=None)
        at = on("2026-05-04 10:00").timestamp() + 1
        append(store, chat, history.event(turn, at, [types.Part(text="**n**: 42")], "assistant"))
        assert self.report(store).tables["models"].empty
        assert self.report(store).now.messages == 2

    def test_a_model_is_named_as_in_most_of_its_answers(self, store, history):
        long = history.chat(on("2026-05-04 10:00"), model="gguf/smol")
        for minute in range(3):
            history.turn(long, on(f"2026-05-04 10:0{minute}"), model="SmolLM", chosen="gguf/smol")
        for hour in (11, 12):
            short = history.chat(on(f"2026-05-04 {hour}:00"), model="gguf/smol")
            history.turn(short, on(f"2026-05-04 {hour}:00"), model="smol-q4", chosen="gguf/smol")
        assert dict(store.log.database.rows(NAMES))["gguf/smol"] == "SmolLM"

    def test_models_of_deleted_chats_are_not_offered(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        history.turn(chat, on("2026-05-04 10:00"), chosen="gguf/smol", tokens=None)
        store.sessions.delete([chat])
        assert Analytics(store).rollups().choices.models == []


class TestOutcomesOfCalls:
    def test_a_call_counts_on_its_own_day_with_an_answer_from_the_next_day(self, store, history):
        chat = history.chat(on("2026-05-03 23:00"))
        turn = history.turn(chat, on("2026-05-03 23:00"))
        history.tool(chat, turn, on("2026-05-03 23:59:59"), 2.0, "run_sql", response=({"rows": 1},))
        history.tool(chat, turn, on("2026-05-04 10:00"), 0.0, "run_sql")
        assert tools_of(store, date(2026, 5, 3), date(2026, 5, 3)) == {"run_sql": [1, 1, 0, 0, 2.0]}
        assert tools_of(store) == {"run_sql": [1, 0, 0, 1, None]}

    def test_a_call_that_waits_for_approval_beside_another_is_unanswered(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        turn = history.turn(chat, on("2026-05-04 10:00"))
        history.tool(chat, turn, on("2026-05-04 10:01"), 0.0, "delete_rows", "list_tables")
        told = [
            types.Part(function_response=types.FunctionResponse(id=name, name=name, response=response))
            for name, response in (("delete_rows", {"error": "requires confirmation"}), ("list_tables", {"n": 3}))
        ]
        waits = EventActions(requested_tool_confirmations={"delete_rows": ToolConfirmation()})
        append(store, chat, history.event(turn, on("2026-05-04 10:02").timestamp(), told, "assistant", actions=waits))
        assert tools_of(store) == {"delete_rows": [1, 0, 0, 1, None], "list_tables": [1, 1, 0, 0, 60.0]}
        failed = types.FunctionResponse(id="delete_rows", name="delete_rows", response={"error": "no such table"})
        at = on("2026-05-04 11:02").timestamp()
        append(store, chat, history.event(turn, at, [types.Part(function_response=failed)], "assistant"))
        assert tools_of(store)["delete_rows"] == [1, 0, 1, 0, None]

    @pytest.mark.parametrize("reason", sorted(NOT_ANSWERED))
    def test_interrupted_and_declined_calls_neither_fail_nor_take_time(self, store, history, reason):
        chat = history.chat(on("2026-05-04 10:00"))
        turn = history.turn(chat, on("2026-05-04 10:00"), status=TurnStatus.INTERRUPTED)
        history.tool(chat, turn, on("2026-05-04 10:01"), 90_000.0, "run_sql", response=({"error": reason},))
        assert tools_of(store) == {"run_sql": [1, 0, 0, 1, None]}


class TestUnknownValues:
    def test_the_duration_of_a_turn_without_a_recorded_end(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        history.turn(chat, on("2026-05-04 10:00"), status=TurnStatus.INTERRUPTED, seconds=80_000.0)
        assert look(store, DAY, DAY).now.seconds is None

    def test_the_cost_of_tokens_beside_an_answer_without_tokens(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"), model="openai/mystery")
        history.turn(chat, on("2026-05-04 10:00"), model="mystery", chosen="openai/mystery")
        history.turn(chat, on("2026-05-04 10:05"), tokens=(0, 0))
        report = look(store, DAY, DAY)
        assert (report.now.cost, report.now.unpriced_tokens) == (None, 110)
        assert math.isnan(report.tables["agents"]["Cost"][0])

    def test_all_models_without_a_known_price_are_named(self, store, history):
        names = [f"mystery-{number:02}" for number in range(15)]
        for name in names:
            chat = history.chat(on("2026-05-04 10:00"), model=f"openai/{name}")
            history.turn(chat, on("2026-05-04 10:00"), model=name, chosen=f"openai/{name}")
        report = look(store, DAY, DAY)
        assert report.unpriced == tuple(names)
        assert len(report.tables["models"]) == 12


class TestDrillDown:
    def drill_down(self, store, kind, *values, first=DAY, last=DAY):
        """The place in each conversation, by its number."""
        analytics, scope = Analytics(store), Scope(EVERYTHING, Period(first, last, BERLIN), PRICES)
        found = analytics.conversations(scope, DrillDown(kind, values))
        places = analytics.places(scope, DrillDown(kind, values), found)
        return {number: places.get(number) for number in found}

    def test_a_score_given_long_after_the_chat_leads_to_the_chat(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        history.turn(chat, on("2026-05-04 10:00"))
        answer = store.events.list(chat)[-1].event.id
        store.feedback.set(chat, answer, -1)
        today = datetime.now(BERLIN).date()
        [found] = self.drill_down(store, Kind.RATED, False, first=today, last=today).values()
        assert found.event_id == answer

    def test_a_chat_without_messages_is_charted_on_its_first_day(self, store, history):
        history.chat(on("2026-05-04 10:00"))
        assert list(look(store, DAY, DAY).tables["activity"]["Chats"]) == [1]

    def test_a_call_without_text_counts_as_activity(self, store, history):
        chat = history.chat(on("2026-05-03 10:00"))
        turn = history.turn(chat, on("2026-05-03 10:00"))
        history.tool(chat, turn, on("2026-05-04 10:00"), 1.0, "run_sql", response=({"rows": 1},))
        assert look(store, DAY, DAY).now.conversations == 1
        assert len(self.drill_down(store, Kind.ALL)) == 1

    def test_a_branch_leads_to_its_own_messages(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        history.turn(chat, on("2026-05-04 10:00"), status=TurnStatus.FAILED)
        branch = store.sessions.branch(chat, store.events.list(chat)[-1].event.id, "branch")
        own = history.turn(branch.key, on("2026-05-04 11:00"), status=TurnStatus.FAILED)
        number = next(row.number for row in store.history.list(EVERYTHING).items if row.key == branch.key)
        wanted = self.drill_down(store, Kind.STATUS, "failed")[number].event_id
        meant = next(stored.event for stored in store.events.list(branch.key) if stored.event.id == wanted)
        assert meant.invocation_id == own

    @pytest.mark.parametrize(
        "drill_down",
        [
            DrillDown(Kind.DAYS, ("yesterday", 1)),
            DrillDown(Kind.DAYS, ()),
            DrillDown(Kind.TERM, ()),
            DrillDown(Kind.QUESTION, ("-1",)),
            DrillDown(Kind.MESSAGES, ("x",)),
        ],
        ids=str,
    )
    def test_values_of_another_kind_are_refused_with_an_explanation(self, store, history, drill_down):
        history.turn(history.chat(on("2026-05-04 10:00")), on("2026-05-04 10:00"))
        with pytest.raises(DrillDownInvalidError, match="Open the list again"):
            Analytics(store).conversations(Scope(EVERYTHING, Period(DAY, DAY, BERLIN), PRICES), drill_down)

    def test_unknown_costs_list_only_chats_with_tokens_without_a_price_at_the_time(self, store, history):
        for day in (4, 6):
            chat = history.chat(on(f"2026-05-0{day} 10:00"), model="openai/late")
            history.turn(chat, on(f"2026-05-0{day} 10:00"), model="late", chosen="openai/late")
        prices = (Price("late", date(2026, 5, 5), 1.0, 1.0),)
        scope = Scope(EVERYTHING, Period(DAY, date(2026, 5, 6), BERLIN), prices)
        unpriced = Analytics(store).report(scope).unpriced
        assert unpriced == ("late",)
        assert len(Analytics(store).conversations(scope, DrillDown(Kind.UNPRICED, unpriced))) == 1
