"""The store limits the length of texts, whatever the caller and whatever the file they come from."""

import ast
import json
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from session_store import Store
from session_store.errors import ColloquyError
from session_store.exchange import Format, export, import_file, selected
from session_store.history.words import words_of
from session_store.limits import (
    LONGEST_ADDRESS,
    LONGEST_COMMENT,
    LONGEST_NAME,
    LONGEST_NOTE,
    LONGEST_QUERY,
    LONGEST_SEARCH,
    LONGEST_TAG,
    LONGEST_TITLE,
    MOST_TAGS,
)
from session_store.models import SessionKey, StoredConnection, TitleSource
from tests.session_store.events import append, said

KEY: Final = SessionKey("assistant", "local", "s")
ROOT: Final = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "store.duckdb")) as store:
        store.sessions.create(KEY)
        append(store, KEY, said("Hello"))
        yield store


REFUSED: Final = {
    "a note": lambda store: store.labels.set_note(KEY, "x" * (LONGEST_NOTE + 1)),
    "a tag": lambda store: store.labels.set_tags([KEY], add=["x" * (LONGEST_TAG + 1)]),
    "tags": lambda store: store.labels.set_tags([KEY], add=[f"tag {number}" for number in range(MOST_TAGS + 1)]),
    "a query": lambda store: store.queries.save("name", "x" * (LONGEST_QUERY + 1)),
    "a query's name": lambda store: store.queries.save("x" * (LONGEST_NAME + 1), "select 1"),
    "a workspace": lambda store: store.workspaces.create("x" * (LONGEST_NAME + 1)),
}


@pytest.mark.parametrize("entrance", REFUSED.values(), ids=REFUSED)
def test_texts_that_are_too_long_are_refused_with_an_explanation(entrance, store):
    with pytest.raises(ColloquyError, match=r"at most \d|Shorten"):
        entrance(store)


def test_a_chat_with_too_many_tags_can_lose_some(store):
    store.labels.set_tags([KEY], add=[f"tag {number}" for number in range(MOST_TAGS)])
    with pytest.raises(ColloquyError):
        store.labels.set_tags([KEY], add=["one more"])
    store.labels.set_tags([KEY], add=["one more"], remove=["tag 0"])
    assert len(store.labels.tags(KEY)) == MOST_TAGS


def test_every_title_is_shortened(store):
    store.sessions.rename(KEY, "y" * 700_000, TitleSource.MODEL)
    assert len(store.sessions.get(KEY.session_id).title) == LONGEST_TITLE


def test_a_query_that_is_too_long_to_run_is_not_remembered(store):
    store.queries.record("x" * (LONGEST_QUERY + 1), seconds=0, error="It is too long.")
    assert store.queries.asked() == []


def test_the_length_of_a_search_is_limited(store):
    assert max(map(len, words_of("y" * 700_000))) == LONGEST_SEARCH


def test_archive_content_beyond_the_limits_is_cut_and_noted(store, tmp_path):
    """Only another program, or an older version of this one, writes such an archive."""
    land = store.workspaces.create("Here")
    store.workspaces.set_connection(land.id, StoredConnection("duckdb", "data.duckdb", "Data"))
    store.sessions.move([KEY], land.id)
    event_id = store.events.list(KEY)[0].event.id
    store.feedback.set(KEY, event_id, 1, "Good")
    store.labels.set_note(KEY, "Note")
    [archive] = export(store, selected(store), Format.ZIP, tmp_path / "out.zip")
    longer = tmp_path / "longer.zip"
    with zipfile.ZipFile(archive) as read, zipfile.ZipFile(longer, "w") as written:
        for name in read.namelist():
            written.writestr(name, json.dumps(_longer(json.loads(read.read(name)))))

    with closing(Store(tmp_path / "other.duckdb")) as other:
        report = import_file(other, longer)
        taken = next(one for one in other.workspaces.list() if one.id == land.id)
        lengths = {
            "titles": (len(other.sessions.get(KEY.session_id).title), LONGEST_TITLE),
            "notes": (len(other.labels.note(KEY)), LONGEST_NOTE),
            "comments": (len(other.feedback.of_events(KEY, [event_id])[event_id].comment), LONGEST_COMMENT),
            "names of workspaces": (len(taken.name), LONGEST_NAME),
        }
        assert len(other.labels.tags(KEY)) == MOST_TAGS
        assert taken.connection is None
    [told] = report.remarks
    for what, (length, most) in lengths.items():
        assert (length, f"the ends of {what} of more than {most:,} characters (" in told) == (most, True), what
    assert f"tags beyond {MOST_TAGS} (50)" in told
    assert "connections whose address is too long (" in told


def _longer(value, name=""):
    if name in ("title", "note", "comment") or (name == "name" and value != "General"):
        return "y" * 700_000
    if name == "address":
        return "y" * (LONGEST_ADDRESS + 1)
    if name == "tags":
        return [f"tag {number}" for number in range(MOST_TAGS + 50)]
    if isinstance(value, dict):
        return {key: _longer(one, key) for key, one in value.items()}
    return [_longer(one) for one in value] if isinstance(value, list) else value


FIELDS: Final = frozenset({"text_input", "text_area", "chat_input"})


def test_every_field_of_a_page_has_a_limit():
    missing = []
    for path in [*ROOT.glob("pages/**/*.py"), *ROOT.glob("colloquy/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_field = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FIELDS
            if is_field and "max_chars" not in {keyword.arg for keyword in node.keywords}:
                missing.append(f"{path.name}:{node.lineno}")
    assert missing == []
