"""Branches: sessions that continue from the middle of another one."""

from __future__ import annotations

import pytest
from google.adk.agents import LlmAgent
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.runners import Runner
from google.genai import types

from session_store import DuckDBSessionService, Store
from session_store.exchange import Format, export, import_file, selected
from session_store.history.errors import HistoryError
from session_store.models import Result, ResultKind, SessionKey, TitleSource, TurnStatus
from tests.session_store.events import append, changed, rewind, said, text_of
from tests.session_store.history.conversations import BREAD, DAY, TIDES, ended, event_ids, tool
from tests.support.scripted import ScriptedModel

BRANCH = SessionKey("analyst", "ann", "branch")


def contents(store, key, **which):
    return [
        (stored.event.author, stored.event.timestamp, stored.event.content)
        for stored in store.list_events(key, **which)
    ]


def test_a_branch_has_everything_up_to_the_message_with_new_ids(history):
    history.set_tags([TIDES], add=["sea"])
    history.set_saved([TIDES], saved=True)
    ids = event_ids(history, TIDES)
    branch = history.branch_session(TIDES, ids[3], "branch")

    assert contents(history, BRANCH) == contents(history, TIDES)[:4]
    assert not set(event_ids(history, BRANCH)) & set(ids)
    invocations = [stored.event.invocation_id for stored in history.list_events(BRANCH)]
    assert len(set(invocations)) == 1
    assert invocations[0] != "t1"
    assert (branch.title, branch.title_source, branch.model) == ("Tides at the coast (branch)", "person", "small")
    assert (branch.workspace_id, branch.saved) == (history.get_session("tides").workspace_id, False)
    assert (branch.branched_from, history.history_row(BRANCH).branched_from) == ("tides", "tides")
    assert (history.tags_of(BRANCH), history.get_session("tides").branched_from) == ((), None)


def test_the_branched_session_is_unchanged(history):
    before = contents(history, TIDES), history.history_row(TIDES)
    history.branch_session(TIDES, event_ids(history, TIDES)[4], "branch")
    append(history, BRANCH, said("Something else", turn="new"))

    assert (contents(history, TIDES), history.history_row(TIDES)) == before
    history.delete_sessions([BRANCH])
    history.purge_deleted(older_than=-1)
    assert (contents(history, TIDES), history.history_row(TIDES)) == before


def test_a_branch_is_and_stays_the_newest_session(history, path):
    history.branch_session(TIDES, event_ids(history, TIDES)[3], "branch")
    newest = history.list_sessions("ann").items[0]
    assert newest.key == BRANCH
    assert newest.updated_at > 10 * DAY
    history.close()

    again = Store(path)
    assert again.list_sessions("ann").items[0] == newest
    assert again.log.load(BRANCH).head.updated_at == newest.updated_at
    append(again, BRANCH, said("On we go", turn="new", timestamp=newest.updated_at + 5))
    assert again.get_session("branch").updated_at == newest.updated_at + 5
    again.close()


def test_turns_are_copied_and_their_tokens_are_not_counted_again(history):
    history.branch_session(TIDES, event_ids(history, TIDES)[4], "branch")
    (first, second) = sorted(
        history.get_turns({stored.event.invocation_id for stored in history.list_events(BRANCH)}).values(),
        key=lambda turn: turn.created_at,
    )
    assert (first.key, first.status, first.copied) == (BRANCH, TurnStatus.COMPLETED, True)
    assert (first.created_at, first.ended_at, first.input_tokens) == (DAY, DAY + 1, None)
    assert (second.status, second.ended_at) == (TurnStatus.COMPLETED, DAY + 10)

    row = history.history_row(BRANCH)
    assert (row.messages, row.turns, row.input_tokens, row.output_tokens, row.cost) == (3, 2, 0, 0, 0.0)
    assert history.list_events(BRANCH)[3].event.usage_metadata.prompt_token_count == 1_000_000
    with history.cursor() as cursor:
        cursor.execute("select count(*), count(*) filter (copied) from messages")
        assert cursor.fetchone() == (10, 3)
        cursor.execute("select count(*), count(*) filter (copied) from turns")
        assert cursor.fetchone() == (6, 2)


def test_a_failed_turn_is_copied_as_failed_and_a_running_one_as_completed(history):
    history.branch_session(BREAD, event_ids(history, BREAD)[1], "branch")
    ended(history, TIDES, "t3", 4 * DAY, TurnStatus.RUNNING)
    append(history, TIDES, said("Now?", turn="t3", timestamp=4 * DAY))
    history.branch_session(TIDES, event_ids(history, TIDES)[-1], "running")

    assert history.history_row(BRANCH).status == "failed"
    assert history.history_row(SessionKey("analyst", "ann", "running")).status == "idle"
    assert [turn.id for turn in history.list_unfinished_turns()] == ["t3"]


def test_a_tool_call_is_copied_with_its_answer(history):
    ids = event_ids(history, TIDES)
    history.branch_session(TIDES, ids[1], "branch")
    assert contents(history, BRANCH) == contents(history, TIDES)[:3]


def test_an_unanswered_call_is_copied_unchanged(history):
    append(history, TIDES, tool("c9", turn="t9", at=5 * DAY, args={}), said("Never mind", turn="t10"))
    history.branch_session(TIDES, event_ids(history, TIDES)[-2], "branch")
    assert len(event_ids(history, BRANCH)) == 7


