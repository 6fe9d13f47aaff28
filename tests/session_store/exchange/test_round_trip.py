"""Exported conversations are identical after being imported elsewhere."""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
import zipfile
from pathlib import Path

import pytest
from google.adk.artifacts import FileArtifactService
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.genai import types
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from session_store import Store
from session_store.exchange import AgentFiles, Format, Wishes, export, import_file, selected
from session_store.models import SessionKey, TurnStatus
from tests.session_store.events import append, said
from tests.session_store.exchange.histories import KEY, OTHER, contents, fill, shared_file, turn


def exported(store: Store, form: Format, target: Path) -> Path:
    [file] = export(store, selected(store), form, target)
    return file


def imported(file: Path, path: Path) -> Path:
    store = Store(path)
    import_file(store, file)
    store.close()
    return path


def test_an_archive_contains_everything_including_results_and_workspaces(store, path, tmp_path):
    fill(store)
    archive = exported(store, Format.ZIP, tmp_path / "all.zip")
    store.close()
    fresh = tmp_path / "fresh.duckdb"
    begun = contents(fresh)["workspaces"]

    copied, original = contents(imported(archive, fresh)), contents(path)

    made_at = {row["id"]: row["created_at"] for row in begun}
    for row in original["workspaces"]:
        row["created_at"] = made_at.get(row["id"], row["created_at"])
    assert copied == original
    assert len(copied["events"]) == 15
    assert len(copied["result_data"]) == 2


def test_json_contains_everything_except_results_and_connections(store, path, tmp_path):
    fill(store)
    file = exported(store, Format.JSON, tmp_path / "all.json")
    store.close()

    copied, original = contents(imported(file, tmp_path / "fresh.duckdb")), contents(path)

    assert copied["results"] == copied["result_data"] == []
    assert {row["name"]: row["connection_kind"] for row in copied["workspaces"]} == {
        "General": None,
        "Sample shop": "sample",
        "Sales": None,
        "Nord": None,
    }
    for same in ("sessions", "events", "turns", "feedback", "app_states", "user_states"):
        assert copied[same] == original[same], same


@pytest.mark.parametrize("wipe", ["delete_sessions", "remove"])
def test_deleted_conversations_can_be_imported_back_into_the_same_store(store, path, tmp_path, wipe):
    fill(store)
    archive = exported(store, Format.ZIP, tmp_path / "all.zip")
    store.close()
    before = contents(path)

    store = Store(path)
    if wipe == "remove":
        store.log.remove([KEY, OTHER]).result()
    else:
        store.sessions.delete([KEY, OTHER])
    report = import_file(store, archive)
    listed = [session.title for session in store.sessions.list("local").items]
    store.close()

    assert (len(report.taken), listed) == (2, ['Sales: "north" / 2026?'])
    assert contents(path) == before


def test_importing_twice_adds_nothing(store, path, tmp_path):
    fill(store)
    archive = exported(store, Format.ZIP, tmp_path / "all.zip")

    report = import_file(store, archive)
    again = import_file(store, archive)

    assert report.taken == again.taken == ()
    assert [skipped.why for skipped in report.skipped] == ["already here"] * 2


def test_an_imported_session_can_be_continued_at_once(store, tmp_path):
    fill(store)
    archive = exported(store, Format.ZIP, tmp_path / "all.zip")
    with_import = Store(tmp_path / "fresh.duckdb")
    import_file(with_import, archive)

    append(with_import, OTHER, said("And now?", turn="turn-9"))
    events = with_import.events.list(OTHER)
    summary = with_import.sessions.get(OTHER.session_id)
    with_import.close()

    assert [event.event.invocation_id for event in events] == ["turn-3", "turn-3", "turn-9"]
    assert [event.seq for event in events] == sorted(event.seq for event in events)
    assert summary is not None
    assert summary.updated_at == events[-1].event.timestamp


def test_a_session_whose_id_is_in_use_gets_a_stable_new_id(store, tmp_path):
    fill(store)
    archive = exported(store, Format.ZIP, tmp_path / "all.zip")
    other = Store(tmp_path / "other.duckdb")
    taken = SessionKey("critic", "ben", KEY.session_id)
    other.sessions.create(taken)
    append(other, taken, said("Something else", turn="turn-0"))
    other.turns.create(turn(taken, "turn-0", "Something else"))

    first = import_file(other, archive)
    again = import_file(other, archive)
    [key] = [outcome.key for outcome in first.taken if outcome.renamed]
    turns = {event.event.invocation_id for event in other.events.list(key, include_rewound=True)}
    known = other.turns.by_id(turns)
    texts = [event.event.content for event in other.events.list(taken)]
    results = other.results.list(key).items
    other.close()

    assert key != KEY
    assert again.taken == ()
    assert len(texts) == 1
    assert {known.key for known in known.values()} == {key}
    assert len(known) == 3
    assert {result.turn_id for result in results} <= turns


