"""Versions of a message: rewound events are kept and can be restored."""

import pytest

from session_store import Store
from session_store.exchange import Format, export, import_file, selected
from session_store.models import SessionKey
from tests.session_store.events import append, rewind, said, text_of

KEY = SessionKey("assistant", "local", "s1")


@pytest.fixture
def store(tmp_path):
    with_session = Store(tmp_path / "store.duckdb")
    with_session.sessions.create(KEY)
    yield with_session
    with_session.close()


def talk(store, *turns):
    for turn in turns:
        append(store, KEY, said(f"ask {turn}", turn=turn), said(f"answer {turn}", author="assistant", turn=turn))


def take_back(store, turn, name):
    append(store, KEY, rewind(turn).model_copy(update={"invocation_id": name}))


def asked(store):
    return [
        text_of(stored.event).removeprefix("ask ") for stored in store.events.list(KEY) if stored.event.author == "user"
    ]


def show(store, turn, name):
    before = store.turns.rewind_to_show(KEY, turn)
    assert before
    take_back(store, before, name)


def test_an_unedited_conversation_has_no_versions(store):
    talk(store, "a", "b")
    assert store.turns.versions(KEY) == {}
    assert store.turns.rewind_to_show(KEY, "a") is None


def test_a_replacement_of_a_message_is_a_version_of_it(store):
    talk(store, "a", "b", "c")
    take_back(store, "b", "r1")
    talk(store, "b2", "d")
    assert store.turns.versions(KEY) == {"b": ("b", "b2"), "b2": ("b", "b2")}
    assert asked(store) == ["a", "b2", "d"]


def test_switching_versions_restores_what_followed_each(store):
    talk(store, "a", "b", "c")
    take_back(store, "b", "r1")
    talk(store, "b2", "d")
    show(store, "b", "r2")
    assert asked(store) == ["a", "b", "c"]
    show(store, "b2", "r3")
    assert asked(store) == ["a", "b2", "d"]
    assert store.turns.rewind_to_show(KEY, "b2") is None


def test_every_version_can_be_reached_from_every_other(store):
    talk(store, "a")
    for number in range(2, 6):
        take_back(store, "a" if number == 2 else f"a{number - 1}", f"r{number}")
        talk(store, f"a{number}")
    names = ("a", "a2", "a3", "a4", "a5")
    assert store.turns.versions(KEY)["a3"] == names
    for step, turn in enumerate(("a2", "a5", "a", "a4", "a3", "a")):
        show(store, turn, f"s{step}")
        assert asked(store) == [turn]
        assert store.turns.versions(KEY)["a"] == names


def test_messages_after_switching_belong_to_the_shown_version(store):
    talk(store, "a", "b")
    take_back(store, "a", "r1")
    talk(store, "a2")
    show(store, "a", "r2")
    talk(store, "c")
    assert asked(store) == ["a", "b", "c"]
    show(store, "a2", "r3")
    show(store, "a", "r4")
    assert asked(store) == ["a", "b", "c"]


def test_a_message_within_a_version_has_its_own_versions(store):
    talk(store, "a", "b")
    take_back(store, "b", "r1")
    talk(store, "b2")
    take_back(store, "a", "r2")
    talk(store, "a2", "e")
    assert store.turns.versions(KEY) == {
        "a": ("a", "a2"),
        "a2": ("a", "a2"),
        "b": ("b", "b2"),
        "b2": ("b", "b2"),
    }
    show(store, "b", "r3")
    assert asked(store) == ["a", "b"]


def test_versions_survive_a_restart(store, tmp_path):
    talk(store, "a")
    take_back(store, "a", "r1")
    talk(store, "a2")
    store.close()
    again = Store(tmp_path / "store.duckdb")
    assert again.turns.versions(KEY) == {"a": ("a", "a2"), "a2": ("a", "a2")}
    show(again, "a", "r2")
    assert asked(again) == ["a"]
    again.close()


def test_a_rewind_of_an_unknown_invocation_changes_nothing(store):
    talk(store, "a")
    take_back(store, "nowhere", "r1")
    talk(store, "b")
    assert store.turns.versions(KEY) == {}
    assert asked(store) == ["a", "b"]


@pytest.mark.parametrize("form", [Format.JSON, Format.ZIP, Format.JSON_LINES])
def test_exports_contain_versions(store, tmp_path, form):
    talk(store, "a", "b")
    take_back(store, "a", "r1")
    talk(store, "a2")
    [file] = export(store, selected(store), form, tmp_path / "out")
    elsewhere = Store(tmp_path / "elsewhere.duckdb")
    import_file(elsewhere, file)
    assert asked(elsewhere) == ["a2"]
    show(elsewhere, "a", "r2")
    assert asked(elsewhere) == ["a", "b"]
    elsewhere.close()
