"""Pictures and files in ChatGPT's archive become attachments of their messages."""

from __future__ import annotations

import json
import zipfile

import pytest
from google.genai import types

from session_store import Store
from session_store.exchange import Format, export, import_file, selected
from session_store.exchange.chats import enclosed
from session_store.models import SessionKey, Turn, TurnStatus
from session_store.sessions.turns import without_files
from session_store.transcripts.transcript import messages
from tests.session_store.exchange.foreign_chats import events_of, gpt_chat, parts_of, text

PNG = b"\x89PNG\r\n\x1a\n and more"
WAV = b"RIFF\0\0\0\0WAVEfmt "


def pointer(address, **fields):
    return {"content_type": "image_asset_pointer", "asset_pointer": address, "size_bytes": 70, **fields}


def asks(*parts, attachments=()):
    return "user", {"content_type": "multimodal_text", "parts": list(parts)}, {"metadata": {"attachments": attachments}}


ANSWER = ("assistant", text("It does."), {})


def zipped(tmp_path, *said, **files):
    """An archive with one conversation, and files by name."""
    file = tmp_path / "chatgpt.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", json.dumps([gpt_chat(*said, ANSWER)]))
        for name, data in files.items():
            archive.writestr(name, data)
    return file


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("file-AAA-my.png", "file-service://file-AAA"),
        ("export/file-AAA.png", "file-service://file-AAA"),
        ("user-x1/file_000b7-11-22.png", "sediment://file_000b7"),
        ("dalle-generations/file-AAA-11-22.dat", "file-service://file-AAA"),
        ("file_000b7-sanitized.png", "sediment://12ab#file_000b7#p_0.png"),
    ],
)
def test_pictures_are_found_by_id_anywhere_in_the_archive(name, address, store, tmp_path):
    report = import_file(store, zipped(tmp_path, asks(pointer(address), "See"), **{name: PNG}))

    assert parts_of(store, "gpt-1") == [("text", "See"), ("file", ("image/png", PNG)), ("text", "It does.")]
    assert report.remarks == []


def test_a_file_named_twice_in_a_message_is_attached_once(store, tmp_path):
    attachments = [{"id": "file-AAA", "name": "my.png", "mime_type": "image/png"}]
    question = asks(pointer("file-service://file-AAA"), "See", attachments=attachments)
    import_file(store, zipped(tmp_path, question, **{"file-AAA-other.png": PNG}))

    shown = messages(store.events.list(SessionKey("assistant", "local", "gpt-1")))
    assert [(file.name, file.mime_type, file.data) for file in shown[0].files] == [("my.png", "image/png", PNG)]
    assert shown[0].text == "See"


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ("größer".encode(), ("text", "[Attached file: notes.md]\ngrößer")),
        (b"\xef\xbb\xbfmarked", ("text", "[Attached file: notes.md]\nmarked")),
        ("wide".encode("utf-16"), ("text", "[Attached file: notes.md]\nwide")),
        (b"%PDF-1.7", ("file", ("application/pdf", b"%PDF-1.7"))),
        (WAV, ("file", ("audio/wav", WAV))),
    ],
)
def test_types_of_attached_files_are_detected_from_their_bytes(data, part, store, tmp_path):
    attachments = [{"id": "file-AAA", "name": "notes.md"}]
    import_file(store, zipped(tmp_path, asks("See", attachments=attachments), **{"file-AAA-notes.md": data}))

    assert parts_of(store, "gpt-1")[1] == part


def test_a_picture_extension_does_not_make_a_picture(store, tmp_path):
    attachments = [{"id": "file-AAA", "name": "my.png"}]
    import_file(store, zipped(tmp_path, asks("See", attachments=attachments), **{"file-AAA-my.png": b"\0\xff\xfe"}))

    assert parts_of(store, "gpt-1")[1] == ("file", ("application/octet-stream", b"\0\xff\xfe"))


def test_files_made_by_tools_are_attached_to_their_answers(store, tmp_path):
    draws = ("assistant", text("{}"), {"recipient": "dalle.text2im"})
    picture = {"content_type": "multimodal_text", "parts": [pointer("sediment://file_01")]}
    codes = ("assistant", {"content_type": "code", "language": "python", "text": "plot()"}, {"recipient": "python"})
    plots = {"messages": [{"message_type": "image", "image_url": "file-service://file-BBB"}]}
    ran = {"content_type": "execution_output", "text": "done"}
    said = [
        ("user", text("Draw"), {}),
        draws,
        ("tool", picture, {"tool": "dalle.text2im"}),
        codes,
        ("tool", ran, {"tool": "python", "metadata": {"aggregate_result": plots}}),
    ]
    files = {"dalle-generations/file_01-x.png": PNG, "file-BBB.png": PNG}
    report = import_file(store, zipped(tmp_path, *said, **files))

    assert [kind for kind, _ in parts_of(store, "gpt-1")] == [
        *("text", "call", "answer", "file", "code", "OUTCOME_OK", "file", "text"),
    ]
    assert {event.author for event in events_of(store, "gpt-1")[3:]} == {"assistant"}
    assert report.remarks == []


def test_voice_recordings_are_attached_to_their_transcripts(store, tmp_path):
    spoken = {"content_type": "audio_transcription", "text": "Hello"}
    talk = {
        "content_type": "real_time_user_audio_video_asset_pointer",
        "audio_asset_pointer": pointer("sediment://file_01", content_type="audio_asset_pointer"),
        "video_container_asset_pointer": pointer("sediment://file_02", content_type="video"),
    }
    report = import_file(store, zipped(tmp_path, asks(spoken, talk), **{"6f-id/audio/file_01-22.wav": WAV}))

    assert parts_of(store, "gpt-1")[:2] == [("text", "Hello\n\n[recording]"), ("file", ("audio/wav", WAV))]
    assert report.remarks == ["Left out: recording `sediment://file_02` (1)."]