def test_a_copy_for_another_user_exists_beside_the_original(store, tmp_path):
    fill(store)
    file = exported(store, Format.JSON, tmp_path / "all.json")

    report = import_file(store, file, Wishes(user_id="clara"))

    assert {outcome.key.user_id for outcome in report.taken} == {"clara"}
    assert len(store.sessions.list("clara").items) == 2
    assert len(store.sessions.list("local").items) == 1


def test_shared_state_in_the_store_is_not_overwritten(store, tmp_path):
    fill(store)
    file = exported(store, Format.JSON, tmp_path / "all.json")
    other = Store(tmp_path / "other.duckdb")
    mine = SessionKey("data_analyst", "local", "mine")
    other.sessions.create(mine)
    append(other, mine, Event(author="a", invocation_id="t", actions=EventActions(state_delta={"user:tone": "warm"})))

    import_file(other, file)

    assert other.log.user_state(("data_analyst", "local")) == {"tone": "warm"}
    other.close()


def test_running_turns_are_imported_as_interrupted(store, tmp_path):
    store.sessions.create(KEY)
    append(store, KEY, said("Wait", turn="t"))
    store.turns.create(turn(KEY, "t", "Wait", status=TurnStatus.RUNNING))
    file = exported(store, Format.JSON, tmp_path / "one.json")
    other = Store(tmp_path / "other.duckdb")

    import_file(other, file)
    found = other.turns.get("t")
    other.close()

    assert found is not None
    assert found.status is TurnStatus.INTERRUPTED
    assert found.ended_at is not None


def test_all_conversations_go_into_the_chosen_workspace(store, tmp_path):
    fill(store)
    archive = exported(store, Format.ZIP, tmp_path / "all.zip")
    other = Store(tmp_path / "other.duckdb")
    inbox = other.workspaces.create("Inbox")

    import_file(other, archive, Wishes(workspace_id=inbox.id))
    names = {workspace.name for workspace in other.workspaces.list()}
    number = len(other.workspaces.sessions_in([inbox.id]))
    other.close()

    assert names == {"General", "Sample shop", "Inbox"}
    assert number == 2


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
names = st.builds(lambda prefix, name: prefix + name, st.sampled_from(["", "user:", "app:"]), texts)
plain = st.dictionaries(texts, st.none() | st.booleans() | st.integers(-(2**60), 2**60) | texts, max_size=3)
parts = st.one_of(
    st.builds(types.Part, text=texts, thought=st.none() | st.booleans()),
    st.builds(lambda args: types.Part(function_call=types.FunctionCall(id="c", name="tool", args=args)), plain),
    st.builds(
        lambda said: types.Part(function_response=types.FunctionResponse(id="c", name="tool", response=said)), plain
    ),
    st.builds(lambda data: types.Part(inline_data=types.Blob(data=data, mime_type="a/b")), st.binary(max_size=9)),
)
events = st.builds(
    Event,
    author=st.sampled_from(["user", "agent"]),
    invocation_id=st.sampled_from(["t1", "t2", "t3"]),
    content=st.none()
    | st.builds(types.Content, role=st.sampled_from(["user", "model"]), parts=st.lists(parts, max_size=3)),
    timestamp=st.floats(0, 4e9),
    actions=st.builds(
        EventActions,
        state_delta=st.dictionaries(names, values, max_size=2),
        rewind_before_invocation_id=st.sampled_from([None, None, None, "t1", "t2"]),
        transfer_to_agent=st.none() | texts,
        artifact_delta=st.dictionaries(texts, st.integers(0, 9), max_size=1),
    ),
    custom_metadata=st.none() | plain,
    error_code=st.none() | texts,
    interrupted=st.none() | st.booleans(),
    usage_metadata=st.none()
    | st.builds(types.GenerateContentResponseUsageMetadata, prompt_token_count=st.none() | st.integers(0, 2**31)),
)


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.lists(events, max_size=5), min_size=1, max_size=3), st.sampled_from([Format.JSON, Format.ZIP]))
def test_arbitrary_conversations_round_trip_event_by_event(conversations, form):
    with tempfile.TemporaryDirectory() as folder:
        path, fresh = Path(folder, "a.duckdb"), Path(folder, "b.duckdb")
        store = Store(path)
        for number, said_there in enumerate(conversations):
            key = SessionKey("agent", f"user-{number % 2}", f"session-{number}")
            store.sessions.create(key)
            append(store, key, *said_there)
        file = exported(store, form, Path(folder, f"all.{form}"))
        store.close()

        copied, original = contents(imported(file, fresh)), contents(path)

    assert {**copied, "workspaces": None} == {**original, "workspaces": None}


