"""One odd item in an export costs only that item: the chat survives, and nothing is lost without a note."""

from __future__ import annotations

import pytest

from session_store.exchange import Owner
from session_store.exchange.chats import open_webui
from session_store.exchange.chats.enclosed import Enclosed
from session_store.exchange.chats.programs import PROGRAMS
from session_store.exchange.errors import DamagedError
from session_store.exchange.notes import MOST_NAMES, Notes
from tests.session_store.exchange.foreign_chats import (
    answered,
    asked,
    changed,
    gpt_chat,
    imported,
    places,
    text,
    webui_chat,
)

ODD = [None, "words", True, 0, -1, 2**70, float("inf"), ["words", 5, None], {"a": 1}]

PAGE = {"title": "t", "url": "https://b.example/"}

CHATGPT = gpt_chat(
    ("user", text("Does garlic like sun?"), {"metadata": {"attachments": [{"name": "a.pdf", "id": "f"}]}}),
    ("assistant", {"content_type": "code", "language": "python", "text": "6 * 7"}, {"recipient": "python"}),
    (
        "tool",
        {"content_type": "execution_output", "text": "42"},
        {"tool": "python", "metadata": {"aggregate_result": {"status": "success", "in_kernel_exception": None}}},
    ),
    ("assistant", {"content_type": "code", "text": "search()"}, {"recipient": "web"}),
    ("tool", {"content_type": "tether_quote", **PAGE, "text": "Sun."}, {"tool": "web", "weight": 0}),
    ("assistant", {"content_type": "thoughts", "thoughts": [{"summary": "S", "content": "C", "chunks": ["C"]}]}, {}),
    (
        "assistant",
        {"content_type": "multimodal_text", "parts": ["Yes", {"asset_pointer": "sediment://f"}, {"text": "Spoken"}]},
        {
            "metadata": {
                "model_slug": "o3",
                "finish_details": {"type": "stop"},
                "content_references": [{"matched_text": "\u20203", "alt": "y", "items": [PAGE]}],
                "citations": [{"metadata": {"title": "t", "url": "https://c.example/"}}],
            }
        },
    ),
    ("user", text("The last words"), {}),
    default_model_slug="gpt-5",
    is_archived=True,
    is_starred=True,
)  # fmt: skip

OPEN_WEBUI = webui_chat(
    asked(
        "Does garlic like sun?",
        files=[{"type": "file", "name": "a.txt", "file": {"filename": "a.txt", "data": {"content": "Sun."}}}],
    ),
    answered(
        '<details type="reasoning" done="true">\n<summary>s</summary>\n&gt; Hm\n</details>\nYes',
        output=[
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}], "content": []},
            {"type": "function_call", "call_id": "c", "name": "rain", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "12"}]},
            {"type": "open_webui:code_interpreter", "code": "6 * 7", "output": {"stdout": "42"}},
            {"type": "message", "content": [{"type": "output_text", "text": "Yes"}]},
        ],
        usage={"input_tokens": 3, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 1}},
        sources=[{"source": {**PAGE, "name": "n"}, "document": ["d"], "metadata": [{"source": "s"}]}],
        annotation={"rating": 1, "comment": "good"},
        merged={"status": True, "content": "Both"},
    ),
    asked("Again"),
    answered("", error={"content": "gone"}),
    asked("The last words"),
    meta={"tags": ["garden"]},
    archived=True,
    pinned=True,
)  # fmt: skip

SAMPLES = {"ChatGPT": CHATGPT, "Open WebUI": OPEN_WEBUI}


def reader(program):
    return lambda document, owner: program.conversation_of(document, owner, Enclosed())


READERS = [pytest.param(reader(program), SAMPLES[program.name], id=program.name) for program in PROGRAMS]
LAST_WORDS = "The last words"
IN_TREE = {"current_node", "currentId", "parent", "parentId", "children", "childrenIds"}


def words_of(conversation):
    return " ".join(event.data for event in conversation.events)


