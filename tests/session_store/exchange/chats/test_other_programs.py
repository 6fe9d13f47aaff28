"""Exports from other chat programs: which program wrote a file, and what becomes of it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from google.genai import types

from session_store.exchange import ImportRefusedError, Owner, Wishes, import_file
from session_store.exchange.chats import programs
from session_store.exchange.chats.foreign import Events, conversation
from session_store.exchange.chats.programs import PROGRAMS, Program
from session_store.exchange.notes import Notes
from session_store.models import SessionKey
from session_store.transcripts.transcript import messages
from tests.session_store.exchange.foreign_chats import SAMPLES

ROOT = Path(__file__).resolve().parents[4]


def node(name, parent, role, content, **fields):
    message = {"id": name, "author": {"role": role, "name": fields.pop("tool", None)}, "content": content, **fields}
    return name, {"id": name, "parent": parent, "children": [], "message": message}


def text(*parts):
    return {"content_type": "text", "parts": list(parts)}


CHATGPT = {
    "id": "67c8a5f0-0000-8000-9000-0123456789ab",
    "title": "Primes",
    "create_time": 1_700_000_000.0,
    "update_time": 1_700_000_100.0,
    "current_node": "answer-2",
    "mapping": dict(
        [
            ("root", {"id": "root", "parent": None, "children": ["system"], "message": None}),
            node("system", "root", "system", text("")),
            node("question", "system", "user", text("First prime over 100?"), create_time=1_700_000_001.5),
            node("answer-1", "question", "assistant", text("An answer that was replaced")),
            node(
                "call",
                "question",
                "assistant",
                {"content_type": "code", "text": "next_prime(100)"},
                recipient="python",
                create_time=1_700_000_002.0,
                metadata={"model_slug": "gpt-4o"},
            ),
            node(
                "output",
                "call",
                "tool",
                {"content_type": "execution_output", "text": "101"},
                tool="python",
                create_time=1_700_000_003.0,
            ),
            node(
                "answer-2",
                "output",
                "assistant",
                {"content_type": "multimodal_text", "parts": ["It is **101**.", {"asset_pointer": "file://x"}]},
                create_time=1_700_000_004.0,
                metadata={"model_slug": "gpt-4o"},
            ),
        ]
    ),
}

OPEN_WEBUI = {
    "id": "9b0d0f0e-1111-4222-8333-444444444444",
    "title": "Weather",
    "pinned": True,
    "created_at": 1_700_000_000,
    "updated_at": 1_700_000_050,
    "chat": {
        "history": {
            "currentId": "a2",
            "messages": {
                "q": {"id": "q", "parentId": None, "role": "user", "content": "Weather?", "timestamp": 1_700_000_001},
                "a1": {"id": "a1", "parentId": "q", "role": "assistant", "content": "Replaced", "timestamp": 1},
                "a2": {
                    "id": "a2",
                    "parentId": "q",
                    "role": "assistant",
                    "model": "llama3",
                    "timestamp": 1_700_000_002,
                    "content": '<details type="reasoning" done="true"><summary>Thought</summary>\n&gt; Ask the tool\n'
                    '</details>\n<details type="tool_calls" done="true" id="c1" name="weather" '
                    'arguments="&quot;{\\&quot;city\\&quot;: \\&quot;Bonn\\&quot;}&quot;" result="&quot;sunny&quot;">'
                    "<summary>Tool</summary></details>\nIt is sunny.",
                    "usage": {"prompt_tokens": 12, "completion_tokens": 4},
                    "annotation": {"rating": 1, "comment": "right"},
                },
            },
        }
    },
}


def code_result(part):
    return part.code_execution_result.outcome.value, part.code_execution_result.output


def imported(store, tmp_path, document):
    file = tmp_path / "export.json"
    file.write_text(json.dumps(document), "utf-8")
    return import_file(store, file, Wishes(owner=Owner("assistant", "local")))


def test_chatgpt_conversations_are_imported_as_the_branch_shown_last(store, tmp_path):
    report = imported(store, tmp_path, [CHATGPT])
    key = SessionKey("assistant", "local", CHATGPT["id"])
    shown = messages(store.events.list(key))

    assert report.kind == "ChatGPT export"
    assert [(message.author, message.text) for message in shown] == [
        ("user", "First prime over 100?"),
        ("assistant", "It is **101**."),
    ] or shown[1].text.startswith("It is **101**.")
    code, output = (stored.event.content.parts[0] for stored in store.events.list(key)[1:3])
    assert code.executable_code.code == "next_prime(100)"
    assert code_result(output) == ("OUTCOME_OK", "101")
    assert [event.event.timestamp for event in store.events.list(key)] == [
        1_700_000_001.5, 1_700_000_002.0, 1_700_000_003.0, 1_700_000_004.0,
    ]  # fmt: skip
    assert store.sessions.get(CHATGPT["id"]).title == "Primes"
    assert report.remarks == ["Left out: file `file://x` (1), messages on other branches (1)."]


def test_chatgpt_archives_can_be_imported_directly(store, tmp_path):
    file = tmp_path / "chatgpt.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("user.json", "{}")
        archive.writestr("conversations.json", json.dumps([CHATGPT]))

    assert len(import_file(store, file).taken) == 1
    assert len(import_file(store, file).skipped) == 1


def test_open_webui_chats_are_imported_with_tools_thoughts_usage_and_feedback(store, tmp_path):
    report = imported(store, tmp_path, [OPEN_WEBUI])
    key = SessionKey("assistant", "local", OPEN_WEBUI["id"])
    events = [stored.event for stored in store.events.list(key)]
    shown = messages(store.events.list(key))

    assert report.kind == "Open WebUI export"
    assert [message.text for message in shown] == ["Weather?", "It is sunny."]
    [step] = shown[1].steps
    assert (step.name, step.args, step.response) == ("weather", {"city": "Bonn"}, {"result": "sunny"})
    assert events[1].content.parts[0].thought
    assert events[-1].usage_metadata.prompt_token_count == 12
    assert store.feedback.of_events(key, ["a2"])["a2"].comment == "right"
    assert store.sessions.get(OPEN_WEBUI["id"]).saved


@pytest.mark.parametrize("document", [CHATGPT, OPEN_WEBUI])
def test_importing_again_adds_nothing(store, tmp_path, document):
    imported(store, tmp_path, [document])

    assert imported(store, tmp_path, [document]).taken == ()


def test_a_cyclic_tree_terminates(store, tmp_path):
    mapping = dict([node("a", "b", "user", text("One")), node("b", "a", "assistant", text("Two"))])

    report = imported(store, tmp_path, [{"id": "x", "mapping": mapping, "current_node": "b"}])

    assert report.events == 2


FROM_ELSEWHERE = {
    "ADK": {"id": "s", "appName": "garden", "userId": "u", "events": [], "messages": [], "mapping": {}},
    "a request to a model": {"model": "small", "messages": [{"role": "user", "content": "Garlic"}]},
    "messages with a sender": {"title": "Garlic", "messages": [{"sender": "human", "text": "Garlic"}]},
    "messages below an address": {"uuid": "c", "chat_messages": [{"sender": "human", "text": "Garlic"}]},
    "a table of names": {"mapping": {"garlic": "Allium sativum"}, "history": ["onion"], "chat": "Garlic"},
}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_program_recognizes_its_own_chats_and_no_others(program):
    found = [name for name, document in {**SAMPLES, **FROM_ELSEWHERE}.items() if program.recognizes(document)]

    assert found == [program.name]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
@pytest.mark.parametrize(
    "place",
    [
        "README.md",
        "docs/import_export.md",
        "session_store/exchange/command.py",
        "colloquy/ui/data/import_section.py",
    ],
)
def test_every_program_is_named_where_people_look(program, place):
    assert program.name in (ROOT / place).read_text("utf-8")


def test_a_refused_file_learns_which_programs_there_are(store, tmp_path):
    archive = tmp_path / "other.zip"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("talks.json", "[]")

    with pytest.raises(ImportRefusedError) as refused:
        imported(store, tmp_path, [{"title": "Garlic"}])
    with pytest.raises(ImportRefusedError) as refused_archive:
        import_file(store, archive)

    assert all(f"{program.name} (with {program.mark})" in str(refused.value) for program in PROGRAMS)
    assert "nor one of ChatGPT (with conversations.json). Nothing was imported." in str(refused_archive.value)


def is_talk(document):
    return isinstance(document, dict) and "talk" in document


def read_talk(document, owner, _):
    events = Events(owner.agent, "talk-1", 1_772_000_000.0, Notes())
    events.ask("m1", [types.Part(text=document["talk"])], None)
    return conversation(events, owner, title="A talk", updated_at=None)


@pytest.mark.parametrize("form", ["alone", "in a list", "in an object", "in an archive"])
def test_a_new_program_needs_nothing_but_its_place_in_the_list(form, store, tmp_path, monkeypatch):
    parrot = Program("Parrot", "talk", is_talk, read_talk, "talks.json", ("talks.txt",))
    monkeypatch.setattr(programs, "PROGRAMS", (*PROGRAMS, parrot))
    talk = {"talk": "Polly wants a cracker", "messages": []}
    file = tmp_path / "talks"
    if form == "in an archive":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("mine/Talks (2).json", json.dumps([talk]))
            archive.writestr("mine/talks.txt", "Polly")
    else:
        file.write_text(json.dumps({"alone": talk, "in a list": [talk], "in an object": {"chats": [talk]}}[form]))

    report = import_file(store, file)

    assert (report.kind, [taken.name for taken in report.taken]) == ("Parrot export", ["A talk"])
    assert report.remarks == []
