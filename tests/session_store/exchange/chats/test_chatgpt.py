"""ChatGPT conversations in the current export format: links, tools, code, thoughts, and the whole archive."""

from __future__ import annotations

import json
import zipfile

import pytest

from session_store.exchange import ImportRefusedError, import_file
from tests.session_store.exchange.foreign_chats import (
    AT,
    events_of,
    gpt_chat,
    gpt_message,
    imported,
    parts_of,
    text,
    turns_of,
)

QUESTION = ("user", text("Does garlic like sun?"), {})


def take(store, tmp_path, *said, **fields):
    """Import one conversation. Returns everything after the question, and the report."""
    report = imported(store, tmp_path, gpt_chat(QUESTION, *said, **fields))
    return parts_of(store, "gpt-1")[1:], report


def answer(words="It does.", **metadata):
    return "assistant", text(words), {"metadata": metadata}


class TestCitations:
    def test_become_links_if_the_file_has_addresses(self, store, tmp_path):
        mark, named = (
            "\ue200cite\ue202turn0search2\ue202turn0search4\ue201",
            '\ue200entity\ue202["plant","Leek",0]\ue201',
        )
        references = [
            {"matched_text": mark, "alt": "([a.example](https://a.example/x))", "type": "grouped_webpages"},
            {"matched_text": named, "alt": "Leek", "type": "alt_text"},
            {
                "matched_text": " ",
                "alt": "",
                "type": "sources_footnote",
                "sources": [{"title": "B", "url": "https://b.example/"}],
            },
        ]
        said, report = take(store, tmp_path, answer(f"Sun {mark}. So does {named}.", content_references=references))
        assert said == [("text", "Sun ([a.example](https://a.example/x)). So does Leek.")]
        sources = events_of(store, "gpt-1")[-1].grounding_metadata.grounding_chunks
        assert [(one.web.title, one.web.uri) for one in sources] == [
            ("a.example", "https://a.example/x"),
            ("B", "https://b.example/"),
        ]
        assert report.remarks == []

    def test_without_alt_text_link_to_their_pages(self, store, tmp_path):
        mark = "\ue200cite\ue202turn0search0\ue201"
        item = {
            "title": "Sun",
            "url": "https://a.example/",
            "supporting_websites": [{"title": "B", "url": "https://b.example/"}],
        }
        said, _ = take(
            store, tmp_path, answer(f"Sun {mark}", content_references=[{"matched_text": mark, "items": [item]}])
        )
        assert said == [("text", "Sun ([Sun](https://a.example/), [B](https://b.example/))")]

    def test_of_older_answers_become_links(self, store, tmp_path):
        written = "Sun\u30104\u2020source\u3011, rain\u30107\u2020source\u3011."
        page = {"type": "webpage", "title": "Rain", "url": "https://b.example/"}
        citations = [{"start_ix": 19, "end_ix": 29, "metadata": page}]
        said, report = take(store, tmp_path, answer(written, citations=citations))
        assert said == [("text", "Sun, rain ([Rain](https://b.example/)).")]
        assert report.remarks == ["Left out: unresolved citation marks (1)."]

    @pytest.mark.parametrize(
        ("written", "shown"),
        [
            ("Sun \ue200cite\ue202turn0search0\ue201.", "Sun ."),
            ("\ue203Plain fact\ue204.", "Plain fact."),
            ("See \ue200url\ue202the page\ue202turn0view0\ue201.", "See the page."),
            ('By \ue200entity\ue202["company","Bulb Farm",0]\ue201.', "By Bulb Farm."),
            ("Half \ue200cite\ue202turn0", "Half citeturn0"),
            ("Older\u30104\u2020source\u3011.", "Older."),
        ],
    )
    def test_without_an_explanation_leave_words_but_no_marks(self, written, shown, store, tmp_path):
        said, _ = take(store, tmp_path, answer(written))
        assert said == [("text", shown)]


