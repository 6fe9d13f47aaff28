"""Damaged or malicious files are refused with an explanation and change nothing."""

from __future__ import annotations

import gc
import json
import struct
import threading
import time
import zipfile

import pytest

from session_store import Store
from session_store.exchange import AgentFiles, Format, ImportRefusedError, documents, export, import_file, selected
from session_store.exchange.adk import events
from session_store.exchange.errors import DamagedError
from session_store.exchange.notes import Notes
from tests.session_store.exchange.histories import contents, fill


@pytest.fixture
def archive(path, tmp_path):
    store = Store(path)
    fill(store)
    [file] = export(store, selected(store), Format.ZIP, tmp_path / "all.zip")
    store.close()
    return file


@pytest.fixture
def refused(tmp_path):
    """Import into a fresh store, which must not change, and return the error message."""

    def run(file):
        fresh = tmp_path / "fresh.duckdb"
        before = contents(fresh)
        store = Store(fresh)
        with pytest.raises(ImportRefusedError) as refusal:
            import_file(store, file)
        store.close()
        assert contents(fresh) == before
        return str(refusal.value)

    return run


EVENT = {"author": "user", "id": "e", "timestamp": 1_700_000_000.0}
SESSION = {"id": "s", "appName": "a", "userId": "u", "events": [EVENT], "lastUpdateTime": 1_700_000_000.0}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b'{"events": [', "not valid JSON from line 1 on"),
        (b'{"events": [1]', "cut off"),
        (b"\xff\xfe{}", "not valid JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b"{}", "no chats that can be imported"),
        (b"[]", "no chats"),
        (b"null", "no chats that can be imported"),
        (b'{"events": 3}', "neither an ADK session"),
        (b"12345678DUCK", "DuckDB database"),
        (b"SQLite format 3\x00garbage", "SQLite"),
        (b"PK\x03\x04garbage", "damaged or cut off"),
    ],
)
def test_files_that_are_not_exports_are_refused_with_an_explanation(content, words, refused, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(content)

    assert words in refused(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": {"__session_metadata__": {"colloquy": {"version": 1}}}, "userId": "a/b"}, "user's id"),
        ({"state": {"__session_metadata__": {"colloquy": {"version": 99}}}}, "newer version"),
    ],
)
def test_an_invalid_session_is_skipped_alone_and_named(change, words, store, tmp_path):
    file = tmp_path / "session.json"
    file.write_text(json.dumps([SESSION, {**SESSION, "id": "t", **change}, 7]), "utf-8")

    report = import_file(store, file)

    assert [taken.key.session_id for taken in report.taken] == ["s"]
    assert [skipped.name for skipped in report.skipped] == ["conversation 2 ('t')", "conversation 3"]
    assert words in report.skipped[0].why


def test_ids_that_look_like_paths_are_replaced(store, tmp_path):
    file = tmp_path / "session.json"
    file.write_text(json.dumps({**SESSION, "id": "../../../etc/passwd"}), "utf-8")

    [taken] = import_file(store, file).taken

    assert "/" not in taken.key.session_id
    assert import_file(store, file).taken == ()


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.95, 0.999])
def test_a_truncated_archive_is_refused(keep, archive, refused):
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * keep)])

    assert "damaged or cut off" in refused(archive)


def test_a_flipped_byte_is_detected_and_its_file_named(archive, refused):
    data = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        entry = opened.infolist()[0]
    data[entry.header_offset + 30 + len(entry.filename) + 100] ^= 0xFF
    archive.write_bytes(data)

    assert "conversations/000001" in refused(archive)


def test_an_archive_with_a_missing_file_is_refused(archive, refused, tmp_path):
    smaller = tmp_path / "smaller.zip"
    with zipfile.ZipFile(archive) as opened, zipfile.ZipFile(smaller, "w") as written:
        for name in opened.namelist():
            if not name.startswith("results/"):
                written.writestr(name, opened.read(name))

    assert "results/000001" in refused(smaller)


@pytest.mark.parametrize("name", ["../outside.json", "/etc/passwd", "C:\\windows\\x", "a/../../b"])
def test_an_archive_with_paths_outside_itself_is_refused(name, refused, tmp_path):
    file = tmp_path / "evil.zip"
    with zipfile.ZipFile(file, "w") as written:
        written.writestr(name, "x")
        written.writestr("colloquy.json", "{}")

    assert "outside of itself" in refused(file)


@pytest.mark.parametrize(
    "place",
    [
        "../../../evil/versions/0/evil",
        "/etc/versions/0/etc",
        "a/versions/0/b",
        "a/versions/x/a",
        "a\\..\\b/versions/0/a",
        "a/../b/versions/0/b",
        "C:/versions/0/C:",
        "x",
        "",
    ],
)
def test_files_of_agents_cannot_escape_their_folder(place, archive, tmp_path):
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(archive) as opened, zipfile.ZipFile(changed, "w") as written:
        for name in opened.namelist():
            if name != "colloquy.json":
                written.writestr(name, opened.read(name))
        manifest = json.loads(opened.read("colloquy.json"))
        manifest["conversations"][0]["files"] = [{"file": "files/1", "shared": False, "path": place}]
        written.writestr("colloquy.json", json.dumps(manifest))
        written.writestr("files/1", "x")
    store = Store(tmp_path / "fresh.duckdb")

    with pytest.raises(ImportRefusedError, match="a place that cannot be"):
        import_file(store, changed, files=AgentFiles(tmp_path / "artifacts"))
    left = store.sessions.list("local").items
    store.close()

    assert left == ()
    assert [path.name for path in (tmp_path / "artifacts").rglob("*")] == [".encoded"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"session_id": "s", ', "line 2:"),
        (b'["session_id"]', "line 2: it is not a JSON object"),
        (
            b'{"session_id": "t", "app_name": "..", "user_id": "u", "event": 3}',
            "conversation 't': the application's name",
        ),
    ],
)
def test_a_damaged_line_is_refused_and_named(line, words, refused, tmp_path):
    file = tmp_path / "all.jsonl"
    whole = {"session_id": "s", "app_name": "a", "user_id": "u", "event": EVENT}
    file.write_bytes(json.dumps(whole).encode() + b"\n" + line + b"\n")

    assert words in refused(file)