def test_unreferenced_and_missing_files_are_named(store, tmp_path):
    attachments = [{"id": "file-CCC", "name": "gone.pdf"}]
    question = asks(pointer("file-service://file-BBB"), "See", attachments=attachments)
    report = import_file(store, zipped(tmp_path, question, **{"file-AAA.webp": PNG, "user.json": "{}"}))

    assert parts_of(store, "gpt-1")[0] == ("text", "[picture]\n\nSee")
    named = [
        "file `gone.pdf` (1)",
        "file `user.json` (1)",
        "files `*.webp` (1)",
        "picture `file-service://file-BBB` (1)",
    ]
    assert report.remarks == [f"Left out: {', '.join(named)}."]


@pytest.mark.parametrize(
    ("why", "limit"),
    [
        ("larger than 20 bytes", {"MOST_BYTES": 20}),
        ("damaged", {}),
        ("empty", {}),
    ],
)
def test_an_unusable_file_is_left_out_alone(why, limit, store, tmp_path, monkeypatch):
    for name, value in limit.items():
        monkeypatch.setattr(enclosed, name, value)
    question = asks(pointer("file-service://file-AAA"), pointer("file-service://file-BBB"), "See")
    data = b"" if why == "empty" else bytes(range(200))
    file = zipped(tmp_path, question, **{"file-AAA-big.png": data, "file-BBB.png": PNG})
    if why == "damaged":
        raw = file.read_bytes()
        place = raw.index(data[:20])
        file.write_bytes(raw[:place] + bytes(20) + raw[place + 20 :])
    report = import_file(store, file)

    assert parts_of(store, "gpt-1") == [("text", "See"), ("file", ("image/png", PNG)), ("text", "It does.")]
    assert report.remarks == [f"Left out: file `big.png` that is {why} (1)."]


def test_the_total_size_of_the_files_of_a_chat_is_limited(store, tmp_path, monkeypatch):
    monkeypatch.setattr(enclosed, "MOST_IN_CHAT", len(PNG))
    question = asks(pointer("file-service://file-AAA"), pointer("file-service://file-BBB"), "See")
    report = import_file(store, zipped(tmp_path, question, **{"file-AAA-a.png": PNG, "file-BBB-b.png": PNG}))

    assert [kind for kind, _ in parts_of(store, "gpt-1")] == ["text", "file", "text"]
    assert report.remarks == ["Left out: file `b.png` that is too much for one chat (over 17 bytes in all) (1)."]


@pytest.mark.parametrize("form", [Format.JSON, Format.ZIP])
def test_attached_files_survive_export_and_import(form, store, tmp_path):
    attachments = [{"id": "file-BBB", "name": "notes.txt"}]
    question = asks(pointer("file-service://file-AAA"), "See", attachments=attachments)
    file = zipped(tmp_path, question, **{"file-AAA-a.png": PNG, "file-BBB-notes.txt": "Plant."})
    import_file(store, file)
    [written] = export(store, selected(store), form, tmp_path / "written")
    other = Store(tmp_path / "other.duckdb")
    report = import_file(other, written)
    copied = parts_of(other, "gpt-1")
    other.close()

    assert copied == parts_of(store, "gpt-1")
    assert ("file", ("image/png", PNG)) in copied
    assert report.remarks == []
    assert import_file(store, file).taken == ()


def test_a_file_is_stored_once_and_available_to_its_turn(store, tmp_path):
    """A turn has the message that started it, and so has its event. If both stored pictures, these would fill the
    store."""
    key = SessionKey("assistant", "local", "gpt-1")
    large = PNG + b"x" * 100_000
    question = asks(pointer("file-service://file-AAA"), "See", pointer("file-service://file-BBB"))
    import_file(store, zipped(tmp_path, question, **{"file-AAA.png": large, "file-BBB.png": large + b"2"}))
    branch = store.sessions.branch(key, store.events.list(key)[-1].event.id, "")
    [archive] = export(store, selected(store), Format.ZIP, tmp_path / "own.zip")

    assert max(map(len, (row[0] for row in store.log.database.rows("select message from turns")))) < 1_000
    with zipfile.ZipFile(archive) as written:
        assert max(entry.file_size for entry in written.infolist()) < 1.5 * 2 * len(large)
    for known in (store, imported_again(tmp_path, archive)):
        for session in (key, branch.key):
            [turn] = known.turns.by_id({event.invocation_id for event in events_of(known, session.session_id)}).values()
            message = types.Content.model_validate(known.turns.get(turn.id).message)
            assert [part.inline_data and part.inline_data.data for part in message.parts] == [
                None,
                large,
                large + b"2",
            ]


def imported_again(tmp_path, archive):
    again = Store(tmp_path / "again.duckdb")
    import_file(again, archive)
    return again


def test_a_message_that_differs_from_its_event_keeps_its_files(store, tmp_path):
    store.sessions.create(SessionKey("assistant", "local", "s"))
    said = types.Content(role="user", parts=[types.Part(inline_data=types.Blob(data=PNG, mime_type="image/png"))])
    message = said.model_dump(mode="json", exclude_none=True)
    turn = Turn("t", SessionKey("assistant", "local", "s"), TurnStatus.COMPLETED, message, None, 1.0)
    for other in (None, {}, {"role": "user", "parts": []}, {**message, "role": "model"}):
        assert without_files(turn, other) is turn
    assert without_files(without_files(turn, message), message).message["parts"] == [
        {"inline_data": {"mime_type": "image/png"}}
    ]