class TestTools:
    def test_are_steps_even_if_their_answers_have_no_weight(self, store, tmp_path):
        call = ("assistant", {"content_type": "code", "text": 'search("garlic")'}, {"recipient": "browser"})
        page = {"content_type": "tether_quote", "url": "https://a.example/", "title": "Sun", "text": "Sun."}
        said, _ = take(store, tmp_path, call, ("tool", page, {"tool": "browser", "weight": 0}), answer())
        assert said[:2] == [
            ("call", ("browser", {"input": 'search("garlic")'})),
            ("answer", ("browser", {"result": "Sun.", "url": "https://a.example/", "title": "Sun"})),
        ]

    def test_may_answer_one_call_in_several_messages(self, store, tmp_path):
        call = ("assistant", {"content_type": "code", "text": "mclick([0, 1])"}, {"recipient": "browser"})
        pages = [
            ("tool", {"content_type": "tether_quote", "title": f"T{n}", "text": f"Page {n}"}, {"tool": "browser"})
            for n in (1, 2)
        ]
        said, _ = take(store, tmp_path, call, *pages, answer())
        assert said[1] == ("answer", ("browser", {"result": "Page 1\n\nT2\n\nPage 2", "title": "T1"}))

    @pytest.mark.parametrize(
        ("aggregate", "outcome"),
        [({}, "OUTCOME_OK"), ({"status": "failed_with_in_kernel_exception"}, "OUTCOME_FAILED")],
    )
    def test_that_run_code_become_code_and_output(self, aggregate, outcome, store, tmp_path):
        code = ("assistant", {"content_type": "code", "language": "python", "text": "6 * 7"}, {"recipient": "python"})
        output = {"content_type": "execution_output", "text": "42"}
        result = ("tool", output, {"tool": "python", "metadata": {"aggregate_result": aggregate}})
        assert take(store, tmp_path, code, result, answer())[0][:2] == [("code", "6 * 7"), (outcome, "42")]

    def test_that_never_answered_are_closed(self, store, tmp_path):
        call = ("assistant", {"content_type": "code", "text": "search()"}, {"recipient": "browser"})
        said, report = take(store, tmp_path, call, answer())
        assert said[-1][0] == "answer"
        assert "before the tool had answered" in said[-1][1][1]["error"]
        assert report.remarks == ["Added: missing tool answers (1)."]

    def test_keep_their_documents(self, store, tmp_path):
        letter = json.dumps({"name": "letter", "content": "Dear all"})
        call = ("assistant", {"content_type": "code", "text": letter}, {"recipient": "canmore.create_textdoc"})
        done = ("tool", text("Created"), {"tool": "canmore.create_textdoc"})
        assert take(store, tmp_path, call, done, answer())[0][:2] == [
            ("call", ("canmore.create_textdoc", {"input": letter})),
            ("answer", ("canmore.create_textdoc", {"result": "Created"})),
        ]


