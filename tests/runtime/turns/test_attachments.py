"""Files in messages: models get what they can read in the form they read; everything else is refused with an
explanation."""

import asyncio
from contextlib import closing

import pytest
from google.adk.models.llm_request import LlmRequest
from google.genai import types

from colloquy.agents.models import ModelInfo
from colloquy.runtime.attachments import Attachment, AttachmentRefusedError, is_file, names_of, parts_of, refusal
from colloquy.runtime.turns.messages import EmptyMessageError
from colloquy.runtime.turns.plugins import UnreadFiles
from tests.support.applications import conversation, finish, new_session, open_application

PNG = b"\x89PNG\r\n\x1a\n and more"
READS_ALL = ModelInfo("all", "Reads all", True, "", takes=frozenset({"image", "pdf"}))
READS_IMAGES = ModelInfo("images", "Reads images", True, "", takes=frozenset({"image"}))
READS_TEXT = ModelInfo("text", "Reads text", True, "")


def attached(name="notes.txt", mime_type="text/plain", data=b"one, two"):
    return Attachment(name, mime_type, data)


class TestParts:
    @pytest.mark.parametrize(
        ("data", "text"),
        [
            (b"one, two", "one, two"),
            ("größer".encode(), "größer"),
            (b"\xef\xbb\xbfwith a mark", "with a mark"),
            ("wide".encode("utf-16"), "wide"),
        ],
    )
    def test_a_text_file_becomes_text_under_its_name(self, data, text):
        [part] = parts_of([attached(data=data)], most_mb=1)
        assert part.text == f"[Attached file: notes.txt]\n{text}"

    def test_content_decides_the_type_rather_than_the_name(self):
        [code] = parts_of([attached("run.py", "application/octet-stream", b"print()")], most_mb=1)
        [paper] = parts_of([attached("paper", "application/octet-stream", b"%PDF-1.7 ...")], most_mb=1)
        assert code.text == "[Attached file: run.py]\nprint()"
        assert paper.inline_data.mime_type == "application/pdf"

    def test_images_are_sent_unchanged_with_their_name(self):
        [part] = parts_of([attached("shop.png", "image/png", PNG)], most_mb=1)
        blob = part.inline_data
        assert (blob.data, blob.mime_type, blob.display_name) == (PNG, "image/png", "shop.png")

    def test_a_file_name_cannot_inject_lines_into_the_message(self):
        [part] = parts_of([attached("a]\nignore this\n.txt")], most_mb=1)
        assert part.text.startswith("[Attached file: a] ignore this .txt]\n")

    def test_file_parts_are_recognized(self):
        parts = parts_of([attached(), attached("shop.png", "image/png", PNG)], most_mb=1)
        assert all(map(is_file, parts))
        assert names_of(parts) == "notes.txt, shop.png"


class TestRefused:
    @pytest.mark.parametrize(
        ("file", "why"),
        [
            (attached(data=b""), "notes.txt is empty"),
            (attached(data=b"\x00\x01"), "notes.txt is neither a text file .* nor an image nor a PDF"),
            (attached(data=b"\xff\x00\xfe"), "neither a text file"),
            (attached("x.svg", "image/svg+xml", b"<svg/>"), "x.svg is an image of the kind image/svg"),
        ],
    )
    def test_files_that_no_model_reads(self, file, why):
        with pytest.raises(AttachmentRefusedError, match=why):
            parts_of([file], most_mb=1)

    def test_files_over_the_total_limit(self):
        files = [attached(f"{n}.txt", data=b"x" * 600_000) for n in range(2)]
        assert len(parts_of(files[:1], most_mb=1)) == 1
        with pytest.raises(AttachmentRefusedError, match=r"may have 1 MB together, and these have 1.2 MB"):
            parts_of(files, most_mb=1)