def test_a_zip_bomb_is_refused_unread(refused, tmp_path):
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written, written.open("conversations.json", "w") as entry:
        for _ in range(250):
            entry.write(b"0" * 1_000_000)

    assert "made to fill disks" in refused(file)


def test_an_archive_that_repeats_one_file_many_times_is_refused(refused, tmp_path):
    file = tmp_path / "again.zip"
    chat = json.dumps({"id": "x", "events": [], "state": {"a": "b" * 2_000_000}})
    manifest = {"format": "colloquy-archive", "version": 1, "conversations": [{"file": "one.json"}] * 100}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("one.json", chat)
        written.writestr("colloquy.json", json.dumps(manifest))

    assert "made to fill disks" in refused(file)


def end_of_archive(entries, size):
    """An archive that consists of its end record only, which gives the number of entries."""
    if entries < 0xFFFF:
        return b"PK\3\4" + struct.pack("<LHHHHLLH", 0x06054B50, 0, 0, entries, entries, size, 0, 0)
    larger = struct.pack("<LQHHLLQQQQ", 0x06064B50, 44, 45, 45, 0, 0, entries, entries, size, 0)
    end = struct.pack("<LHHHHLLH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    return b"PK\3\4" + larger + struct.pack("<LLQL", 0x07064B50, 0, 4, 1) + end


@pytest.mark.parametrize(
    ("entries", "size", "words"),
    [
        (1_000_000, 50_000_000, "has 1,000,000 files"),
        (200_001, 10_000_000, "has 200,001 files"),
        (1, 60_000_000, "At most 200,000 are imported"),
        (70_000, 100_000_000, "At most 200,000 are imported"),
    ],
)
def test_an_archive_of_too_many_files_is_refused_before_its_directory_is_read(entries, size, words, refused, tmp_path):
    file = tmp_path / "many.zip"
    file.write_bytes(end_of_archive(entries, size))

    assert words in refused(file)


def test_a_file_with_too_many_values_is_refused_unread(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MOST_VALUES", 1000)
    file = tmp_path / "many.json"
    file.write_text("[" + "{}," * 1000 + "{}]")

    assert "more than 1,000 values" in refused(file)


def test_reading_a_file_with_many_values_does_not_block_other_threads():
    """Without yielding, Python's decoder would block every page and turn until it is done: 0.3 s here, and 1.6 s for
    the largest number of values allowed in a file."""
    many = b"[" + b"[]," * 900_000 + b"[]]"
    longest, last, is_over = 0.0, time.perf_counter(), threading.Event()

    def look():
        nonlocal longest, last
        while not is_over.wait(0.001):
            longest, last = max(longest, time.perf_counter() - last), time.perf_counter()

    looking = threading.Thread(target=look)
    gc.disable()  # a collection would block every thread, whichever decoder is used
    looking.start()
    begin = time.perf_counter()
    document = documents.parse(many, Notes())
    took = time.perf_counter() - begin
    is_over.set()
    looking.join()
    gc.enable()

    assert len(document) == 900_001
    assert longest < took / 2


@pytest.mark.parametrize(
    "text", ['{"a": [1, -2.5e3, "\\u00e4\\n", true, null, NaN, {}]}', "[1", "[" * 5_000, "[01]", '"a" b']
)
def test_large_and_small_files_are_read_alike(text, monkeypatch):
    def outcome():
        try:
            return repr(documents.parse(text.encode(), Notes()))
        except DamagedError as error:
            return str(error)

    usual = outcome()
    monkeypatch.setattr(documents, "MANY_VALUES", -1)
    assert outcome() == usual


def test_an_event_with_too_many_values_is_left_out_alone(store, tmp_path, monkeypatch):
    monkeypatch.setattr(events, "MOST_VALUES", 1_000)
    call = {"functionCall": {"id": "c", "name": "f", "args": {"a": [[]] * 1_000}}}
    many = {**EVENT, "id": "many", "author": "a", "content": {"role": "model", "parts": [call]}}
    file = tmp_path / "session.json"
    file.write_text(json.dumps({**SESSION, "events": [EVENT | {"content": {"parts": [{"text": "Hello"}]}}, many]}))

    report = import_file(store, file)

    assert report.events == 1
    assert "events that cannot be read (1)" in report.remarks[0]


def test_an_unrelated_archive_is_refused(refused, tmp_path):
    file = tmp_path / "photos.zip"
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("a.jpg", "x")

    assert "neither one that Colloquy exported" in refused(file)