class TestContents:
    def test_of_thoughts_become_thoughts_with_headings(self, store, tmp_path):
        thoughts = [{"summary": "Adding", "content": "2 and 2"}, {"summary": "", "content": "", "chunks": ["is ", "4"]}]
        recap = ("assistant", {"content_type": "reasoning_recap", "content": "Thought for 3 seconds"}, {})
        said, report = take(
            store, tmp_path, ("assistant", {"content_type": "thoughts", "thoughts": thoughts}, {}), recap, answer("4")
        )
        assert said == [("thought", "Adding\n2 and 2\n\nis 4"), ("text", "4")]
        assert report.remarks == ["Left out: content of type `reasoning_recap` (1)."]

    def test_of_voice_chats_become_transcripts(self, store, tmp_path):
        spoken = {"content_type": "audio_transcription", "text": "Hello there", "direction": "in"}
        pointer = {
            "content_type": "real_time_user_audio_video_asset_pointer",
            "audio_asset_pointer": {"asset_pointer": "sediment://f1"},
        }
        _, report = take(store, tmp_path, ("user", {"content_type": "multimodal_text", "parts": [spoken, pointer]}, {}))
        assert parts_of(store, "gpt-1")[1] == ("text", "Hello there\n\n[recording]")
        assert report.remarks == ["Left out: recording `sediment://f1` (1)."]

    def test_of_files_are_named(self, store, tmp_path):
        attachments = [{"id": "f", "name": "notes.pdf", "mime_type": "application/pdf"}]
        _, report = take(store, tmp_path, ("user", text("See file"), {"metadata": {"attachments": attachments}}))
        assert report.remarks == ["Left out: file `notes.pdf` (1)."]

    @pytest.mark.parametrize("kind", ["user_editable_context", "model_editable_context"])
    def test_that_chatgpt_never_shows_are_named(self, kind, store, tmp_path):
        said, report = take(store, tmp_path, ("user", {"content_type": kind, "user_profile": "I farm."}, {}), answer())
        assert said == [("text", "It does.")]
        assert report.remarks == [f"Left out: content of type `{kind}` (1)."]

    def test_of_unknown_types_are_left_out(self, store, tmp_path):
        said, report = take(store, tmp_path, ("assistant", {"content_type": "hologram", "light": [1]}, {}), answer())
        assert said == [("text", "It does.")]
        assert report.remarks == ["Left out: content of type `hologram` (1)."]

    def test_that_are_plain_strings_are_texts(self, store, tmp_path):
        said, report = take(store, tmp_path, ("Assistant", "It does.", {}))
        assert said == [("text", "It does.")]
        assert report.remarks == ["Converted: `content` that is a text (1)."]

    def test_from_developers_are_left_out_like_system_messages(self, store, tmp_path):
        said, report = take(store, tmp_path, ("developer", text("Be brief."), {}), answer(), ("", text("Hm."), {}))
        assert said == [("text", "It does."), ("text", "Hm.")]
        assert report.remarks == [
            "Left out: hidden messages with the role `developer` (1).",
            "Converted: messages without a role to agent answers (1).",
        ]

    def test_of_errors_become_failed_turns(self, store, tmp_path):
        take(
            store, tmp_path, ("assistant", {"content_type": "system_error", "name": "Timeout", "text": "Too slow."}, {})
        )
        assert turns_of(store, "gpt-1") == [("failed", None, None, "Timeout Too slow.")]

    def test_that_were_hidden_are_named(self, store, tmp_path):
        hidden = ("assistant", text("secret"), {"metadata": {"is_visually_hidden_from_conversation": True}})
        said, report = take(store, tmp_path, hidden, answer())
        assert said == [("text", "It does.")]
        assert report.remarks == ["Left out: hidden messages with the role `assistant` (1)."]


class TestConversations:
    def test_provide_the_model_for_messages_without_one(self, store, tmp_path):
        take(store, tmp_path, answer(), answer("Also.", model_slug="o3"), default_model_slug="gpt-5-2")
        assert [event.model_version for event in events_of(store, "gpt-1")] == [None, "gpt-5-2", "o3"]

    @pytest.mark.parametrize(
        ("dates", "begun"),
        [
            ((None, AT + 1, AT + 60), AT + 1),
            ((None, None, AT + 60), AT + 60),
            ((0, AT + 1, 0), AT + 1),
            (("2026-02-25T06:13:20Z", None, None), AT),
            (("soon", None, AT * 1000), AT),
            ((AT + 30, AT + 1, AT + 60), AT + 1),
        ],
    )
    def test_never_begin_in_1970(self, dates, begun, store, tmp_path):
        created, said, updated = dates
        chat = gpt_chat(QUESTION, create_time=created, update_time=updated)
        chat["mapping"]["m1"]["message"]["create_time"] = said
        imported(store, tmp_path, chat)
        assert store.sessions.get("gpt-1").created_at == begun

    def test_without_any_time_begin_at_import_which_is_noted(self, store, tmp_path):
        chat = gpt_chat(QUESTION, create_time=None, update_time=None)
        chat["mapping"]["m1"]["message"]["create_time"] = None
        report = imported(store, tmp_path, chat)
        assert store.sessions.get("gpt-1").created_at > AT
        assert report.remarks == ["Added: missing dates from the time of the import (1)."]

    def test_name_the_fields_that_are_not_read(self, store, tmp_path):
        _, report = take(store, tmp_path, answer(mood="sunny"), gizmo_id="g-1", is_archived=True, voice=None)
        assert report.remarks == [
            "Left out: `gizmo_id` (1), `message.metadata.mood` (1).",
            "Converted: `is_archived` to a tag (1).",
        ]

    def test_without_a_current_node_end_at_the_newest_leaf(self, store, tmp_path):
        chat = gpt_chat(QUESTION, answer("New"), current_node=None)
        chat["mapping"]["old"] = gpt_message("assistant", text("Old"), parent="m1", at=AT + 1)
        assert imported(store, tmp_path, chat).remarks == ["Left out: messages on other branches (1)."]
        assert parts_of(store, "gpt-1")[1] == ("text", "New")