def test_rewound_turns_are_not_copied(history):
    append(history, TIDES, said("No", turn="t3", timestamp=DAY + 20), rewind("t3"))
    taken_back = history.list_events(TIDES, include_rewound=True)[-2].event.id
    append(history, TIDES, said("Yes", turn="t4", timestamp=DAY + 30))

    history.branch_session(TIDES, event_ids(history, TIDES)[-1], "branch")
    assert [text_of(stored.event) for stored in history.list_events(BRANCH, include_rewound=True)][-2:] == [
        "High tide is in the evening.",
        "Yes",
    ]
    with pytest.raises(HistoryError, match="no longer part of the conversation"):
        history.branch_session(TIDES, taken_back, "other")


def test_the_state_is_that_at_the_branching_point(store):
    store.create_session(TIDES, state={"scope": "north", "mood": "calm", "user:name": "Ann"})
    append(
        store,
        TIDES,
        changed("t1", mood="stormy", count=1),
        said("Here", turn="t1"),
        changed("t2", mood="dark", late=True, count=2),
    )
    store.branch_session(TIDES, event_ids(store, TIDES)[1], "branch")

    assert store.session_state(BRANCH) == {"scope": "north", "mood": "stormy", "count": 1}
    assert store.session_state(TIDES) == {"scope": "north", "mood": "dark", "count": 2, "late": True}


def test_results_are_copied_with_their_data(history):
    rest = ("select 1", None, 1, "", 0.1, None, None, None, 3)
    table = Result("r1", TIDES, "t1", "c1", ResultKind.TABLE, "Tides", *rest, DAY + 2)
    later = Result("r2", TIDES, "t2", "c2", ResultKind.TABLE, "Later", *rest, DAY + 11)
    history.add_result(table, b"abc")
    history.add_result(later, b"def")
    history.branch_session(TIDES, event_ids(history, TIDES)[3], "branch")

    (copy,) = history.list_results(BRANCH).items
    assert (copy.title, copy.call_id, history.result_data(copy.id)) == ("Tides", "c1", b"abc")
    assert copy.turn_id == history.list_events(BRANCH)[0].event.invocation_id
    history.delete_result("r1")
    assert history.result_data(copy.id) == b"abc"


def test_branching_onto_an_existing_session_or_at_an_unknown_message_is_refused(history):
    ids = event_ids(history, TIDES)
    with pytest.raises(AlreadyExistsError):
        history.branch_session(TIDES, ids[0], "bread")
    with pytest.raises(HistoryError):
        history.branch_session(TIDES, "nothing", "branch")
    history.delete_sessions([TIDES])
    with pytest.raises(HistoryError):
        history.branch_session(TIDES, ids[0], "branch")
    assert history.get_session("branch") is None


def test_an_automatic_title_keeps_its_branch_mark(history):
    branch = history.branch_session(BREAD, event_ids(history, BREAD)[0], "branch")
    assert branch.title == "bread (branch)"
    assert not history.rename_session(BRANCH, "How do I", TitleSource.WORDS)


def test_a_branch_can_be_branched(history):
    history.branch_session(TIDES, event_ids(history, TIDES)[3], "branch")
    append(history, BRANCH, said("And in winter?", turn="w"))
    history.branch_session(BRANCH, event_ids(history, BRANCH)[-1], "twig")

    twig = SessionKey("analyst", "ann", "twig")
    assert contents(history, twig) == contents(history, BRANCH)
    assert history.get_session("twig").branched_from == "branch"


def test_a_branch_survives_export_and_import(history, path, tmp_path):
    history.branch_session(TIDES, event_ids(history, TIDES)[3], "branch")
    history.terminate_sessions([BRANCH])
    history.set_tags([BRANCH], add=["sea"])
    (archive,) = export(history, selected(history), Format.ZIP, tmp_path / "all.zip")
    before = contents(history, BRANCH), history.get_session("branch"), history.history_row(BRANCH)

    other = Store(tmp_path / "other.duckdb")
    import_file(other, archive)
    assert (contents(other, BRANCH), other.get_session("branch"), other.history_row(BRANCH)) == before
    assert other.history_row(TIDES) == history.history_row(TIDES)
    other.close()
    again = Store(tmp_path / "other.duckdb")
    assert (again.get_session("branch"), again.history_row(BRANCH)) == before[1:]
    again.close()


async def test_the_adk_runner_continues_a_branch(path):
    def height(day: str) -> dict[str, str]:
        return {"day": day}

    async with DuckDBSessionService(path) as service:
        agent = LlmAgent(name="analyst", model=ScriptedModel(), tools=[height])
        runner = Runner(app_name="analyst", agent=agent, session_service=service, auto_create_session=True)

        async def say(session_id: str, message: str) -> list[str]:
            content = types.Content(role="user", parts=[types.Part(text=message)])
            run = runner.run_async(user_id="ann", session_id=session_id, new_message=content)
            return [text_of(event) async for event in run]

        await say("tides", 'call height {"day": "monday"}')
        await say("tides", "something that the branch forgets")
        events = service.store.list_events(TIDES)
        first = [stored.event for stored in events if stored.event.invocation_id == events[0].event.invocation_id]
        service.store.branch_session(TIDES, first[1].id, "branch")
        *_, shown = await say("branch", "history")

        assert "monday" in shown
        assert "forgets" not in shown
        session = await service.get_session(app_name="analyst", user_id="ann", session_id="branch")
        assert len(session.events) == 3 + 2
        assert session.events[-1].invocation_id not in {event.invocation_id for event in session.events[:3]}