@pytest.mark.parametrize(("read", "document"), READERS)
def test_a_chat_survives_any_value_in_any_place(read, document):
    whole = {(), ("mapping",), ("chat",), ("chat", "history"), ("chat", "history", "messages")}
    for path in set(places(document)) - whole:
        of_last = path[-1] in ("content", "parts", 0, "role", "author", "message", "m5", "m8", "metadata", "weight")
        for odd in ODD:
            said = words_of(read(changed(document, path, odd), owner=Owner()))
            # The last message may itself be the odd one, or may no longer be on the branch.
            in_tree = path[-1] in (
                "current_node",
                "currentId",
                "parent",
                "parentId",
                "children",
                "childrenIds",
                "recipient",
            )
            assert of_last or in_tree or path[-2:-1] == ("children",) or LAST_WORDS in said, (path, odd)


@pytest.mark.parametrize(("read", "document"), READERS)
def test_a_document_that_is_not_a_chat_raises_only_damaged_error(read, document):
    for odd in ODD:
        with pytest.raises(DamagedError):
            read(odd, owner=Owner())


@pytest.mark.parametrize(("read", "document"), READERS)
def test_an_unknown_field_is_noted_anywhere(read, document):
    """Except where a whole object is kept or named."""
    unnamed = [
        path
        for path in places(document)
        if isinstance(at(document, path), dict)
        and read(changed_in(document, path), owner=Owner()).notes.all() == read(document, owner=Owner()).notes.all()
    ]
    assert [path for path in unnamed if not is_kept(path)] == []


SAYS_NOTHING = {
    "id",
    "children",
    "parent",
    "conversation_id",
    "content_type",
    "recipient",
    "status",
    "type",
    "filename",
}
"""Fields that only structure an export, or that repeat what is visible anyway."""


@pytest.mark.parametrize(("read", "document"), READERS)
def test_every_text_is_imported_or_noted(read, document):
    """This includes texts that are read: code that reads a text and has no use for it must note it."""
    before = read(document, owner=Owner()).notes.all()
    silent = []
    for path in places(document):
        if isinstance(at(document, path), str) and SAYS_NOTHING.isdisjoint(path[-2:]):
            taken = read(changed(document, path, "a canary"), owner=Owner())
            is_seen = "a canary" in words_of(taken) + repr(taken.about)
            is_named = any(f"{path[-1]}`" in note.what for note in taken.notes.all())
            silent += [] if is_seen or is_named or taken.notes.all() != before else [path]
    assert silent == []


def is_kept(path):
    """Trees of messages, files that are named, output of code."""
    return (
        path[-1:] in (("mapping",), ("messages",))
        or "attachments" in path
        or "file" in path
        or path[-1:] == ("output",)
        or path[-2:-1] in (("metadata",), ("parts",))
    )


def at(document, path):
    for name in path:
        document = document[name]
    return document


def changed_in(document, path):
    there = {**at(document, path), "unheard_of": "words"}
    return changed(document, path, there) if path else there


@pytest.mark.parametrize("depth", [199, 300, 900])
def test_a_value_nested_too_deeply_is_left_out_alone(depth):
    deep = {}
    for _ in range(depth):
        deep = {"a": deep}
    calls = [{"type": "function_call", "call_id": "c", "name": "rain", "arguments": deep}]
    calls += [{"type": "function_call_output", "call_id": "c", "output": deep}, {"type": "odd", "deep": deep}]
    taken = open_webui.conversation_of(webui_chat(asked(), answered(output=calls, odd=deep)), owner=Owner())
    assert "It does." in words_of(taken)
    assert any("nested too deeply" in note.what for note in taken.notes.all()) == (depth > 199)


def test_the_report_on_a_file_with_many_unknown_fields_stays_short(store, tmp_path):
    many = {f"field {number}\n`{'x' * 100}": 1 for number in range(2_000)}
    report = imported(store, tmp_path, webui_chat(asked(**many)))
    assert len(report.notes) == MOST_NAMES + 1
    assert max(len(note.what) for note in report.notes) < 80
    assert "\n" not in report.remarks[0]


def test_chats_already_imported_add_no_notes(store, tmp_path):
    chat = webui_chat(asked(), answered(followUps=["More?"]))
    assert imported(store, tmp_path, chat).remarks == ["Left out: `followUps` (1)."]
    assert imported(store, tmp_path, chat).remarks == []


def test_counts_of_the_same_note_are_added_up():
    notes, more = Notes(), Notes()
    notes.left_out("pictures")
    more.left_out("pictures", 2)
    more.left_out("nothing", 0)
    notes.update(more)
    assert notes.all() == (("left out", "pictures", 3),)
