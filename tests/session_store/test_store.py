"""Sessions, events and turns, as the pages and the runtime see them."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event
from google.genai import types

from session_store import DuckDBSessionService, Store
from session_store.errors import StoreClosedError, StoreError
from session_store.models import SessionKey, SessionStatus, TitleSource, Turn, TurnStatus
from session_store.sessions import turns as turn_table
from tests.session_store.events import append, changed, rewind, said, text_of, texts

KEY = SessionKey("agent", "ann", "one")


def turn(number: int, key: SessionKey = KEY, status: TurnStatus = TurnStatus.QUEUED, **fields: object) -> Turn:
    message = {"role": "user", "parts": [{"text": f"question {number}"}]}
    return Turn(f"turn-{number}", key, status, message, None, created_at=float(number), **fields)


def ids(page) -> list[str]:
    return [summary.key.session_id for summary in page.items]


def spoken(store: Store, key: SessionKey = KEY, **options: object) -> list[str]:
    return [text_of(stored.event) for stored in store.events.list(key, **options)]


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_a_new_session_is_empty_and_idle_and_found_by_id(store):
    created = store.sessions.create(KEY, model="small")

    assert (created.title, created.title_source, created.model) == ("", TitleSource.NONE, "small")
    assert (created.saved, created.status, created.unseen) == (False, SessionStatus.IDLE, False)
    assert store.sessions.get("one") == created
    assert store.sessions.get("two") is None
    with pytest.raises(AlreadyExistsError):
        store.sessions.create(KEY)


def test_sessions_of_different_users_and_agents_may_share_an_id(store):
    keys = [SessionKey(app, user, "shared") for app in ("one", "two") for user in ("ann", "bob")]
    for key in keys:
        store.sessions.create(key)
    assert [store.sessions.find(key).key for key in keys] == keys
    store.sessions.delete(keys[:1])
    assert store.sessions.find(keys[0]) is None
    assert store.sessions.find(SessionKey("three", "ann", "shared")) is None


def test_sessions_are_paged_newest_first_without_gaps_or_repetitions(store):
    for number in range(25):
        key = SessionKey("agent" if number % 2 else "other", "ann", f"{number:02}")
        store.sessions.create(key)
        append(store, key, said("x", timestamp=float(number // 3)))
    store.sessions.create(SessionKey("agent", "ben", "not hers"))

    seen, place = [], None
    while True:
        page = store.sessions.list("ann", before=place, limit=4)
        seen += [(s.updated_at, s.key.app_name, s.key.session_id) for s in page.items]
        place = page.next
        if place is None:
            break
    assert len(seen) == 25
    assert seen == sorted(seen, reverse=True)
    assert len(store.sessions.list("ann", limit=25).items) == 25
    assert store.sessions.list("ann", limit=25).next is None


def test_a_session_with_a_new_message_moves_to_the_top_and_stays_there(store, path):
    for name in ("one", "two"):
        store.sessions.create(SessionKey("agent", "ann", name))
    append(store, KEY, said("hello", timestamp=time.time() + 100))

    assert ids(store.sessions.list("ann")) == ["one", "two"]
    store.close()
    again = Store(path)
    assert ids(again.sessions.list("ann")) == ["one", "two"]
    again.close()


def test_the_list_can_be_filtered_by_agent_or_saved_mark(store):
    for app, name in (("a", "1"), ("b", "2"), ("a", "3")):
        store.sessions.create(SessionKey(app, "ann", name))
    store.sessions.set_saved([SessionKey("a", "ann", "1"), SessionKey("b", "ann", "2")], True)

    assert sorted(ids(store.sessions.list("ann", app_name="a"))) == ["1", "3"]
    assert sorted(ids(store.sessions.list("ann", saved=True))) == ["1", "2"]
    assert ids(store.sessions.list("ann", saved=False)) == ["3"]
    assert ids(store.sessions.list("ann", app_name="a", saved=True)) == ["1"]
    store.sessions.set_saved([SessionKey("a", "ann", "1")], False)
    assert ids(store.sessions.list("ann", saved=True)) == ["2"]
    first = store.sessions.list("ann", app_name="a", limit=1)
    assert ids(first) + ids(store.sessions.list("ann", app_name="a", limit=1, before=first.next)) == ["3", "1"]


def test_a_search_returns_matching_places_newest_first(store):
    other = SessionKey("agent", "ann", "other")
    for key, lines in ((KEY, ["The MOON at night", "and the moon " + "x" * 300, "nothing"]), (other, ["a star"])):
        store.sessions.create(key)
        for number, text in enumerate(lines):
            append(store, key, said(text, timestamp=float(number)))
    found = store.sessions.excerpts([KEY, other], "moon")
    assert list(found) == [KEY]
    text, marks = found[KEY]
    assert text.startswith("…moon xxx")  # the list has no room for the text before it
    assert text.endswith("…")
    assert [text[begin:end] for begin, end in marks] == ["moon"]
    assert store.sessions.excerpts([KEY], "") == store.sessions.excerpts([], "moon") == {}


def test_a_session_counts_as_failed_until_a_turn_succeeds(store):
    store.sessions.create(KEY)
    ends = (
        (TurnStatus.FAILED, True),
        (TurnStatus.COMPLETED, False),
        (TurnStatus.FAILED, True),
        (TurnStatus.STOPPED, False),
    )
    for number, (status, failed) in enumerate(ends):
        store.turns.create(turn(number))
        store.turns.update(f"turn-{number}", status=status, ended_at=float(number))
        assert store.sessions.get(KEY.session_id).failed is failed
        assert store.sessions.list("ann", saved=False).items[0].failed is failed


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("TIDES", ["one"]),
        ("100% sure", ["two"]),
        ("100_", []),
        ("%", ["two"]),
        ("ÉTÉ", ["one"]),
        ("secret thought", []),
        ("", ["two", "one"]),
    ],
)
def test_search_matches_plain_substrings_of_titles_and_messages(store, search, found):
    other = SessionKey("agent", "ann", "two")
    for key in (KEY, other):
        store.sessions.create(key)
    store.sessions.rename(KEY, "About tides", TitleSource.PERSON)
    append(store, KEY, said("en été", timestamp=1.0))
    thought = types.Content(role="model", parts=[types.Part(text="secret thought", thought=True)])
    append(store, other, Event(author="agent", content=thought), said("100% sure", timestamp=2.0))

    assert ids(store.sessions.list("ann", search=search)) == found


def test_a_weaker_source_never_overwrites_a_title(store):
    store.sessions.create(KEY)

    assert store.sessions.rename(KEY, "first words", TitleSource.WORDS)
    assert store.sessions.rename(KEY, "by the model", TitleSource.MODEL)
    assert not store.sessions.rename(KEY, "first words", TitleSource.WORDS)
    assert store.sessions.rename(KEY, "mine", TitleSource.PERSON)
    assert not store.sessions.rename(KEY, "by the model", TitleSource.MODEL)
    assert store.sessions.rename(KEY, "mine again", TitleSource.PERSON)
    assert not store.sessions.rename(SessionKey("agent", "ann", "nobody"), "x", TitleSource.PERSON)
    assert store.sessions.get("one").title == "mine again"
    assert store.sessions.list("ann").items[0].title_source is TitleSource.PERSON


def test_the_first_turn_names_a_session_without_a_title(store):
    store.sessions.create(KEY)
    for number, title in enumerate(("First words", "Other words")):
        store.turns.create(turn(number), title)
        session = store.sessions.get("one")
        assert (session.title, session.title_source) == ("First words", TitleSource.WORDS)


def test_the_model_can_be_changed(store):
    store.sessions.create(KEY, model="small")
    store.sessions.set_model(KEY, "large")
    assert store.sessions.get("one").model == "large"
    assert store.sessions.list("ann").items[0].model == "large"


async def test_a_deleted_session_is_invisible_until_it_is_restored(store):
    store.sessions.create(KEY)
    service = DuckDBSessionService(store)
    names = {"app_name": "agent", "user_id": "ann"}
    session = await service.get_session(**names, session_id="one")
    await service.append_event(session, said("hello"))
    store.turns.create(turn(1))
    store.sessions.delete([KEY, SessionKey("agent", "ann", "nobody")])

    assert store.sessions.get("one") is None
    assert store.sessions.list("ann").items == ()
    assert store.events.list(KEY) == []
    assert store.turns.unfinished() == []
    assert await service.get_session(**names, session_id="one") is None
    assert (await service.list_sessions(**names)).sessions == []
    with pytest.raises(SessionNotFoundError):
        await service.append_event(session, said("lost"))

    store.sessions.restore([KEY])
    assert texts(await service.get_session(**names, session_id="one")) == ["hello"]
    assert ids(store.sessions.list("ann")) == ["one"]
    assert spoken(store) == ["hello"]


def test_purging_removes_old_deleted_sessions_with_everything_that_belongs_to_them(store):
    kept = SessionKey("agent", "ann", "two")
    for key in (KEY, kept):
        store.sessions.create(key)
        append(store, key, said("hello"))
    store.turns.create(turn(1, status=TurnStatus.RUNNING))
    store.turns.append_chunks({"turn-1": "partial"})
    store.sessions.delete([KEY])

    assert store.sessions.purge_deleted(older_than=3600) == []
    assert store.sessions.purge_deleted(older_than=0) == [KEY]
    assert store.turns.get("turn-1") is None
    assert store.turns.partial_text("turn-1") == ""
    store.sessions.restore([KEY])
    assert ids(store.sessions.list("ann")) == ["two"]
    for table in ("sessions", "events"):
        assert store.log.database.rows(f"select count(*) from {table}") == [(1,)]


@pytest.mark.parametrize("read", ["_turn_of", "_turns_by_id", "_unfinished"])
def test_a_finished_turn_stays_finished_while_it_is_being_written(store, monkeypatch, read):
    store.sessions.create(KEY)
    store.turns.create(running := turn(1, status=TurnStatus.RUNNING))
    store.turns.ended_unkept(running, TurnStatus.FAILED, 2.0, "the disk was full")
    reading = getattr(turn_table, read)

    def read_just_before(*args):
        rows = reading(*args)
        store.turns.update("turn-1", status=TurnStatus.FAILED, ended_at=2.0, error="the disk was full")
        return rows

    monkeypatch.setattr(turn_table, read, read_just_before)
    assert store.turns.unfinished(KEY) == []
    assert store.turns.get("turn-1").status is TurnStatus.FAILED
    assert store.turns.by_id(["turn-1"])["turn-1"].status is TurnStatus.FAILED


def test_the_last_deletion_is_remembered_while_it_can_be_undone(store):
    keys = [SessionKey("agent", user, f"of-{user}-{number}") for user in ("ann", "bob") for number in range(3)]
    for key in keys:
        store.sessions.create(key)
    store.sessions.delete(keys[:1])
    store.sessions.delete(keys[1:3])
    store.sessions.delete(keys[3:4])
    assert store.sessions.last_deleted(within=60) == keys[3:4]
    assert set(store.sessions.last_deleted(within=60, user_id="ann")) == set(keys[1:3])
    assert store.sessions.last_deleted(within=0) == []
    store.sessions.restore(keys[1:3])
    assert store.sessions.last_deleted(within=60, user_id="ann") == keys[:1]


def test_creating_the_id_of_a_deleted_session_starts_over(store):
    store.sessions.create(KEY)
    append(store, KEY, said("old"))
    store.sessions.delete([KEY])
    store.sessions.create(KEY)

    assert store.events.list(KEY) == []
    store.sessions.restore([KEY])
    assert store.events.list(KEY) == []


# -- events ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("warm", [True, False])
def test_events_are_paged_backwards_from_the_newest(store, warm):
    store.sessions.create(KEY)
    append(store, KEY, *(said(str(number)) for number in range(7)))
    if not warm:
        store.log.memory.clear()

    newest = store.events.list(KEY, limit=3)
    assert [text_of(stored.event) for stored in newest] == ["4", "5", "6"]
    older = store.events.list(KEY, before=newest[0].seq, limit=3)
    assert [text_of(stored.event) for stored in older] == ["1", "2", "3"]
    assert spoken(store, before=older[0].seq, limit=3) == ["0"]
    assert spoken(store, after=newest[1].seq) == ["6"]
    assert spoken(store, after=older[0].seq, before=newest[0].seq) == ["2", "3"]
    assert spoken(store, limit=0) == []
    assert spoken(store, SessionKey("agent", "ann", "nobody")) == []


@pytest.mark.parametrize("warm", [True, False])
def test_a_rewind_hides_the_rewound_events_and_itself(store, warm):
    store.sessions.create(KEY)
    for number in (1, 2, 3):
        store.turns.create(turn(number, status=TurnStatus.COMPLETED))
        append(store, KEY, said(f"q{number}", turn=f"turn-{number}"), said(f"a{number}", turn=f"turn-{number}"))
    append(store, KEY, rewind("turn-2"), said("q4", turn="turn-4"))
    if not warm:
        store.log.memory.clear()

    assert spoken(store) == ["q1", "a1", "q4"]
    assert spoken(store, include_rewound=True) == ["q1", "a1", "q2", "a2", "q3", "a3", "", "q4"]
    assert [store.turns.get(f"turn-{number}").rewound for number in (1, 2, 3)] == [False, True, True]


def test_nested_rewinds_match_what_adk_shows_the_model(store):
    from google.adk.events._rewind_events import _apply_rewinds

    store.sessions.create(KEY)
    append(
        store,
        KEY,
        said("a", turn="A"),
        said("b", turn="B"),
        rewind("A"),
        said("c", turn="C"),
        rewind("B"),
        said("d", turn="D"),
        rewind("unknown"),
    )
    whole = [stored.event for stored in store.events.list(KEY, include_rewound=True)]
    assert spoken(store) == [text_of(event) for event in _apply_rewinds(whole)] == ["a", "d"]


def test_data_for_analysis_is_in_typed_columns(store):
    store.sessions.create(KEY)
    parts = [
        types.Part(text="thinking", thought=True),
        types.Part(text="Let me "),
        types.Part(text="look."),
        types.Part(function_call=types.FunctionCall(name="search", args={})),
        types.Part(function_response=types.FunctionResponse(name="lookup", response={})),
    ]
    event = Event(
        author="agent",
        invocation_id="turn-1",
        timestamp=5.0,
        model_version="small-1",
        content=types.Content(role="model", parts=parts),
        interrupted=True,
        error_code="429",
        finish_reason=types.FinishReason.MAX_TOKENS,
        usage_metadata=types.GenerateContentResponseUsageMetadata(
            prompt_token_count=7, candidates_token_count=3, thoughts_token_count=2, cached_content_token_count=1
        ),
    )
    append(store, KEY, event)

    columns = (
        "author, invocation_id, timestamp, text, model, input_tokens, output_tokens, thought_tokens, cached_tokens, "
        "tool_calls, tool_results, interrupted, finish_reason, error_code, rewound"
    )
    said_by = ("agent", "turn-1", 5.0, "Let me look.", "small-1")
    ended_as = (True, "MAX_TOKENS", "429", False)
    assert store.log.database.rows(f"select {columns} from events") == [
        (*said_by, 7, 5, 2, 1, ["search"], ["lookup"], *ended_as)
    ]


# -- turns -------------------------------------------------------------------------------------------------------------


def test_a_turn_is_stored_unchanged_and_updated_field_by_field(store):
    store.sessions.create(KEY)
    first = turn(1)
    store.turns.create(first)
    assert store.turns.get("turn-1") == first

    store.turns.update("turn-1", status=TurnStatus.RUNNING, started_at=2.0, model="small")
    store.turns.update("turn-1", first_token_at=3.0)
    store.turns.update("turn-1")
    store.turns.update("turn-1", status=TurnStatus.FAILED, ended_at=4.0, input_tokens=5, output_tokens=6, error="no")
    changed_turn = store.turns.get("turn-1")
    assert changed_turn == Turn(
        "turn-1", KEY, TurnStatus.FAILED, first.message, "small", 1.0, 2.0, 3.0, 4.0, 5, 6, "no"
    )
    assert store.turns.by_id(["turn-1", "nobody"]) == {"turn-1": replace(changed_turn, message={})}
    assert store.turns.by_id([]) == {}
    assert store.turns.get("nobody") is None
    with pytest.raises(SessionNotFoundError):
        store.turns.create(turn(2, SessionKey("agent", "ann", "nobody")))


def test_unfinished_turns_are_listed_in_order_of_creation(store):
    other = SessionKey("agent", "ann", "two")
    for key in (KEY, other):
        store.sessions.create(key)
    for number, key, status in (
        (3, KEY, TurnStatus.QUEUED),
        (1, KEY, TurnStatus.COMPLETED),
        (2, other, TurnStatus.RUNNING),
        (4, KEY, TurnStatus.PAUSED),
    ):
        store.turns.create(turn(number, key, status))

    assert [t.id for t in store.turns.unfinished()] == ["turn-2", "turn-3", "turn-4"]
    assert [t.id for t in store.turns.unfinished(KEY)] == ["turn-3", "turn-4"]


def test_partial_texts_of_a_turn_are_kept_in_order_until_it_ends(store, path):
    store.sessions.create(KEY)
    for number in (1, 2):
        store.turns.create(turn(number, status=TurnStatus.RUNNING))
    for chunk in ("Once ", "upon ", "a time"):
        store.turns.append_chunks({"turn-1": chunk, "turn-2": chunk.upper()})
    store.turns.append_chunks({})
    store.close()

    again = Store(path)
    again.turns.append_chunks({"turn-1": "."})
    assert again.turns.partial_text("turn-1") == "Once upon a time."
    again.turns.update("turn-1", status=TurnStatus.INTERRUPTED)
    assert again.turns.partial_text("turn-1") == ""
    assert again.turns.partial_text("turn-2") == "ONCE UPON A TIME"
    again.close()


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([TurnStatus.COMPLETED, TurnStatus.QUEUED], SessionStatus.QUEUED),
        ([TurnStatus.RUNNING, TurnStatus.QUEUED], SessionStatus.RUNNING),
        ([TurnStatus.PAUSED, TurnStatus.QUEUED], SessionStatus.PAUSED),
        ([TurnStatus.FAILED], SessionStatus.IDLE),
        ([TurnStatus.INTERRUPTED], SessionStatus.IDLE),
        ([TurnStatus.INTERRUPTED, TurnStatus.COMPLETED], SessionStatus.IDLE),
    ],
)
def test_the_status_of_a_session_follows_from_its_turns(store, statuses, expected):
    store.sessions.create(KEY)
    for number, status in enumerate(statuses):
        store.turns.create(turn(number, status=status))

    assert store.sessions.get("one").status is expected
    assert store.sessions.list("ann").items[0].status is expected


def test_a_session_is_unseen_from_the_end_of_a_turn_until_it_is_opened(store):
    store.sessions.create(KEY)
    store.turns.create(turn(1, status=TurnStatus.RUNNING))
    assert not store.sessions.get("one").unseen
    store.turns.update("turn-1", status=TurnStatus.COMPLETED, ended_at=time.time())
    assert store.sessions.get("one").unseen
    assert store.sessions.list("ann").items[0].unseen

    store.sessions.mark_seen(KEY)
    assert not store.sessions.get("one").unseen
    store.sessions.mark_seen(SessionKey("agent", "ann", "nobody"))


# -- the file ----------------------------------------------------------------------------------------------------------


def test_everything_survives_closing_and_reopening(store, path):
    store.sessions.create(KEY, model="small")
    append(store, KEY, said("hello"), changed(mood="good"))
    store.turns.create(turn(1))
    before = (store.sessions.get("one"), store.events.list(KEY), store.turns.get("turn-1"))
    store.close()
    store.close()

    again = Store(path)
    assert (again.sessions.get("one"), again.events.list(KEY), again.turns.get("turn-1")) == before
    again.close()


def test_a_closed_store_reports_that_it_is_closed(store):
    store.close()
    with pytest.raises(StoreClosedError):
        store.sessions.create(KEY)
    with pytest.raises(StoreClosedError):
        store.sessions.list("ann")


def test_an_invalid_cursor_is_refused(store):
    with pytest.raises(StoreError, match="Start again"):
        store.sessions.list("ann", before="nonsense")
