"""Branches: sessions that continue from the middle of another one."""

from __future__ import annotations

import pytest
from google.adk.agents import LlmAgent
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.runners import Runner
from google.genai import types

from session_store import DuckDBSessionService, Store
from session_store.errors import HistoryError
from session_store.exchange import Format, export, import_file, selected
from session_store.models import Result, ResultKind, SessionKey, TitleSource, TurnStatus
from tests.session_store.events import append, changed, rewind, said, text_of
from tests.session_store.history.conversations import BREAD, DAY, TIDES, ended, event_ids, tool
from tests.support.scripted import ScriptedModel

BRANCH = SessionKey("analyst", "ann", "branch")


def contents(store, key, **which):
    return [
        (stored.event.author, stored.event.timestamp, stored.event.content)
        for stored in store.events.list(key, **which)
    ]


def test_a_branch_has_everything_up_to_the_message_with_new_ids(filled):
    filled.labels.set_tags([TIDES], add=["sea"])
    filled.sessions.set_saved([TIDES], saved=True)
    ids = event_ids(filled, TIDES)
    branch = filled.sessions.branch(TIDES, ids[3], "branch")

    assert contents(filled, BRANCH) == contents(filled, TIDES)[:4]
    assert not set(event_ids(filled, BRANCH)) & set(ids)
    invocations = [stored.event.invocation_id for stored in filled.events.list(BRANCH)]
    assert len(set(invocations)) == 1
    assert invocations[0] != "t1"
    assert (branch.title, branch.title_source, branch.model) == ("Tides at the coast (branch)", "person", "small")
    assert (branch.workspace_id, branch.saved) == (filled.sessions.get("tides").workspace_id, False)
    assert (branch.branched_from, filled.history.row(BRANCH).branched_from) == ("tides", "tides")
    assert (filled.labels.tags(BRANCH), filled.sessions.get("tides").branched_from) == ((), None)


def test_the_branched_session_is_unchanged(filled):
    before = contents(filled, TIDES), filled.history.row(TIDES)
    filled.sessions.branch(TIDES, event_ids(filled, TIDES)[4], "branch")
    append(filled, BRANCH, said("Something else", turn="new"))

    assert (contents(filled, TIDES), filled.history.row(TIDES)) == before
    filled.sessions.delete([BRANCH])
    filled.sessions.purge_deleted(older_than=-1)
    assert (contents(filled, TIDES), filled.history.row(TIDES)) == before


def test_a_branch_is_and_stays_the_newest_session(filled, path):
    filled.sessions.branch(TIDES, event_ids(filled, TIDES)[3], "branch")
    newest = filled.sessions.list("ann").items[0]
    assert newest.key == BRANCH
    assert newest.updated_at > 10 * DAY
    filled.close()

    again = Store(path)
    assert again.sessions.list("ann").items[0] == newest
    assert again.log.load(BRANCH).head.updated_at == newest.updated_at
    append(again, BRANCH, said("On we go", turn="new", timestamp=newest.updated_at + 5))
    assert again.sessions.get("branch").updated_at == newest.updated_at + 5
    again.close()


def test_turns_are_copied_and_their_tokens_are_not_counted_again(filled):
    filled.sessions.branch(TIDES, event_ids(filled, TIDES)[4], "branch")
    (first, second) = sorted(
        filled.turns.by_id({stored.event.invocation_id for stored in filled.events.list(BRANCH)}).values(),
        key=lambda turn: turn.created_at,
    )
    assert (first.key, first.status, first.copied) == (BRANCH, TurnStatus.COMPLETED, True)
    assert (first.created_at, first.ended_at, first.input_tokens) == (DAY, DAY + 1, None)
    assert (second.status, second.ended_at) == (TurnStatus.COMPLETED, DAY + 10)

    row = filled.history.row(BRANCH)
    assert (row.messages, row.turns, row.input_tokens, row.output_tokens, row.cost) == (3, 2, 0, 0, 0.0)
    assert filled.events.list(BRANCH)[3].event.usage_metadata.prompt_token_count == 1_000_000
    with filled.cursor() as cursor:
        cursor.execute("select count(*), count(*) filter (copied) from messages")
        assert cursor.fetchone() == (10, 3)
        cursor.execute("select count(*), count(*) filter (copied) from turns")
        assert cursor.fetchone() == (6, 2)


def test_a_failed_turn_is_copied_as_failed_and_a_running_one_as_completed(filled):
    filled.sessions.branch(BREAD, event_ids(filled, BREAD)[1], "branch")
    ended(filled, TIDES, "t3", 4 * DAY, TurnStatus.RUNNING)
    append(filled, TIDES, said("Now?", turn="t3", timestamp=4 * DAY))
    filled.sessions.branch(TIDES, event_ids(filled, TIDES)[-1], "running")

    assert filled.history.row(BRANCH).status == "failed"
    assert filled.history.row(SessionKey("analyst", "ann", "running")).status == "idle"
    assert [turn.id for turn in filled.turns.unfinished()] == ["t3"]


def test_a_tool_call_is_copied_with_its_answer(filled):
    ids = event_ids(filled, TIDES)
    filled.sessions.branch(TIDES, ids[1], "branch")
    assert contents(filled, BRANCH) == contents(filled, TIDES)[:3]


