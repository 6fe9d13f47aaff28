"""Each figure and chart is checked against plain pandas, and against a small history with known answers."""

from __future__ import annotations

import re
from copy import copy
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from colloquy.demo import fill
from session_store import Store
from session_store.analytics import Analytics, Period
from session_store.analytics.charts import STOP_WORDS, WEEKDAYS
from session_store.analytics.drill_down import DrillDown, Kind
from session_store.analytics.period import Step, day_number
from session_store.analytics.scope import Scope
from session_store.history.filters import EVERYTHING, HistoryFilter, any_of
from session_store.models import GENERAL, SAMPLE_SHOP, TurnStatus
from session_store.prices import Price
from tests.session_store.analytics.by_hand import ByHand
from tests.session_store.analytics.history import History
from tests.session_store.events import append, rewind

UNTIL = date(2026, 6, 1)
PRICES = (
    Price("gemini-2.5-flash", date(2025, 1, 1), 0.3, 2.5),
    Price("gemini-2.5-flash", date(2026, 2, 10), 0.6, 5.0),
    Price("gemini-2.5-pro", date(2025, 1, 1), 1.25, 10.0),
    Price("embedded", date(2025, 1, 1), 0.0, 0.0),
)
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    path = tmp_path_factory.mktemp("analytics") / "demo.duckdb"
    fill(path, sessions=250, seed=3, until=UNTIL)
    store = Store(path)
    yield store
    store.close()


@pytest.fixture(scope="module")
def analytics(demo):
    return Analytics(demo)


def filtered(**filters):
    return HistoryFilter(
        **{name: frozenset(value) if isinstance(value, set) else value for name, value in filters.items()}
    )


def scopes():
    for zone in map(ZoneInfo, ZONES):
        yield Scope(EVERYTHING, Period(date(2026, 2, 1), date(2026, 3, 31), zone), PRICES)  # days, over a clock change
        yield Scope(HistoryFilter(saved=True), Period(date(2025, 8, 1), date(2026, 3, 31), zone), PRICES)  # weeks
    agents = filtered(agents={"data_analyst", "specialist"})
    yield Scope(agents, Period(date(2024, 12, 1), date(2026, 6, 1), BERLIN), PRICES)  # months
    failed = filtered(answered_by={"gemini-2.5-pro"}, turn_statuses={"failed"})
    yield Scope(failed, Period(date(2026, 1, 1), date(2026, 6, 1), BERLIN), PRICES)


@pytest.fixture(params=scopes(), ids=lambda scope: f"{scope.period.zone}-{scope.period.step}-{scope.period.first}")
def scope(request):
    return request.param


@cache
def read_once(store, zone):
    return ByHand(store, zone)


def by_hand(store, zone):
    return copy(read_once(store, zone))


@pytest.fixture
def hand(demo, scope):
    hand = by_hand(demo, scope.period.zone)
    filters, sessions = scope.filters, hand.sessions
    if filters.saved:
        sessions = sessions[sessions["saved"]]
    if filters.agents:
        sessions = sessions[sessions["agent"].isin(filters.agents)]
    if filters.answered_by:
        answered = demo.log.database.rows("select session_no from sessions where model = 'gemini/gemini-2.5-pro'")
        sessions = sessions[sessions.index.isin([row[0] for row in answered])]
    if filters.turn_statuses:
        sessions = sessions[sessions.index.isin(hand.turns[hand.turns["status"].isin(filters.turn_statuses)]["no"])]
    return hand.only(set(sessions.index))


def rate(model, at):
    if model == "SmolLM2-135M-Instruct.Q4_1":
        return 0.0, 0.0
    found = [price for price in PRICES if price.model == model and pd.Timestamp(price.since, tz="UTC") <= at]
    return (found[-1].input, found[-1].output) if found else None


def measured(value):
    return None if pd.isna(value) else pytest.approx(value, rel=1e-5)


