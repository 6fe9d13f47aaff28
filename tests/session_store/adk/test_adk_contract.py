"""What ADK expects of every session service, including the parts that are easy to miss."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.sessions.base_session_service import GetSessionConfig
from google.adk.sessions.session import Session
from google.genai import types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from session_store import DuckDBSessionService
from session_store.compat.adk import StaleSessionError
from tests.session_store.events import changed, said, texts

pytestmark = pytest.mark.upstream

NAMES = {"app_name": "app", "user_id": "ann"}


async def reopened(service: DuckDBSessionService, path: Path) -> DuckDBSessionService:
    await service.close()
    return DuckDBSessionService(path)


async def test_a_created_session_is_read_back_equal(service):
    created = await service.create_session(**NAMES, state={"topic": "tides"})

    assert created.state == {"topic": "tides"}
    assert created.last_update_time <= datetime.now(UTC).timestamp()
    assert await service.get_session(**NAMES, session_id=created.id) == created


async def test_an_unknown_session_is_none(service):
    assert await service.get_session(**NAMES, session_id="nobody") is None


@pytest.mark.parametrize("blank", [None, "", "   "])
async def test_a_blank_id_gets_a_new_one(service, blank):
    first = await service.create_session(**NAMES, session_id=blank)
    second = await service.create_session(**NAMES, session_id=blank)

    assert first.id.strip()
    assert first.id != second.id


async def test_blanks_around_an_id_are_ignored(service):
    created = await service.create_session(**NAMES, session_id="  one ")

    assert created.id == "one"
    assert await service.get_session(**NAMES, session_id=" one  ") == created
    await service.delete_session(**NAMES, session_id=" one ")
    assert await service.get_session(**NAMES, session_id="one") is None


async def test_an_id_in_use_is_refused(service, path):
    await service.create_session(**NAMES, session_id="one")

    with pytest.raises(AlreadyExistsError):
        await service.create_session(**NAMES, session_id="one")
    again = await reopened(service, path)
    with pytest.raises(AlreadyExistsError):
        await again.create_session(**NAMES, session_id=" one")
    await again.close()


async def test_concurrent_creation_of_one_id_makes_one_session(service):
    outcomes = await asyncio.gather(
        *(service.create_session(**NAMES, session_id="one") for _ in range(10)), return_exceptions=True
    )

    assert sum(isinstance(outcome, Session) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyExistsError) for outcome in outcomes) == 9


async def test_the_same_id_of_another_user_is_another_session(service):
    mine = await service.create_session(app_name="app", user_id="ann", session_id="one")
    await service.create_session(app_name="app", user_id="ben", session_id="one")
    await service.append_event(mine, said("mine"))

    theirs = await service.get_session(app_name="app", user_id="ben", session_id="one")
    assert theirs.events == []


async def test_sessions_are_listed_oldest_update_first_and_without_events(service):
    for name, at in (("a", 30), ("b", 10), ("c", 20)):
        session = await service.create_session(**NAMES, session_id=name, state={"name": name})
        await service.append_event(session, said("x", timestamp=at))
    await service.create_session(app_name="app", user_id="ben", session_id="d")
    await service.create_session(app_name="other", user_id="ann", session_id="e")

    mine = (await service.list_sessions(**NAMES)).sessions
    assert [(s.id, s.last_update_time, s.events, s.state) for s in mine] == [
        ("b", 10, [], {"name": "b"}),
        ("c", 20, [], {"name": "c"}),
        ("a", 30, [], {"name": "a"}),
    ]
    everybody = (await service.list_sessions(app_name="app")).sessions
    assert [s.id for s in everybody] == ["b", "c", "a", "d"]
    assert (await service.list_sessions(app_name="app", user_id="nobody")).sessions == []


async def states_listed(service: DuckDBSessionService) -> dict[str, dict[str, object]]:
    return {s.id: s.state for s in (await service.list_sessions(**NAMES)).sessions}


async def test_a_list_follows_every_change_even_of_sessions_not_yet_loaded(service, path):
    first = await service.create_session(**NAMES, session_id="first", state={"a": 1, "nested": {"n": 1}})
    await service.create_session(**NAMES, session_id="second", state={"user:mood": "calm", "app:version": 1})
    service = await reopened(service, path)
    shared = {"user:mood": "calm", "app:version": 1}
    assert await states_listed(service) == {"first": {"a": 1, "nested": {"n": 1}, **shared}, "second": shared}

    first = await service.get_session(**NAMES, session_id="first")
    await service.append_event(first, changed(**{"a": 2, "user:mood": "glad"}))
    shared = {"user:mood": "glad", "app:version": 1}
    assert await states_listed(service) == {"first": {"a": 2, "nested": {"n": 1}, **shared}, "second": shared}

    await service.delete_session(**NAMES, session_id="second")
    await service.create_session(**NAMES, session_id="second", state={"new": True})
    assert (await states_listed(service))["second"] == {"new": True, **shared}
    await service.close()


async def test_changing_a_listed_state_does_not_change_the_store(service, path):
    await service.create_session(**NAMES, session_id="one", state={"nested": {"n": 1}, "user:list": [1], "app:flat": 1})
    service = await reopened(service, path)
    for _ in range(2):
        state = (await states_listed(service))["one"]
        assert state == {"nested": {"n": 1}, "user:list": [1], "app:flat": 1}
        state["nested"]["n"] = 2
        state["user:list"].append(2)
        state["app:flat"] = 2
    await service.close()


async def test_the_update_time_is_that_of_the_last_event_even_if_earlier(service, path):
    session = await service.create_session(**NAMES)
    for at in (session.last_update_time + 10, 5.0):
        await service.append_event(session, said("x", timestamp=at))
        assert session.last_update_time == at
        assert (await service.get_session(**NAMES, session_id=session.id)).last_update_time == at

    again = await reopened(service, path)
    assert (await again.get_session(**NAMES, session_id=session.id)).last_update_time == 5.0
    await again.close()


async def test_events_are_ordered_by_time_and_then_by_append(service, path):
    session = await service.create_session(**NAMES)
    for text, at in (("c", 3), ("a1", 1), ("b", 2), ("a2", 1), ("a3", 1)):
        await service.append_event(session, said(text, timestamp=at))

    expected = ["a1", "a2", "a3", "b", "c"]
    assert texts(await service.get_session(**NAMES, session_id=session.id)) == expected
    again = await reopened(service, path)
    assert texts(await again.get_session(**NAMES, session_id=session.id)) == expected
    await again.close()


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (GetSessionConfig(num_recent_events=0), []),
        (GetSessionConfig(num_recent_events=3), ["3", "4", "5"]),
        (GetSessionConfig(num_recent_events=9), ["1", "2", "3", "4", "5"]),
        (GetSessionConfig(after_timestamp=4.0), ["4", "5"]),
        (GetSessionConfig(after_timestamp=0.0), ["1", "2", "3", "4", "5"]),
        (GetSessionConfig(after_timestamp=50.0), []),
        (GetSessionConfig(after_timestamp=4.0, num_recent_events=3), ["4", "5"]),
        (GetSessionConfig(after_timestamp=2.0, num_recent_events=1), ["5"]),
    ],
)
async def test_a_session_can_be_read_in_part(service, path, config, expected, cold):
    session = await service.create_session(**NAMES)
    for at in (1, 2, 4, 3, 5):
        await service.append_event(session, said(str(at), timestamp=at))
    reader = await reopened(service, path) if cold else service

    part = await reader.get_session(**NAMES, session_id=session.id, config=config)
    assert texts(part) == expected
    await reader.append_event(part, said("6", timestamp=6))
    assert texts(await reader.get_session(**NAMES, session_id=session.id)) == ["1", "2", "3", "4", "5", "6"]
    await reader.close()


async def test_an_event_keeps_all_its_fields(service, path):
    session = await service.create_session(**NAMES)
    event = Event(
        invocation_id="turn",
        author="agent",
        content=types.Content(
            role="model",
            parts=[
                types.Part.from_bytes(data=b"\x00\xff picture", mime_type="image/png"),
                types.Part(function_call=types.FunctionCall(id="1", name="look", args={"deep": {"list": [1, None]}})),
                types.Part(text="thinking", thought=True, thought_signature=b"sig"),
            ],
        ),
        turn_complete=True,
        partial=False,
        actions=EventActions(artifact_delta={"file": 0}, transfer_to_agent="other", escalate=True),
        long_running_tool_ids={"1"},
        error_code="429",
        error_message="slow down",
        interrupted=True,
        branch="a.b",
        custom_metadata={"key": {"nested": True}},
        grounding_metadata=types.GroundingMetadata(search_entry_point=types.SearchEntryPoint(sdk_blob=b"blob")),
        citation_metadata=types.CitationMetadata(),
        usage_metadata=types.GenerateContentResponseUsageMetadata(prompt_token_count=1, total_token_count=2),
        output_transcription=types.Transcription(text="said", finished=True),
        finish_reason=types.FinishReason.STOP,
    )
    await service.append_event(session, event)

    assert await service.get_session(**NAMES, session_id=session.id) == session
    again = await reopened(service, path)
    assert await again.get_session(**NAMES, session_id=session.id) == session
    await again.close()


async def test_partial_events_are_not_stored(service):
    session = await service.create_session(**NAMES)
    event = said("so f", partial=True)

    assert await service.append_event(session, event) is event
    assert session.events == []
    assert (await service.get_session(**NAMES, session_id=session.id)).events == []


async def test_an_event_id_may_be_in_two_sessions_but_not_twice_in_one(service, path):
    first, second = [await service.create_session(**NAMES) for _ in range(2)]
    await service.append_event(first, said("once", id="same"))
    await service.append_event(second, said("elsewhere", id="same"))

    with pytest.raises(AlreadyExistsError):
        await service.append_event(first, said("twice", id="same"))
    again = await reopened(service, path)
    loaded = await again.get_session(**NAMES, session_id=first.id)
    with pytest.raises(AlreadyExistsError):
        await again.append_event(loaded, said("twice", id="same"))
    assert texts(await again.get_session(**NAMES, session_id=first.id)) == ["once"]
    await again.close()


# -- state -------------------------------------------------------------------------------------------------------------


async def test_state_is_stored_in_the_scope_of_its_key(service):
    first = await service.create_session(**NAMES, state={"app:a": 1, "user:u": 2, "s": 3, "temp:t": 4})
    assert first.state == {"app:a": 1, "user:u": 2, "s": 3}
    await service.append_event(first, changed(**{"app:b": 5, "user:v": 6, "r": 7}))

    own = await service.create_session(**NAMES)
    assert own.state == {"app:a": 1, "app:b": 5, "user:u": 2, "user:v": 6}
    other_user = await service.create_session(app_name="app", user_id="ben")
    assert other_user.state == {"app:a": 1, "app:b": 5}
    other_app = await service.create_session(app_name="other", user_id="ann")
    assert other_app.state == {}
    listed = {s.id: s.state for s in (await service.list_sessions(**NAMES)).sessions}
    assert listed[first.id] == {"app:a": 1, "app:b": 5, "user:u": 2, "user:v": 6, "s": 3, "r": 7}


async def test_a_delta_updates_like_a_dict(service, path):
    session = await service.create_session(**NAMES, state={"gone": 1, "nested": {"a": 1}, "kept": True})
    await service.append_event(session, changed(gone=None, nested={"b": 2}))

    expected = {"gone": None, "nested": {"b": 2}, "kept": True}
    assert session.state == expected
    again = await reopened(service, path)
    assert (await again.get_session(**NAMES, session_id=session.id)).state == expected
    await again.close()


async def test_temporary_state_stays_on_the_live_session_only(service):
    session = await service.create_session(**NAMES)
    await service.append_event(session, changed(**{"temp:draft": "x", "kept": 1}))

    assert session.state == {"temp:draft": "x", "kept": 1}
    stored = await service.get_session(**NAMES, session_id=session.id)
    assert stored.state == {"kept": 1}
    assert stored.events[0].actions.state_delta == {"kept": 1}


async def test_user_and_application_state_outlives_sessions(service, path):
    session = await service.create_session(**NAMES, state={"user:name": "Ann", "app:motd": "hi"})
    await service.delete_session(**NAMES, session_id=session.id)

    again = await reopened(service, path)
    assert (await again.create_session(**NAMES)).state == {"user:name": "Ann", "app:motd": "hi"}
    await again.close()


async def test_user_state_can_be_read_without_a_session(service, path):
    assert await service.get_user_state(**NAMES) == {}
    session = await service.create_session(**NAMES)
    await service.append_event(session, changed(**{"user:profile": {"name": "Ann"}, "other": 1}))

    state = await service.get_user_state(**NAMES)
    assert state == {"profile": {"name": "Ann"}}
    state["profile"]["name"] = "changed by the caller"
    assert await service.get_user_state(app_name="app", user_id="ben") == {}
    again = await reopened(service, path)
    assert await again.get_user_state(**NAMES) == {"profile": {"name": "Ann"}}
    await again.close()


async def test_a_value_that_json_cannot_hold_is_stored_as_its_description(service):
    session = await service.create_session(**NAMES)
    await service.append_event(session, changed(when=datetime(2026, 1, 2, tzinfo=UTC), call=print))

    stored = (await service.get_session(**NAMES, session_id=session.id)).state
    assert stored["when"].startswith("2026-01-02")
    assert "print" in stored["call"]


def same(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    return type(left) is type(right) and left == right


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | text
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3))
names = text.filter(lambda name: not name.startswith(("app:", "user:", "temp:")))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(names, values, max_size=4), st.dictionaries(names, values, max_size=4))
def test_arbitrary_state_round_trips(store, initial, delta):
    async def run() -> None:
        service = DuckDBSessionService(store)
        session = await service.create_session(**NAMES, state=initial)
        await service.append_event(session, changed(**delta))
        store.log.memory.clear()
        stored = await service.get_session(**NAMES, session_id=session.id)
        assert same({**initial, **delta}, stored.state)
        assert same(delta, stored.events[0].actions.state_delta)

    asyncio.run(run())


# -- stale copies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [None, 7.0])
async def test_a_stale_copy_is_refused_even_if_its_time_matches_the_store(service, at):
    created = await service.create_session(**NAMES)
    await service.append_event(created, said("one", timestamp=7.0))
    fresh = await service.get_session(**NAMES, session_id=created.id)
    stale = await service.get_session(**NAMES, session_id=created.id)
    await service.append_event(fresh, said("two", timestamp=at or 8.0))

    with pytest.raises(StaleSessionError):
        await service.append_event(stale, said("lost"))
    assert texts(await service.get_session(**NAMES, session_id=created.id)) == ["one", "two"]
    assert texts(stale) == ["one"]


async def test_a_copy_without_marker_is_judged_by_its_content(service):
    created = await service.create_session(**NAMES)
    await service.append_event(created, said("one"))
    copied = Session.model_validate(created.model_dump())
    await service.append_event(copied, said("two"))

    with pytest.raises(StaleSessionError):
        await service.append_event(Session.model_validate(created.model_dump()), said("lost"))


async def test_a_recreated_session_refuses_copies_of_the_old_one(service):
    old = await service.create_session(**NAMES, session_id="one")
    await service.delete_session(**NAMES, session_id="one")
    await service.create_session(**NAMES, session_id="one")

    with pytest.raises(StaleSessionError):
        await service.append_event(old, said("lost"))


async def test_appending_to_a_deleted_session_is_refused(service):
    session = await service.create_session(**NAMES)
    await service.delete_session(**NAMES, session_id=session.id)
    await service.delete_session(**NAMES, session_id=session.id)

    with pytest.raises(SessionNotFoundError):
        await service.append_event(session, said("lost"))
    assert session.events == []


async def test_concurrent_appends_through_one_session_object_arrive_in_order(service):
    session = await service.create_session(**NAMES)
    await asyncio.gather(*(service.append_event(session, said(str(n), timestamp=1.0)) for n in range(30)))

    expected = [str(n) for n in range(30)]
    assert texts(session) == expected
    assert texts(await service.get_session(**NAMES, session_id=session.id)) == expected


async def test_a_cancelled_append_leaves_the_session_object_usable_or_refused(service):
    session = await service.create_session(**NAMES)
    task = asyncio.ensure_future(service.append_event(session, said("cancelled")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await service.append_event(session, said("next"))
    assert texts(session) == texts(await service.get_session(**NAMES, session_id=session.id)) == ["cancelled", "next"]


# -- what callers do with returned objects -----------------------------------------------------------------------------


async def test_changing_returned_objects_does_not_change_the_store(service):
    session = await service.create_session(**NAMES, state={"list": [1], "user:map": {}})
    event = said("said", custom_metadata={"tags": ["a"]}, timestamp=1.0)
    event.actions.state_delta["more"] = [2]
    await service.append_event(session, event)
    event.content.parts[0].text = "changed after the append"
    expected = None
    for _ in range(3):
        got = await service.get_session(**NAMES, session_id=session.id)
        expected = expected or got.model_dump_json()
        assert got.model_dump_json() == expected
        got.state["list"].append("x")
        got.state["user:map"]["x"] = 1
        got.state["more"].append("x")
        got.events[0].content.parts[0].text = "x"
        got.events[0].content.parts.append(types.Part(text="x"))
        got.events[0].actions.state_delta["more"].append("x")
        got.events[0].custom_metadata["tags"].append("x")
        got.events[0].node_info.path = "x"
        got.events.append(said("x"))
        await asyncio.to_thread(lambda: None)
    assert "said" in expected


async def test_a_service_can_be_used_from_several_event_loops_and_threads(service):
    async def talk(number: int) -> list[str]:
        session = await service.create_session(app_name="app", user_id=f"user {number}")
        for turn in range(10):
            await service.append_event(session, said(f"{number}.{turn}"))
        return texts(await service.get_session(app_name="app", user_id=f"user {number}", session_id=session.id))

    spoken = await asyncio.gather(*(asyncio.to_thread(asyncio.run, talk(number)) for number in range(6)))
    assert spoken == [[f"{number}.{turn}" for turn in range(10)] for number in range(6)]


async def test_two_services_on_one_path_share_the_file(service, path):
    async with DuckDBSessionService(path) as second:
        session = await second.create_session(**NAMES)
    assert await service.get_session(**NAMES, session_id=session.id) == session


async def test_flushing_and_closing_twice_are_harmless(service):
    await service.flush()
    await service.close()
    await service.close()


@pytest.mark.parametrize("form", ["duckdb:///{relative}", "duckdb:///{absolute}", "{absolute}"])
async def test_the_file_can_be_given_as_path_or_uri(tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    address = form.format(relative="some%20chats.duckdb", absolute=tmp_path / "some chats.duckdb")
    async with DuckDBSessionService(uri=address, agents_dir="agents", echo=True) as service:
        await service.create_session(**NAMES)
    assert (tmp_path / "some chats.duckdb").exists()


@pytest.mark.parametrize("arguments", [{}, {"path_or_store": "a", "uri": "b"}])
def test_giving_no_file_or_two_is_an_error(arguments):
    with pytest.raises(TypeError):
        DuckDBSessionService(**arguments)
