"""Sessions written by any version of ADK: the text is kept, and whatever cannot be kept is named."""

from __future__ import annotations

import json
import pickle
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from google.adk.events.event_actions import EventActions
from google.adk.tools.tool_confirmation import ToolConfirmation

from session_store.exchange import import_file
from tests.session_store.exchange.adk_v0 import FIRST_COLUMNS, Database

BEGIN = "2025-11-16 05:30:00"
AT = datetime(2025, 11, 16, 5, 30, tzinfo=UTC).timestamp()
TALK = [(65, "user", "When do I plant garlic?"), (70, "garden", "In October.")]


class Basket:
    """An application's class, stored in its state."""

    def __init__(self, *items):
        self.items = [*items]


class Harm:
    """What a pickle could do if it were loaded normally."""

    def __reduce__(self):
        return open, ("harm.txt", "w")


@pytest.fixture
def database(tmp_path):
    def made(*arguments, **options):
        return Database(tmp_path / "sessions.db", *arguments, **options)

    return made


@pytest.fixture
def session(tmp_path):
    """A file with one session in JSON."""

    def written(*events, **fields):
        path = tmp_path / "session.json"
        document = {"id": "s-1", "appName": "garden", "userId": "user", "state": {}, "lastUpdateTime": AT + 90.0}
        path.write_text(json.dumps({**document, "events": list(events), **fields}))
        return path

    return written


def event(**fields):
    said = {"role": "user", "parts": [{"text": "When do I plant garlic?"}]}
    return {"id": "e-1", "author": "user", "invocationId": "i-1", "timestamp": AT, "content": said, **fields}


def events_of(store, report):
    [taken] = report.taken
    return [stored.event for stored in store.events.list(taken.key)]


def texts(events):
    return [part.text for event in events if event.content for part in event.content.parts if part.text]


def noted(report):
    return " ".join(report.remarks)


class TestZones:
    @pytest.mark.parametrize("hours", [-9.5, -8, -5, 0, 1, 5.5, 5.75, 9, 13])
    def test_the_zone_of_another_machine_is_derived_from_its_utc_times(self, hours, database, store):
        made = database()
        made.session(BEGIN, TALK, hours=hours)

        report = import_file(store, made.path)
        [listed] = store.sessions.list("user").items

        assert [event.timestamp for event in events_of(store, report)] == [AT + 65, AT + 70]
        assert (listed.created_at, listed.updated_at) == (AT, AT + 70)

    def test_a_slow_answer_does_not_shift_the_zone(self, database, store):
        made = database()
        made.session(BEGIN, TALK, hours=9, updated=200)

        report = import_file(store, made.path)

        assert events_of(store, report)[0].timestamp == AT + 65

    def test_without_update_times_the_zone_is_derived_from_the_creation_time(self, database, store):
        made = database()
        made.session(BEGIN, [*TALK, (10_000, "user", "And now?")], hours=-5, updated=0)

        report = import_file(store, made.path)

        assert [event.timestamp for event in events_of(store, report)] == [AT + 65, AT + 70, AT + 10_000]

    def test_a_session_without_a_visible_zone_gets_that_of_the_others(self, database, store):
        made = database()
        made.session(BEGIN, TALK, hours=-5)
        made.session(
            BEGIN, [(5_000, "user", "Late"), (20_000, "user", "Later")], hours=-5, session_id="s-2", updated=9_000
        )

        report = import_file(store, made.path)
        [late] = [taken.key for taken in report.taken if taken.key.session_id == "s-2"]

        assert [stored.event.timestamp for stored in store.events.list(late)] == [AT + 5_000, AT + 20_000]

    def test_summer_and_winter_time_differ(self, database, store):
        made = database()
        made.session(BEGIN, TALK, hours=-5)
        made.session("2025-07-16 05:30:00", TALK, hours=-4, session_id="s-2")

        report = import_file(store, made.path)
        begins = {taken.key.session_id: store.events.list(taken.key)[0].event.timestamp for taken in report.taken}

        assert begins == {"s-1": AT + 65, "s-2": datetime(2025, 7, 16, 5, 31, 5, tzinfo=UTC).timestamp()}