def starts(table, step):
    day = table["at"].dt.tz_localize(None).dt.normalize()
    if step is Step.WEEK:
        day = day - pd.to_timedelta(day.dt.day_of_week, unit="D")
    elif step is Step.MONTH:
        day = day.dt.to_period("M").dt.to_timestamp()
    return day.dt.strftime("%Y-%m-%d")


class TestAgainstPandas:
    def test_figures(self, analytics, hand, scope):
        report = analytics.report(scope)
        for period, found in ((scope.period, report.now), (scope.period.before(), report.before)):
            events, turns, sessions = (
                hand.within(table, period.first, period.last) for table in (hand.events, hand.turns, hand.sessions)
            )
            active = set(events["no"]) | set(turns["no"]) | set(sessions.index)
            over = turns[turns["status"].isin(["completed", "stopped", "failed", "interrupted"])]
            rates = [rate(model, at) for model, at in zip(events["model"], events["at"], strict=True)]
            priced = list(zip(rates, events["in"], events["out"], strict=True))
            assert found.conversations == len(active)
            assert found.users == hand.sessions.loc[list(active), "user"].nunique()
            assert found.messages == (events["text"] != "").sum()
            assert found.turns == len(turns)
            assert found.input_tokens == events["in"].sum()
            assert found.output_tokens == events["out"].sum()
            unknown = sum(given + written for known, given, written in priced if known is None)
            cost = sum((k[0] * given + k[1] * written) / 1e6 for k, given, written in priced if k is not None)
            assert found.unpriced_tokens == unknown
            assert found.cost == pytest.approx(cost)
            assert found.failures == measured((over["status"] == "failed").mean())
            assert found.wait == measured(turns["wait"].quantile(0.5))
            assert found.wait_p95 == measured(turns["wait"].quantile(0.95))
            assert found.seconds == measured(turns["seconds"].quantile(0.5))
            assert found.seconds_p95 == measured(turns["seconds"].quantile(0.95))
            scores = hand.within(hand.feedback, period.first, period.last)["score"]
            assert found.positive == measured((scores > 0).mean())

    def test_charts_over_time(self, analytics, hand, scope):
        tables, period = analytics.report(scope).tables, scope.period
        events, turns = (hand.within(table, period.first, period.last) for table in (hand.events, hand.turns))
        by_start = events.groupby(starts(events, period.step))
        activity = tables["activity"].set_index("Start")
        assert activity.loc[lambda table: table["Messages"] > 0, "Messages"].to_dict() == {
            start: count for start, count in by_start["text"].apply(lambda texts: (texts != "").sum()).items() if count
        }
        assert activity.loc[lambda table: table["Turns"] > 0, "Turns"].to_dict() == dict(
            turns.groupby(starts(turns, period.step)).size()
        )
        assert activity.index.is_monotonic_increasing
        spending = tables["spending"].set_index("Start")
        assert list(spending.index) == list(activity.index)
        assert spending.loc[lambda table: table["Tokens out"] > 0, "Tokens out"].to_dict() == {
            start: tokens for start, tokens in by_start["out"].sum().items() if tokens
        }
        assert spending["Cost"].sum() == pytest.approx(analytics.report(scope).now.cost)
        latency = tables["latency"].set_index("Start")["Turn, p95"].dropna()
        expected = turns.groupby(starts(turns, period.step))["seconds"].quantile(0.95).dropna()
        assert latency.to_dict() == pytest.approx(expected.to_dict(), rel=1e-5)
        scores = hand.within(hand.feedback, period.first, period.last)
        feedback = tables["feedback"].set_index("Start")
        for column, given in (("Positive", scores[scores["score"] > 0]), ("Negative", scores[scores["score"] < 0])):
            counts = feedback[column]
            assert counts[counts > 0].to_dict() == dict(given.groupby(starts(given, period.step)).size())
        share = (scores["score"] > 0).groupby(starts(scores, period.step)).mean()
        assert feedback["Share"].dropna().to_dict() == pytest.approx(share.to_dict())

    def test_heat_map(self, analytics, hand, scope):
        events = hand.within(hand.events, scope.period.first, scope.period.last)
        asked = events[events["asked"] & (events["text"] != "")]
        expected = asked.groupby(
            [asked["at"].dt.day_of_week.map(lambda day: WEEKDAYS[day]), asked["at"].dt.hour]
        ).size()
        heat = analytics.report(scope).tables["heat"].set_index(["Weekday", "Hour"])["Questions"]
        assert len(heat) == 168
        assert heat[heat > 0].to_dict() == expected.to_dict()

    def test_charts_by_name(self, analytics, hand, scope):
        tables, period = analytics.report(scope).tables, scope.period
        events, turns = (hand.within(table, period.first, period.last) for table in (hand.events, hand.turns))
        models = events.dropna(subset="model").groupby("model")[["in", "out"]].sum()
        assert tables["models"].set_index("Model")["Tokens in"].to_dict() == models["in"].to_dict()
        assert tables["models"].set_index("Model")["Tokens out"].to_dict() == models["out"].to_dict()
        calls, responses = events["calls"].explode().dropna(), events["responses"].explode().dropna()
        failed = sum("error" in response for response in responses)
        assert tables["tools"]["Calls"].sum() == len(calls)
        assert tables["tools"]["Failed"].sum() == failed
        assert tables["tools"]["Succeeded"].sum() == len(responses) - failed
        endings = tables["endings"].set_index("Status")["Turns"].to_dict()
        assert endings == turns["status"].value_counts().to_dict()
        agents = turns["no"].map(hand.sessions["agent"])
        expected = turns.groupby(agents)["wait"].median()
        assert tables["agents"].set_index("Agent")["First word"].dropna().to_dict() == pytest.approx(
            expected.dropna().to_dict(), rel=1e-5
        )
        assert tables["agents"]["Chats"].sum() == analytics.report(scope).now.conversations

    def test_turns_and_questions(self, analytics, hand, scope):
        report, period = analytics.report(scope), scope.period
        events, turns = (hand.within(table, period.first, period.last) for table in (hand.events, hand.turns))
        counts = turns.groupby("no").size()
        for row in report.tables["turns"].to_dict("records"):
            if row["_low"] > 0:
                assert row["Chats"] == ((counts >= row["_low"]) & (counts <= row["_high"])).sum()
        assert report.tables["turns"]["Chats"].sum() == report.now.conversations
        asked = events[events["asked"]]["text"].str.strip().str.lower().value_counts()
        questions = report.tables["questions"]
        assert list(questions["Times"]) == list(asked[asked > 1].head(10))
        assert all(
            asked[text.lower()] == times for text, times in zip(questions["Question"], questions["Times"], strict=True)
        )

    def test_terms(self, analytics, hand, scope):
        events = hand.within(hand.events, scope.period.first, scope.period.last)
        asked = events[events["asked"]]
        words = asked["text"].str.lower().map(lambda text: set(re.findall(r"[^\W\d_][\w'-]*\w{2,}", text)) - STOP_WORDS)
        single = asked.assign(word=words).explode("word")
        messages = single.groupby("word").size()
        terms = analytics.report(scope).tables["terms"]
        best = messages[messages > 1].sort_values(ascending=False)
        assert list(terms["Messages"]) == list(best.head(12))
        for row in terms.to_dict("records"):
            assert row["Messages"] == messages[row["Term"]]
            assert row["Chats"] == single[single["word"] == row["Term"]]["no"].nunique()

    def test_each_point_leads_to_a_message_it_counts(self, analytics, demo, hand, scope):
        report, period = analytics.report(scope), scope.period
        events = hand.within(hand.events, period.first, period.last).set_index("id")
        turns = hand.within(hand.turns, period.first, period.last).set_index("id")

        def turn_of(event):
            return turns.loc[event["turn"]]

        model, tool = report.tables["models"]["Model"][0], next(iter(report.tables["tools"]["Tool"]), None)
        question, term = report.tables["questions"].iloc[0], report.tables["terms"].iloc[0]
        busiest = report.tables["heat"].sort_values("Questions").iloc[-1]
        hour = (WEEKDAYS.index(busiest["Weekday"]), int(busiest["Hour"]))
        scores = hand.feedback.set_index("event")["score"]
        longest, slowest = report.now.seconds_p95 * (1 - 1e-6), report.now.wait_p95 * (1 - 1e-6)
        checks = [
            (Kind.STATUS, ("failed",), lambda event: turn_of(event)["status"] == "failed"),
            (Kind.SLOW_TURN, (report.now.seconds_p95,), lambda event: turn_of(event)["seconds"] >= longest),
            (Kind.SLOW_FIRST_WORD, (report.now.wait_p95,), lambda event: turn_of(event)["wait"] >= slowest),
            (Kind.RATED, (True,), lambda event: scores[event.name] == 1),
            (Kind.MODEL, (model,), lambda event: event["model"] == model),
            (
                Kind.QUESTION,
                (int(question["_question"]),),
                lambda event: event["text"].strip().lower() == question["Question"].lower(),
            ),
            (Kind.TERM, (term["Term"],), lambda event: term["Term"] in event["text"].lower()),
            (Kind.HOUR, hour, lambda event: event["asked"] and (event["at"].day_of_week, event["at"].hour) == hour),
        ]
        if tool:
            checks += [
                (Kind.TOOL, (tool,), lambda event: tool in event["calls"]),
                (Kind.TOOL_FAILED, (tool,), lambda event: any("error" in answer for answer in event["responses"])),
            ]
        for kind, values, is_meant in checks:
            drill_down = DrillDown(kind, values)
            chats = analytics.conversations(scope, drill_down)
            assert chats, kind
            found = analytics.places(scope, drill_down, chats)
            assert set(found) == set(chats), kind
            for place in found.values():
                event = events.loc[place.event_id]
                assert is_meant(event), kind
                assert place.at == event["timestamp"]

    def test_each_point_lists_as_many_conversations_as_it_shows(self, analytics, scope):
        report = analytics.report(scope)

        def number(kind, *values):
            return len(analytics.conversations(scope, DrillDown(kind, values)))

        assert number(Kind.ALL) == report.now.conversations
        for row in report.tables["agents"].to_dict("records"):
            assert number(Kind.AGENT, row["Agent"]) == row["Chats"]
        for row in report.tables["turns"].to_dict("records"):
            assert number(Kind.TURNS, row["_low"], row["_high"]) == row["Chats"]
        for row in report.tables["questions"].to_dict("records"):
            assert number(Kind.QUESTION, int(row["_question"])) == row["Chats"]
        for row in report.tables["terms"].to_dict("records"):
            assert number(Kind.TERM, row["Term"]) == row["Chats"]
        feedback = report.tables["feedback"]
        for row in feedback[feedback["Share"] < 1].head(3).to_dict("records"):
            day = day_number(date.fromisoformat(row["Start"]))
            if scope.period.step is Step.DAY:
                assert number(Kind.RATED_DAYS, True, day, day) <= row["Positive"]
                assert 0 < number(Kind.RATED_DAYS, False, day, day) <= row["Negative"]
        busiest = report.tables["heat"].sort_values("Questions").iloc[-1]
        assert 0 < number(Kind.HOUR, WEEKDAYS.index(busiest["Weekday"]), int(busiest["Hour"])) <= busiest["Questions"]