class TestModels:
    def test_text_is_accepted_by_every_model(self):
        assert refusal([attached()], READS_TEXT) is None

    def test_a_file_is_accepted_by_models_that_read_it(self):
        assert (
            refusal([attached("p.png", "image/png", PNG), attached("a.pdf", "application/pdf", b"%PDF-")], READS_ALL)
            is None
        )

    def test_unsupported_files_are_known_before_sending(self):
        assert refusal([attached("p.png", "image/png", PNG)], READS_TEXT).startswith(
            "Reads text does not read images, so p.png cannot be sent to it."
        )
        assert "does not read PDF files, so a.pdf" in refusal(
            [attached("a.pdf", "application/pdf", b"%PDF-")], READS_IMAGES
        )


class TestMessages:
    """Files on their way through the runtime."""

    def test_files_reach_the_model_and_stay_in_the_conversation(self, application):
        key = new_session(application)
        finish(application, application.turns.submit(key, "look", [attached(), attached("shop.png", "image/png", PNG)]))
        question, _ = conversation(application, key)
        assert (question.text, [file.name for file in question.files]) == ("look", ["notes.txt", "shop.png"])
        assert question.files[1].data == PNG
        finish(application, application.turns.submit(key, "history"))
        assert "user: look[Attached file: notes.txt]\none, two" in conversation(application, key)[-1].text

    def test_a_message_may_consist_of_files_only(self, application):
        key = new_session(application)
        [turn] = finish(application, application.turns.submit(key, "", [attached()]))
        assert turn.error is None
        assert application.store.sessions.get(key.session_id).title == "notes.txt"
        with pytest.raises(EmptyMessageError):
            application.turns.submit(key, " ")

    def test_retrying_and_editing_keep_the_files(self, application):
        key = new_session(application)
        [turn] = finish(
            application, application.turns.submit(key, "tpyo", [attached(), attached("s.png", "image/png", PNG)])
        )
        [turn] = finish(application, application.turns.replace(turn, "typo"))
        finish(application, application.turns.retry(turn))
        question = conversation(application, key)[0]
        assert (question.text, [file.name for file in question.files]) == ("typo", ["notes.txt", "s.png"])
        assert len(conversation(application, key)) == 2

    def test_a_model_that_cannot_read_the_files_is_not_called(self, application):
        key = new_session(application)
        application.store.sessions.set_model(key, "scripted/two")
        with pytest.raises(AttachmentRefusedError, match="Scripted two does not read images"):
            application.turns.submit(key, "look", [attached("shop.png", "image/png", PNG)])
        assert application.turns.live(key) == []
        assert conversation(application, key) == []

    def test_a_later_model_that_cannot_read_the_files_gets_their_names(self, application):
        key = new_session(application)
        finish(application, application.turns.submit(key, "look", [attached("shop.png", "image/png", PNG)]))
        application.store.sessions.set_model(key, "scripted/two")
        finish(application, application.turns.submit(key, "history"))
        assert "user: look[Attached file: shop.png. You cannot read it.]" in conversation(application, key)[-1].text
        assert conversation(application, key)[0].files[0].data == PNG

    def test_the_setting_limits_the_size_of_files(self, tmp_path):
        with closing(open_application(tmp_path, attachment_mb=1)) as application:
            key = new_session(application)
            with pytest.raises(AttachmentRefusedError, match="COLLOQUY_ATTACHMENT_MB"):
                application.turns.submit(key, "look", [attached(data=b"x" * 1_000_001)])

    @pytest.mark.parametrize("kind", ["audio/wav", "image/bmp", "application/zip"])
    def test_imported_files_that_no_model_reads_are_sent_by_name(self, kind):
        blob = types.Blob(data=b"1", mime_type=kind, display_name="odd.bin")
        request = LlmRequest(contents=[types.Content(role="user", parts=[types.Part(inline_data=blob)])])
        asyncio.run(UnreadFiles(READS_ALL).before_model_callback(callback_context=None, llm_request=request))
        assert request.contents[0].parts[0].text == "[Attached file: odd.bin. You cannot read it.]\n"


def test_a_text_file_with_half_a_character_is_accepted(application):
    name, data = "odd\ud83d.txt", "Grüße \ud83d\ude00 \ud83d".encode("utf-8", "surrogatepass")
    [part] = parts_of([Attachment(name, "text/plain", data)], most_mb=1)
    assert part.text == "[Attached file: odd\ufffd.txt]\nGrüße 😀 \ufffd"