class TestPickles:
    def actions(self, **state):
        return {"actions": pickle.dumps(EventActions(state_delta=state))}

    def state(self, store, report):
        [event] = events_of(store, report)
        return event.actions.state_delta

    def imported(self, database, store, actions):
        made = database()
        made.session(BEGIN, [(65, "user", "When do I plant garlic?", actions)])
        return import_file(store, made.path)

    def test_application_classes_are_left_out_and_named(self, database, store):
        report = self.imported(database, store, self.actions(basket=Basket(1), kept=[1, Basket(2)], tone="dry"))

        assert self.state(store, report) == {"kept": [1], "tone": "dry"}
        assert texts(events_of(store, report)) == ["When do I plant garlic?"]
        assert "Basket" in noted(report)
        assert "`state_delta.basket`" in noted(report)

    def test_data_of_builtin_types_is_kept(self, database, store):
        day = datetime(2025, 11, 16, tzinfo=timezone(timedelta(hours=2)))
        report = self.imported(
            database,
            store,
            self.actions(set={1}, pair=(1, 2), day=day, price=Decimal("1.50"), text="ä".encode(), raw=b"\xff\xfe"),
        )

        assert self.state(store, report) == {
            "set": [1],
            "pair": [1, 2],
            "day": "2025-11-16T00:00:00+02:00",
            "price": "1.50",
            "text": "ä",
            "raw": "//4=",
        }
        assert "of bytes" in noted(report)

    def test_classes_of_adk_are_read_by_their_fields(self, database, store):
        actions = EventActions(
            transfer_to_agent="helper", requested_tool_confirmations={"c-1": ToolConfirmation(hint="Pay?")}
        )

        report = self.imported(database, store, {"actions": pickle.dumps(actions)})
        [event] = events_of(store, report)

        assert event.actions == actions

    def test_nothing_in_a_pickle_is_executed(self, database, store, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

        report = self.imported(database, store, self.actions(harm=Harm()))

        assert self.state(store, report) == {}
        assert "harm" in noted(report)
        assert not (tmp_path / "harm.txt").exists()

    @pytest.mark.parametrize(
        "harm",
        [
            b"cos\nsystem\n(S'touch harm.txt'\ntR.",
            b"cbuiltins\neval\n(S'1'\ntR.",
            b"\x80\x04\x8c\x03one.",
            b"not a pickle",
            b"(lp0\n" + b"r\xff\xff\xff\x7f" + b".",
            pickle.dumps([1]),
        ],
    )
    def test_invalid_actions_do_not_affect_the_text(self, harm, database, store):
        report = self.imported(database, store, {"actions": harm})

        assert texts(events_of(store, report)) == ["When do I plant garlic?"]
        assert "actions of events that cannot be read (1)" in noted(report)

    def test_a_few_bytes_that_expand_to_billions_of_values_are_left_out(self, database, store):
        bomb = ["boom"]
        for _ in range(40):
            bomb = [bomb, bomb]

        report = self.imported(database, store, self.actions(bomb=bomb))

        assert texts(events_of(store, report)) == ["When do I plant garlic?"]
        assert "actions of events that cannot be read (1)" in noted(report)


class TestTables:
    def test_databases_of_the_first_version_are_read(self, database, store):
        made = database(FIRST_COLUMNS, states=False)
        made.session(BEGIN, TALK, hours=-5)

        report = import_file(store, made.path)

        assert texts(events_of(store, report)) == ["When do I plant garlic?", "In October."]
        assert report.remarks == []

    def test_columns_of_later_versions_are_read_if_adk_knows_them_and_named_if_not(self, database, store):
        made = database(
            FIRST_COLUMNS + ", model_version varchar, usage_metadata text, finish_reason varchar, mood text"
        )
        usage = json.dumps({"prompt_token_count": 7, "candidates_token_count": 5})
        columns = {"model_version": "m-1", "usage_metadata": usage, "finish_reason": "STOP", "mood": "sunny"}
        made.session(BEGIN, [(65, "user", "Hi"), (70, "garden", "Hello", columns)])

        report = import_file(store, made.path)
        answer = events_of(store, report)[1]

        assert (answer.model_version, answer.usage_metadata.prompt_token_count, answer.finish_reason.value) == (
            "m-1",
            7,
            "STOP",
        )
        assert noted(report) == "Left out: column `events.mood` (1)."

    def test_only_the_damaged_column_is_left_out(self, database, store):
        made = database()
        made.session(BEGIN, [*TALK, (75, "garden", "Really.", {"grounding_metadata": '{"cut'})], state='["odd"]')

        report = import_file(store, made.path)

        assert texts(events_of(store, report))[-1] == "Really."
        assert "`grounding_metadata`" in noted(report)
        assert "the state (1)" in noted(report)

    def test_unpaired_surrogates_are_replaced(self, database, store):
        made = database()
        made.session(BEGIN, TALK)
        with closing(sqlite3.connect(made.path)) as connection, connection:
            connection.execute("update events set error_message = cast(X'6FEDA0806B' as text) where author = 'garden'")
            connection.execute(
                "update events set content = ? where author = 'user'",
                ['{"role": "user", "parts": [{"text": "half \\ud83d of it"}]}'],
            )

        report = import_file(store, made.path)

        question, answer = events_of(store, report)
        assert texts([question]) == ["half \ufffd of it"]
        assert answer.error_message.startswith("o\ufffd")
        assert "invalid characters (unpaired surrogates) (1)" in noted(report)
        assert "characters that are none" in noted(report)

    def test_a_session_without_times_gets_those_of_its_messages(self, database, store):
        made = database()
        made.session(BEGIN, TALK, create_time=None, update_time=None)

        import_file(store, made.path)
        [listed] = store.sessions.list("user").items

        assert listed.created_at < listed.updated_at
        assert abs(listed.created_at - AT) < 86_400

    def test_events_without_a_session_are_counted(self, database, store):
        made = database()
        made.session(BEGIN, TALK)
        made.insert("events", id="x", app_name="garden", user_id="user", session_id="gone", timestamp=BEGIN)

        assert "events of sessions that are not there (1)" in noted(import_file(store, made.path))

    def test_invalid_names_are_replaced_and_the_session_is_imported(self, database, store):
        made = database()
        made.session(BEGIN, TALK)
        made.session(BEGIN, [], session_id="s-2", updated=0, app_name="../etc")
        made.session(BEGIN, [], session_id="s-3", updated=0, user_id="\0")

        report = import_file(store, made.path)

        assert {taken.key.session_id: taken.key.app_name for taken in report.taken}["s-2"] == ".._etc"
        assert {taken.key.session_id: taken.key.user_id for taken in report.taken}["s-3"] == "local"
        assert report.skipped == ()
        assert "names of applications (1)" in report.remarks[-1]
        assert "ids of users (1)" in report.remarks[-1]


class TestJson:
    def test_unknown_fields_are_named(self, session, store):
        path = session(
            event(
                flavour="sour",
                actions={"stateDelta": {"a": 1}, "jump": "high"},
                content={
                    "role": "user",
                    "parts": [{"text": "Hi", "hologram": {"depth": 3}}, {"hologram": {"depth": 4}}],
                },
                usageMetadata={"promptTokenCount": 7, "dreamTokenCount": 3},
                empty={},
            ),
            mood="sunny",
        )

        report = import_file(store, path)
        [taken] = events_of(store, report)

        assert (texts([taken]), len(taken.content.parts)) == (["Hi"], 1)
        assert (taken.actions.state_delta, taken.usage_metadata.prompt_token_count) == ({"a": 1}, 7)
        for name in (
            "`flavour` (1)",
            "`actions.jump` (1)",
            "`content.parts.hologram` (2)",
            "`usageMetadata.dreamTokenCount` (1)",
            "`mood` (1)",
        ):
            assert name in noted(report)
        assert "empty" not in noted(report)

    @pytest.mark.parametrize("odd", [5, 1.5, True, [1], {"a": 1}])
    def test_a_value_in_place_of_a_text_is_left_out_alone(self, session, store, odd):
        path = session(
            event(
                finishReason=odd,
                content={
                    "role": "user",
                    "parts": [{"text": "Hi"}, {"executableCode": {"code": "1", "language": odd}}],
                },
                usageMetadata={"promptTokenCount": 7, "trafficType": odd},
            )
        )

        report = import_file(store, path)
        [taken] = events_of(store, report)

        assert texts([taken]) == ["Hi"]
        assert taken.usage_metadata.prompt_token_count == 7
        assert "`finishReason` (1)" in noted(report)
        assert "`content.parts.executableCode.language` (1)" in noted(report)

    @pytest.mark.parametrize("count", [-1, -1000, 2**40])
    def test_invalid_counts_are_left_out(self, session, store, count):
        path = session(
            event(content={"role": "user", "parts": [{"text": "Hi"}]}, usageMetadata={"promptTokenCount": count})
        )

        report = import_file(store, path)
        [taken] = events_of(store, report)

        assert taken.usage_metadata is None
        assert noted(report) == "Left out: `usageMetadata` (1)."

    def test_values_of_another_type_are_converted_or_left_out(self, session, store):
        path = session(
            event(id=7, errorCode=17, usageMetadata={"promptTokenCount": "many", "candidatesTokenCount": 10**30}),
            event(id="e-2", content={"role": "user", "parts": 3}, timestamp=AT + 1),
            event(id="e-3", timestamp=datetime.fromtimestamp(AT + 2, UTC).isoformat()),
            event(id="e-4", timestamp=(AT + 3) * 1000),
            7,
        )

        report = import_file(store, path)
        taken = events_of(store, report)

        assert [one.id for one in taken] == ["7", "e-2", "e-3", "e-4"]
        assert [one.timestamp for one in taken] == [AT, AT + 1, AT + 2, AT + 3]
        assert (taken[0].error_code, taken[0].usage_metadata) == ("17", None)
        assert "`usageMetadata.promptTokenCount`" in noted(report)
        assert "events that cannot be read (1)" in noted(report)

    @pytest.mark.parametrize("missing", [None, 0, float("nan"), "soon"])
    def test_an_event_without_a_time_gets_that_of_the_one_before(self, missing, session, store):
        path = session(event(timestamp=missing), event(id="e-2"), event(id="e-3", timestamp=missing))

        report = import_file(store, path)

        assert {one.timestamp for one in events_of(store, report)} == {AT}
        assert "times of events (2)" in noted(report)

    def test_events_without_any_times_get_that_of_the_session(self, session, store):
        path = session(event(timestamp=None))

        import_file(store, path)
        [listed] = store.sessions.list("user").items

        assert (listed.created_at, listed.updated_at) == (AT + 90, AT + 90)

    def test_times_do_not_depend_on_the_order_of_the_file(self, session, store):
        said = [event(id=f"e-{number}", timestamp=AT + number) for number in range(3)]

        report = import_file(store, session(*reversed(said)))
        [listed] = store.sessions.list("user").items

        assert [one.id for one in events_of(store, report)] == ["e-0", "e-1", "e-2"]
        assert (listed.created_at, listed.updated_at) == (AT, AT + 2)

    def test_two_events_with_one_id_are_both_imported(self, session, store):
        report = import_file(store, session(event(), event(timestamp=AT + 1), event()))

        assert len({one.id for one in events_of(store, report)}) == 2
        assert "ids that two events have (1)" in noted(report)
        assert "events that stand there twice (1)" in noted(report)

    def test_missing_ids_and_authors_get_stable_values(self, session, store):
        bare = {"content": {"role": "assistant", "parts": [{"text": "In October."}]}, "timestamp": AT + 1}
        path = session(event(invocationId=None), bare, id=None, appName=None)

        first, again = import_file(store, path), import_file(store, path)
        question, answer = events_of(store, first)

        assert again.taken == ()
        assert (answer.author, answer.content.role, question.invocation_id) == (
            "assistant",
            "model",
            answer.invocation_id,
        )
        assert store.turns.get(answer.invocation_id) is not None

    def test_a_pending_call_is_closed(self, session, store):
        call = {"role": "model", "parts": [{"functionCall": {"id": "c-1", "name": "order", "args": {}}}]}
        path = session(event(), event(id="e-2", author="garden", content=call, longRunningToolIds=["c-1"]))

        report = import_file(store, path)
        [answer] = events_of(store, report)[-1].get_function_responses()

        assert (answer.id, answer.response) == (
            "c-1",
            {"error": "The conversation was imported before the tool had answered."},
        )
        assert "missing tool answers (1)" in noted(report)

    def test_a_spoken_message_begins_a_turn(self, session, store):
        spoken = {"text": "When do I plant garlic?", "finished": True}
        path = session(event(content=None, inputTranscription=spoken))

        report = import_file(store, path)
        turn = store.turns.get(events_of(store, report)[0].invocation_id)

        assert turn is not None
        assert turn.message["parts"] == [{"text": "When do I plant garlic?"}]