@pytest.fixture
def history(store):
    return History(store)


def on(text, zone=BERLIN, fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def look(store, first, last, zone=BERLIN, **filters):
    return Analytics(store).report(Scope(filtered(**filters), Period(first, last, zone), PRICES))


class TestByHand:
    def test_days_change_at_midnight_in_the_time_zone_of_the_user(self, store, history):
        chat = history.chat(on("2026-05-04 23:50"))
        history.turn(chat, on("2026-05-04 23:59:59"), seconds=0.5)
        history.turn(chat, on("2026-05-05 00:00"))

        def turns(zone):
            table = look(store, date(2026, 5, 4), date(2026, 5, 5), ZoneInfo(zone)).tables["activity"]
            return list(table["Turns"])

        assert turns("Europe/Berlin") == [1, 1]
        assert turns("UTC") == [2, 0]
        assert turns("Asia/Kathmandu") == [0, 2]
        assert look(store, date(2026, 5, 5), date(2026, 5, 5)).now.turns == 1
        assert look(store, date(2026, 5, 5), date(2026, 5, 5)).before.turns == 1

    def test_days_with_a_clock_change_have_23_and_25_hours(self, store, history):
        spring, autumn = history.chat(on("2026-03-29 00:30")), history.chat(on("2026-10-25 00:30"))
        for hour in ("00:30", "01:30", "03:30", "23:30"):
            history.turn(spring, on(f"2026-03-29 {hour}"))
        for hour, fold in (("00:30", 0), ("02:30", 0), ("02:30", 1), ("23:30", 0)):
            history.turn(autumn, on(f"2026-10-25 {hour}", fold=fold))

        def hours(day):
            report = look(store, day, day)
            heat = report.tables["heat"]
            assert report.now.turns == 4
            return heat[heat["Questions"] > 0].set_index("Hour")["Questions"].to_dict()

        assert hours(date(2026, 3, 29)) == {0: 1, 1: 1, 3: 1, 23: 1}
        assert hours(date(2026, 10, 25)) == {0: 1, 2: 2, 23: 1}
        assert look(store, date(2026, 3, 30), date(2026, 3, 30)).now.turns == 0

    def test_weeks_begin_on_monday(self, store, history):
        chat = history.chat(on("2026-05-03 10:00"))
        history.turn(chat, on("2026-05-03 10:00"))  # a Sunday
        history.turn(chat, on("2026-05-04 10:00"))
        table = look(store, date(2026, 1, 1), date(2026, 5, 31)).tables["activity"]
        assert table[table["Turns"] > 0].set_index("Start")["Turns"].to_dict() == {"2026-04-27": 1, "2026-05-04": 1}

    def test_deleted_chats_are_not_counted_and_rewound_turns_count_only_their_tokens(self, store, history):
        kept, gone, rewound = (history.chat(on("2026-05-04 10:00")) for _ in range(3))
        for chat in (kept, gone, rewound):
            turn = history.turn(chat, on("2026-05-04 10:00"))
        append(store, rewound, rewind(turn))
        analytics = Analytics(store)
        scope = Scope(EVERYTHING, Period(date(2026, 5, 4), date(2026, 5, 4), BERLIN), PRICES)
        assert (analytics.report(scope).now.conversations, analytics.report(scope).now.turns) == (3, 2)

        store.sessions.delete([gone])
        now = analytics.report(scope).now
        assert (now.conversations, now.turns, now.messages, now.input_tokens) == (2, 1, 2, 200)

        store.sessions.restore([gone])
        assert analytics.report(scope).now.turns == 2

    def test_failed_stopped_and_running_turns(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        for status in (TurnStatus.COMPLETED, TurnStatus.STOPPED, TurnStatus.INTERRUPTED):
            history.turn(chat, on("2026-05-04 10:00"), status=status)
        history.turn(chat, on("2026-05-04 10:10"), status=TurnStatus.FAILED, wait=None, seconds=9.0, tokens=None)
        history.turn(chat, on("2026-05-04 10:20"), status=TurnStatus.RUNNING, wait=None, seconds=None, tokens=None)
        now = look(store, date(2026, 5, 4), date(2026, 5, 4)).now
        assert (now.turns, now.failures, now.wait, now.seconds) == (5, 0.25, 1.0, 2.0)

    def test_a_conversation_without_turns_counts_on_its_first_day(self, store, history):
        history.chat(on("2026-05-04 10:00"))
        now = look(store, date(2026, 5, 4), date(2026, 5, 4)).now
        assert (now.conversations, now.users, now.messages, now.turns, now.cost) == (1, 1, 0, 0, 0.0)
        assert (now.wait, now.seconds, now.failures) == (None, None, None)
        assert look(store, date(2026, 5, 5), date(2026, 5, 9)).now.conversations == 0

    def test_prices_apply_from_their_date_and_unknown_ones_stay_unknown(self, store, history):
        chat = history.chat(on("2026-02-09 10:00"))
        history.turn(chat, on("2026-02-09 10:00"), tokens=(1_000_000, 0))
        history.turn(chat, on("2026-02-10 10:00"), tokens=(1_000_000, 0))
        history.turn(chat, on("2026-02-11 10:00"), model="mystery", tokens=(500, 70))

        def cost(first, last):
            now = look(store, date(2026, 2, first), date(2026, 2, last)).now
            return now.cost, now.unpriced_tokens

        assert cost(9, 9) == (pytest.approx(0.3), 0)
        assert cost(9, 10) == (pytest.approx(0.9), 0)
        assert cost(9, 11) == (pytest.approx(0.9), 570)
        assert cost(11, 11) == (None, 570)
        by_day = look(store, date(2026, 2, 8), date(2026, 2, 11)).tables["spending"]
        assert by_day["Tokens in"].tolist() == [0, 1_000_000, 1_000_000, 500]
        assert by_day["Cost"].fillna(-1).tolist() == pytest.approx([0, 0.3, 0.6, -1])
        assert by_day["Unpriced tokens"].tolist() == [0, 0, 0, 570]

    def test_tools_have_success_duration_and_calls_without_an_answer(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        turn = history.turn(chat, on("2026-05-04 10:00"))
        both = ({"rows": 'the word "error" is in the answer'}, {"error": "no such table"})
        history.tool(chat, turn, on("2026-05-04 10:01"), 4.0, "run_sql", "list_tables", response=both)
        history.tool(chat, turn, on("2026-05-04 10:02"), 0.0, "run_sql")
        tools = look(store, date(2026, 5, 4), date(2026, 5, 4)).tables["tools"].set_index("Tool")
        columns = ["Calls", "Succeeded", "Failed", "No answer", "Median"]
        assert list(tools.loc["run_sql", columns]) == [2, 1, 0, 1, 4.0]
        assert list(tools.loc["list_tables", columns]) == [1, 0, 1, 0, 4.0]

    def test_feedback_counts_when_it_was_given(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        for _ in range(4):
            history.turn(chat, on("2026-05-04 10:00"))
        answers = [stored.event.id for stored in store.events.list(chat, limit=20) if stored.event.author != "user"]
        for event_id, score in zip(answers, (1, 1, 1, -1), strict=True):
            store.feedback.set(chat, event_id, score)
        today = datetime.now(BERLIN).date()
        assert look(store, today - timedelta(days=1), today + timedelta(days=1)).now.positive == 0.75

    def test_new_events_count_at_once_and_only_they_are_read(self, store, history):
        analytics = Analytics(store)
        scope = Scope(EVERYTHING, Period(date(2026, 5, 4), date(2026, 5, 4), BERLIN), PRICES)
        chat = history.chat(on("2026-05-04 10:00"))
        history.turn(chat, on("2026-05-04 10:00"), asked="first")
        assert analytics.report(scope).now.messages == 2
        assert analytics.report(scope) is analytics.report(scope)
        turn = history.turn(chat, on("2026-05-04 11:00"), asked="second")
        history.tool(chat, turn, on("2026-05-04 11:00"), 1.0, "run_sql", response=({},))
        other = history.chat(on("2026-05-04 12:00"), user="bob")
        history.turn(other, on("2026-05-04 12:00"), asked="first")
        renewed, anew = analytics.report(scope), Analytics(store).report(scope)
        assert renewed.now == anew.now
        assert renewed.now.messages == 6
        for name, table in anew.tables.items():
            pd.testing.assert_frame_equal(renewed.tables[name], table)

    def test_filters_select_conversations(self, store, history):
        first = history.chat(on("2026-05-04 10:00"), agent="a", user="ann")
        second = history.chat(on("2026-05-04 10:00"), agent="b", user="bob")
        history.turn(first, on("2026-05-04 10:00"))
        history.turn(second, on("2026-05-04 10:00"), model="mystery", status=TurnStatus.STOPPED)
        history.turn(second, on("2026-05-04 10:05"))
        store.sessions.set_saved([first], True)

        def turns(**filters):
            return look(store, date(2026, 5, 4), date(2026, 5, 4), **filters).now.turns

        assert turns() == 3
        assert turns(saved=True) == turns(agents={"a"}) == turns(users={"ann"}) == 1
        assert turns(answered_by={"mystery"}) == turns(turn_statuses={"stopped"}) == turns(agents={"b", "c"}) == 2
        assert turns(workspace_ids={GENERAL}) == 3
        assert turns(workspace_ids={SAMPLE_SHOP}) == turns(agents={"a"}, users={"bob"}) == 0

    def test_tags_select_conversations_regardless_of_case(self, store, history):
        first, second = (history.chat(on("2026-05-04 10:00")) for _ in range(2))
        history.turn(first, on("2026-05-04 10:00"))
        history.turn(second, on("2026-05-04 10:00"))
        history.turn(second, on("2026-05-04 11:00"))
        store.labels.set_tags([first], add=["Urgent", "billing"])
        store.labels.set_tags([second], add=["billing"])

        def turns(*tags):
            return look(store, date(2026, 5, 4), date(2026, 5, 4), tags=tags).now.turns

        assert (turns("urgent"), turns("Billing"), turns("urgent", "billing"), turns("none")) == (1, 3, 3, 0)
        assert Analytics(store).rollups().choices.tags == ["billing", "Urgent"]

    def test_terminated_conversations_can_be_filtered(self, store, history):
        chats = [history.chat(on("2026-05-04 10:00")) for _ in range(3)]
        for chat in chats:
            history.turn(chat, on("2026-05-04 10:00"))
        store.sessions.terminate(chats[:1])

        def number(*states):
            return look(store, date(2026, 5, 4), date(2026, 5, 4), states=any_of(states)).now.conversations

        assert (number(), number("terminated"), number("idle"), number("running")) == (3, 1, 2, 0)
        history.turn(chats[0], on("2026-05-04 11:00"))
        assert number("terminated") == 0

    def test_events_copied_into_a_branch_count_once(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        history.turn(chat, on("2026-05-04 10:00"))
        turn = history.turn(chat, on("2026-05-04 11:00"))
        history.tool(chat, turn, on("2026-05-04 11:00"), 1.0, "run_sql", response=({"error": "no"},))
        before = look(store, date(2026, 5, 4), date(2026, 5, 4))
        last = store.events.list(chat)[-1].event.id
        store.sessions.branch(chat, last, "branch")
        after = look(store, date(2026, 5, 4), date(2026, 5, 4))
        assert after.now == before.now
        for name, table in before.tables.items():
            pd.testing.assert_frame_equal(after.tables[name], table)

    def test_one_of_two_simultaneous_calls_of_a_tool_may_fail(self, store, history):
        chat = history.chat(on("2026-05-04 10:00"))
        turn = history.turn(chat, on("2026-05-04 10:00"))
        answers = ({"rows": 1}, {"error": "no such table"}, {"rows": 2})
        history.tool(chat, turn, on("2026-05-04 10:01"), 1.0, "run_sql", "run_sql", "list_tables", response=answers)
        tools = look(store, date(2026, 5, 4), date(2026, 5, 4)).tables["tools"].set_index("Tool")
        columns = ["Calls", "Succeeded", "Failed", "No answer"]
        assert list(tools.loc["run_sql", columns]) == [2, 1, 1, 0]
        assert list(tools.loc["list_tables", columns]) == [1, 1, 0, 0]

    def test_an_empty_store_has_no_figures(self, store):
        analytics = Analytics(store)
        assert analytics.rollups().first is None
        today = date(2026, 5, 4)
        assert analytics.everything(BERLIN, today) == Period(today, today, BERLIN)
        report = look(store, today, today)
        assert (report.now.conversations, report.now.cost) == (0, 0.0)
