"""Oddities in a file cost only themselves: one value, one line, one part of an archive."""

from __future__ import annotations

import json
import zipfile

import pytest

from session_store import Store
from session_store.exchange import Format, ImportRefusedError, Wishes, export, import_file, selected
from session_store.exchange.fields import time_of
from session_store.models import SessionKey
from tests.session_store.exchange.foreign_chats import (
    AT,
    SAMPLES,
    answered,
    asked,
    gpt_chat,
    imported,
    text,
    webui_chat,
)
from tests.session_store.exchange.histories import fill

DEEP = "[" * 1_500 + "]" * 1_500
DIGITS = "9" * 5_000
ADK = {
    "id": "adk-1",
    "appName": "garden",
    "userId": "u",
    "state": {},
    "events": [
        {"id": "e", "author": "user", "timestamp": AT, "content": {"role": "user", "parts": [{"text": "Garlic"}]}}
    ],
}
CHATS = {**SAMPLES, "ADK": ADK}


@pytest.mark.parametrize("program", CHATS)
@pytest.mark.parametrize(("odd", "what"), [(DEEP, "nested too deeply"), (DIGITS, "too long")])
def test_a_value_that_json_parsers_reject_is_left_out_alone(program, odd, what, store, tmp_path):
    chat = {**CHATS[program], "id": "other", "conversation_id": "other", "odd": "HERE"}
    file = tmp_path / "export.json"
    file.write_text(json.dumps([CHATS[program], chat]).replace('"HERE"', odd), "utf-8")

    report = import_file(store, file)

    assert len(report.taken) == 2
    assert any(what in note.what for note in report.notes)


@pytest.mark.parametrize("place", ["state", "args", "stateDelta"])
@pytest.mark.parametrize("depth", [180, 400, 900])
def test_a_deeply_nested_value_in_an_adk_session_is_left_out_alone(place, depth, store, tmp_path):
    deep = {}
    for _ in range(depth):
        deep = {"a": deep}
    deep = {"deep": deep, "flat": "kept"}
    call = {"functionCall": {"id": "c", "name": "rain", "args": deep if place == "args" else {}}}
    answer = {"id": "f", "author": "garden", "timestamp": AT + 1, "content": {"role": "model", "parts": [call]}}
    answer["actions"] = {"stateDelta": deep if place == "stateDelta" else {}}
    session = {**ADK, "events": [*ADK["events"], answer], "state": deep if place == "state" else {}}
    file = tmp_path / "session.json"
    file.write_text(json.dumps(session), "utf-8")

    report = import_file(store, file)

    [key] = [taken.key for taken in report.taken]
    assert [event.event.id for event in store.events.list(key)][:2] == ["e", "f"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_files_in_any_unicode_encoding_are_read(encoding, store, tmp_path):
    file = tmp_path / "export.json"
    file.write_text(json.dumps([webui_chat(asked("Knoblauch für 🧄"))], ensure_ascii=False), encoding)

    report = import_file(store, file)

    assert [taken.name for taken in report.taken] == ["Garlic"]


def test_invalid_bytes_are_replaced_and_noted(store, tmp_path):
    file = tmp_path / "export.json"
    file.write_bytes(json.dumps([webui_chat(asked("Caf#"))]).encode().replace(b"#", b"\xe9"))

    assert "bytes that are not text (1)" in import_file(store, file).remarks[0]


def lines_of(tmp_path):
    """The lines of a history in JSON Lines."""
    with_chats = Store(tmp_path / "full.duckdb")
    fill(with_chats)
    [file] = export(with_chats, selected(with_chats), Format.JSON_LINES, tmp_path / "all.jsonl")
    with_chats.close()
    return file


@pytest.mark.parametrize(
    "odd", [b'{"session_id": "s", ', b"[1]", DEEP.encode(), b'{"session_id": ' + DIGITS.encode() + b"}"]
)
def test_a_broken_line_is_skipped_alone_if_allowed(odd, store, tmp_path):
    file = lines_of(tmp_path)
    first, *others = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([first, odd + b"\n", *others]))
    with pytest.raises(ImportRefusedError, match="line 2: it "):
        import_file(store, file)

    report = import_file(store, file, Wishes(skip_damaged=True))

    assert report.events == len(others) + 1
    assert [skipped.name for skipped in report.skipped] == ["line 2"]


def test_json_lines_in_utf_16_are_recognized(store, tmp_path):
    file = lines_of(tmp_path)
    text_of_it = file.read_text("utf-8")
    file.write_text(text_of_it, "utf-16")

    assert import_file(store, file).events == len(text_of_it.splitlines())


def zipped(tmp_path, *files):
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w") as written:
        for name, content in files:
            written.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return archive


def chat(session_id, words="Garlic"):
    return gpt_chat(("user", text(words), {}), conversation_id=session_id)