class TestFiles:
    @pytest.mark.parametrize(
        "first", [{"title": "Broken", "id": "x"}, None, 5, [], {"mapping": []}, {"mapping": [{"message": {}}]}, {}]
    )
    def test_lose_only_entries_that_are_not_conversations(self, first, store, tmp_path):
        report = imported(store, tmp_path, first, gpt_chat(QUESTION, answer()))
        assert len(report.taken) == 1
        assert [one.why for one in report.skipped] == ["it has no tree of messages (mapping)"]

    def test_with_a_tree_without_messages_are_reported(self, store, tmp_path):
        report = imported(store, tmp_path, {"title": "Garlic", "mapping": [{"parent": "m1"}]})
        assert [(one.name, one.why) for one in report.skipped] == [
            ("conversation 1 ('Garlic')", "it has no tree of messages (mapping)")
        ]

    @pytest.mark.parametrize("outside", [True, False])
    def test_with_the_tree_as_a_list_are_read_by_its_ids(self, outside, store, tmp_path):
        chat = gpt_chat(QUESTION, answer())
        chat["mapping"] = list(chat["mapping"].values())
        for node in chat["mapping"]:
            if not outside and node["message"]:
                del node["id"]
        report = imported(store, tmp_path, chat)
        assert parts_of(store, "gpt-1")[1] == ("text", "It does.")
        assert report.remarks == ["Converted: `mapping` that is a list (1)."]

    def test_with_half_a_character_get_a_replacement_character(self, store, tmp_path):
        report = imported(store, tmp_path, gpt_chat(("user", text("smile \ud83d please"), {}), title="Cut \ud83d"))
        assert parts_of(store, "gpt-1") == [("text", "smile \ufffd please")]
        assert report.remarks == ["Replaced: invalid characters (unpaired surrogates) (2)."]

    def test_may_be_wrapped_in_an_object(self, store, tmp_path):
        file = tmp_path / "all.json"
        file.write_text(json.dumps({"conversations": [gpt_chat(QUESTION)], "exported_by": "me"}), "utf-8")
        assert import_file(store, file).remarks[0] == "Left out: `exported_by` (1)."

    def test_in_archives_may_be_split_and_other_files_are_named(self, store, tmp_path):
        file = tmp_path / "chatgpt.zip"
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("conversations-000.json", json.dumps([gpt_chat(QUESTION)]))
            archive.writestr("conversations-001.json", json.dumps([gpt_chat(QUESTION, conversation_id="gpt-2")]))
            for other in ("user.json", "chat.html", "user-1/file-a.png", "dalle-generations/file-b.webp"):
                archive.writestr(other, "{}")
        report = import_file(store, file)
        assert len(report.taken) == 2
        assert report.remarks[0] == "Left out: file `user.json` (1), files `*.png` (1), files `*.webp` (1)."

    def test_of_other_kinds_are_refused(self, store, tmp_path):
        with pytest.raises(ImportRefusedError, match="no chats that can be imported"):
            imported(store, tmp_path, {"title": "Broken"}, 5)