def test_implausible_token_counts_round_trip(store, path, tmp_path):
    store.sessions.create(KEY)
    usage = types.GenerateContentResponseUsageMetadata(prompt_token_count=2**31)
    append(store, KEY, Event(author="agent", invocation_id="t", usage_metadata=usage))
    file = exported(store, Format.JSON, tmp_path / "one.json")
    store.close()

    assert contents(imported(file, tmp_path / "b.duckdb"))["events"] == contents(path)["events"]


def test_numbers_unknown_to_json_round_trip(store, path, tmp_path):
    store.sessions.create(KEY)
    delta = {"a": math.nan, "b": [math.inf, -math.inf], "c": 2**70, "d": {"e": None}}
    append(store, KEY, Event(author="a", invocation_id="t", actions=EventActions(state_delta=delta)))
    file = exported(store, Format.JSON, tmp_path / "one.json")
    store.close()

    copied = contents(imported(file, tmp_path / "fresh.duckdb"))

    assert copied["events"] == contents(path)["events"]
    assert json.dumps(copied["sessions"][0]["state"]) == json.dumps(
        {"a": "NaN", "b": ["Infinity", "-Infinity"], "c": 2**70, "d": {"e": None}}
    )


def test_json_lines_spell_out_numbers_unknown_to_json(store, tmp_path):
    store.sessions.create(KEY)
    append(store, KEY, Event(author="a", actions=EventActions(state_delta={"a": math.nan, "b": [math.inf]})))
    [line] = exported(store, Format.JSON_LINES, tmp_path / "all.jsonl").read_text().splitlines()
    said = json.loads(line, parse_constant=pytest.fail)
    assert said["event"]["actions"]["stateDelta"] == {"a": "NaN", "b": ["Infinity"]}


def test_an_archive_contains_files_made_by_agents(store, tmp_path):
    fill(store)
    here, there = FileArtifactService(tmp_path / "here"), FileArtifactService(tmp_path / "there")
    place = {"app_name": KEY.app_name, "user_id": KEY.user_id, "session_id": KEY.session_id}
    for name, content in [("report/a.html", b"<p>1"), ("report/a.html", b"<p>2"), ("user:logo.png", b"\x89PNG")]:
        part = types.Part.from_bytes(data=content, mime_type="text/html")
        asyncio.run(here.save_artifact(**place, filename=name, artifact=part, custom_metadata={"by": "me"}))
    store.results.add(shared_file(), None)
    archive = tmp_path / "all.zip"
    export(store, selected(store), Format.ZIP, archive, files=AgentFiles(tmp_path / "here"))
    other = Store(tmp_path / "other.duckdb")

    report = import_file(other, archive, files=AgentFiles(tmp_path / "there"))
    again = import_file(other, archive, files=AgentFiles(tmp_path / "there"))
    other.close()

    assert (len(report.taken), again.taken) == (2, ())
    assert asyncio.run(there.list_artifact_keys(**place)) == ["report/a.html", "user:logo.png"]
    for name, version in [("report/a.html", 0), ("report/a.html", 1), ("user:logo.png", 0)]:
        where = {**place, "filename": name, "version": version}
        assert asyncio.run(there.load_artifact(**where)) == asyncio.run(here.load_artifact(**where))
        kept = asyncio.run(there.get_artifact_version(**where))
        assert (kept.mime_type, kept.custom_metadata) == ("text/html", {"by": "me"})
    assert str(tmp_path) not in str(
        [zipfile.ZipFile(archive).read(name) for name in zipfile.ZipFile(archive).namelist()]
    )


def test_json_lines_contain_events_and_state(store, path, tmp_path):
    fill(store)
    file = exported(store, Format.JSON_LINES, tmp_path / "all.jsonl")
    store.close()

    copied, original = contents(imported(file, tmp_path / "fresh.duckdb")), contents(path)

    for same in ("events", "app_states", "user_states"):
        assert copied[same] == original[same], same
    for field in ("id", "user_id", "state"):
        assert [row[field] for row in copied["sessions"]] == [row[field] for row in original["sessions"]]
    # A conversation without a title gets its first words.
    titles = zip(
        [row["title"] for row in copied["sessions"]], [row["title"] for row in original["sessions"]], strict=True
    )
    assert all(copy == title or (copy and not title) for copy, title in titles)