def test_a_broken_part_of_an_archive_is_left_out_alone(store, tmp_path):
    parts = [
        ("conversations-000.json", [chat("a")]),
        ("conversations-001.json", "[{"),
        ("conversations-002.json", [chat("b")]),
    ]
    report = import_file(store, zipped(tmp_path, *parts))

    assert [taken.key.session_id for taken in report.taken] == ["a", "b"]
    assert [skipped.name for skipped in report.skipped] == ["conversations-001.json"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_files_with_the_same_name_in_an_archive_are_all_read(store, tmp_path):
    report = import_file(
        store, zipped(tmp_path, ("CONVERSATIONS.JSON", [chat("a")]), ("CONVERSATIONS.JSON", [chat("b")]))
    )

    assert [taken.key.session_id for taken in report.taken] == ["a", "b"]


@pytest.mark.parametrize("broken", ["conversations/000001", "results/"])
def test_a_broken_part_of_an_own_archive_is_skipped_alone_if_allowed(broken, store, tmp_path):
    with_chats = Store(tmp_path / "full.duckdb")
    fill(with_chats)
    number = len(selected(with_chats))
    [file] = export(with_chats, selected(with_chats), Format.ZIP, tmp_path / "all.zip")
    with_chats.close()
    smaller = tmp_path / "folder.zip"
    with zipfile.ZipFile(file) as opened, zipfile.ZipFile(smaller, "w") as written:
        missing = next(name for name in opened.namelist() if name.startswith(broken))
        for name in opened.namelist():
            if name != missing:
                written.writestr("unpacked and packed again/" + name, opened.read(name))
    with pytest.raises(ImportRefusedError, match="is missing"):
        import_file(store, smaller)

    report = import_file(store, smaller, Wishes(skip_damaged=True))

    assert len(report.taken) == number - (broken == "conversations/000001")
    assert [missing in skipped.name or missing in skipped.why for skipped in report.skipped] == [True]


@pytest.mark.parametrize("program", CHATS)
def test_different_chats_with_the_same_id_are_both_imported_once(program, store, tmp_path):
    first = CHATS[program]
    other = json.loads(json.dumps(first).replace("Garlic", "Onions").replace("Yes", "No"))

    report = imported(store, tmp_path, first, other, first)

    assert (len(report.taken), report.renamed) == (2, 1)
    assert [skipped.why for skipped in report.skipped] == ["already here"]
    assert imported(store, tmp_path, first, other).taken == ()


def test_a_longer_copy_of_a_chat_in_the_same_file_is_not_lost(store, tmp_path):
    longer = webui_chat(asked("Garlic"), answered("Yes"), asked("And onions?"), answered("Too."))

    report = imported(store, tmp_path, CHATS["Open WebUI"], longer)

    assert [taken.events for taken in report.taken] == [2, 4]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (AT, AT),
        (AT * 1e3, AT),
        (AT * 1e6, AT),
        (AT * 1e9, AT),
        (str(AT), AT),
        ("2026-02-25T06:13:20Z", AT),
        *((odd, None) for odd in (0, -AT, 5, 1e300, 1e20, AT * 1e12, 253_402_300_799, 9e10)),
        *((odd, None) for odd in ("1e300", "soon", "9999-12-31")),
    ],
)  # fmt: skip
def test_implausible_times_are_not_times(value, seconds):
    assert time_of(value) == seconds


@pytest.mark.parametrize("odd", [1e300, -1e300, 253_402_300_799, 1e20])
@pytest.mark.parametrize(
    ("program", "names"),
    [
        ("ChatGPT", ("create_time", "update_time")),
        ("Open WebUI", ("created_at", "updated_at")),
        ("ADK", ("lastUpdateTime",)),
    ],
)
def test_an_invalid_time_of_a_chat_is_noted_and_replaced(program, names, odd, store, tmp_path):
    report = imported(store, tmp_path, {**CHATS[program], **dict.fromkeys(names, odd)})

    [taken] = report.taken
    [session] = [one for one in store.sessions.list(taken.key.user_id).items if one.key == taken.key]
    assert session.created_at == (AT if program == "ADK" else AT + 1)
    assert all(f"`{name}` (1)" in report.remarks[0] for name in names)


def test_a_message_with_an_invalid_time_gets_that_of_the_message_before(store, tmp_path):
    events = [
        {**ADK["events"][0], "id": f"e{number}", "timestamp": at} for number, at in enumerate((AT, 1e300, AT + 2))
    ]
    report = imported(store, tmp_path, {**ADK, "events": events})

    [taken] = report.taken
    assert [stored.event.timestamp for stored in store.events.list(taken.key)] == [AT, AT, AT + 2]
    assert "`timestamp` (1)" in report.remarks[0]


@pytest.mark.parametrize(
    ("given", "taken"), [("\0", "local"), ("a/b", "a_b"), ("a\nb", "a_b"), ("x" * 300, "x" * 200), ("..", "local")]
)
def test_a_chat_with_an_invalid_name_is_imported(given, taken, store, tmp_path):
    report = imported(store, tmp_path, {**ADK, "userId": given})

    assert [one.key for one in report.taken] == [SessionKey("garden", taken, "adk-1")]
    assert "ids of users (1)" in " ".join(report.remarks)