def test_an_unanswered_call_is_copied_unchanged(filled):
    append(filled, TIDES, tool("c9", turn="t9", at=5 * DAY, args={}), said("Never mind", turn="t10"))
    filled.sessions.branch(TIDES, event_ids(filled, TIDES)[-2], "branch")
    assert len(event_ids(filled, BRANCH)) == 7


def test_rewound_turns_are_not_copied(filled):
    append(filled, TIDES, said("No", turn="t3", timestamp=DAY + 20), rewind("t3"))
    taken_back = filled.events.list(TIDES, include_rewound=True)[-2].event.id
    append(filled, TIDES, said("Yes", turn="t4", timestamp=DAY + 30))

    filled.sessions.branch(TIDES, event_ids(filled, TIDES)[-1], "branch")
    assert [text_of(stored.event) for stored in filled.events.list(BRANCH, include_rewound=True)][-2:] == [
        "High tide is in the evening.",
        "Yes",
    ]
    with pytest.raises(HistoryError, match="no longer part of the chat"):
        filled.sessions.branch(TIDES, taken_back, "other")


def test_the_state_is_that_at_the_branching_point(store):
    store.sessions.create(TIDES, state={"scope": "north", "mood": "calm", "user:name": "Ann"})
    append(
        store,
        TIDES,
        changed("t1", mood="stormy", count=1),
        said("Here", turn="t1"),
        changed("t2", mood="dark", late=True, count=2),
    )
    store.sessions.branch(TIDES, event_ids(store, TIDES)[1], "branch")

    assert store.sessions.state(BRANCH) == {"scope": "north", "mood": "stormy", "count": 1}
    assert store.sessions.state(TIDES) == {"scope": "north", "mood": "dark", "count": 2, "late": True}


def test_results_are_copied_with_their_data(filled):
    rest = ("select 1", None, 1, "", 0.1, None, None, None, 3)
    table = Result("r1", TIDES, "t1", "c1", ResultKind.TABLE, "Tides", *rest, DAY + 2)
    later = Result("r2", TIDES, "t2", "c2", ResultKind.TABLE, "Later", *rest, DAY + 11)
    filled.results.add(table, b"abc")
    filled.results.add(later, b"def")
    filled.sessions.branch(TIDES, event_ids(filled, TIDES)[3], "branch")

    (copy,) = filled.results.list(BRANCH).items
    assert (copy.title, copy.call_id, filled.results.data(copy.id)) == ("Tides", "c1", b"abc")
    assert copy.turn_id == filled.events.list(BRANCH)[0].event.invocation_id
    filled.results.delete("r1")
    assert filled.results.data(copy.id) == b"abc"


def test_branching_onto_an_existing_session_or_at_an_unknown_message_is_refused(filled):
    ids = event_ids(filled, TIDES)
    with pytest.raises(AlreadyExistsError):
        filled.sessions.branch(TIDES, ids[0], "bread")
    with pytest.raises(HistoryError):
        filled.sessions.branch(TIDES, "nothing", "branch")
    filled.sessions.delete([TIDES])
    with pytest.raises(HistoryError):
        filled.sessions.branch(TIDES, ids[0], "branch")
    assert filled.sessions.get("branch") is None


def test_an_automatic_title_keeps_its_branch_mark(filled):
    branch = filled.sessions.branch(BREAD, event_ids(filled, BREAD)[0], "branch")
    assert branch.title == "bread (branch)"
    assert not filled.sessions.rename(BRANCH, "How do I", TitleSource.WORDS)


def test_a_branch_can_be_branched(filled):
    filled.sessions.branch(TIDES, event_ids(filled, TIDES)[3], "branch")
    append(filled, BRANCH, said("And in winter?", turn="w"))
    filled.sessions.branch(BRANCH, event_ids(filled, BRANCH)[-1], "twig")

    twig = SessionKey("analyst", "ann", "twig")
    assert contents(filled, twig) == contents(filled, BRANCH)
    assert filled.sessions.get("twig").branched_from == "branch"


def test_a_branch_survives_export_and_import(filled, path, tmp_path):
    filled.sessions.branch(TIDES, event_ids(filled, TIDES)[3], "branch")
    filled.sessions.terminate([BRANCH])
    filled.labels.set_tags([BRANCH], add=["sea"])
    (archive,) = export(filled, selected(filled), Format.ZIP, tmp_path / "all.zip")
    before = contents(filled, BRANCH), filled.sessions.get("branch"), filled.history.row(BRANCH)

    other = Store(tmp_path / "other.duckdb")
    import_file(other, archive)
    assert (contents(other, BRANCH), other.sessions.get("branch"), other.history.row(BRANCH)) == before
    assert other.history.row(TIDES) == filled.history.row(TIDES)
    other.close()
    again = Store(tmp_path / "other.duckdb")
    assert (again.sessions.get("branch"), again.history.row(BRANCH)) == before[1:]
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
        events = service.store.events.list(TIDES)
        first = [stored.event for stored in events if stored.event.invocation_id == events[0].event.invocation_id]
        service.store.sessions.branch(TIDES, first[1].id, "branch")
        *_, shown = await say("branch", "history")

        assert "monday" in shown
        assert "forgets" not in shown
        session = await service.get_session(app_name="analyst", user_id="ann", session_id="branch")
        assert len(session.events) == 3 + 2
        assert session.events[-1].invocation_id not in {event.invocation_id for event in session.events[:3]}
