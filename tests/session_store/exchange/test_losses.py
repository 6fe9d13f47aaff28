"""A field that is read in part has its rest noted: nothing is lost without a note."""

from __future__ import annotations

import json

import pytest

from session_store.exchange import Owner, import_file
from session_store.exchange.adk import json_files as adk_json
from session_store.exchange.chats import chatgpt, open_webui
from session_store.models import SessionKey
from tests.session_store.exchange.foreign_chats import (
    AT,
    answered,
    asked,
    events_of,
    gpt_chat,
    imported,
    parts_of,
    text,
    webui_chat,
)

PAGE = {"title": "t", "url": "https://b.example/"}
CALL = ("assistant", {"content_type": "code", "text": "plot()"}, {"recipient": "python"})


def told(conversation):
    return " ".join(note.what for note in conversation.notes.all())


def after_code(output="", **result):
    return (
        "tool",
        {"content_type": "execution_output", "text": output},
        {"tool": "python", "metadata": {"aggregate_result": {"status": "success", **result}}},
    )


def thoughts(**fields):
    return ("assistant", {"content_type": "thoughts", "thoughts": [fields]}, {})


def said(content, **metadata):
    return ("assistant", content, {"metadata": metadata})


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (after_code("42", messages=[{"message_type": "image", "image_url": "file-service://p"}]), "file-service://p"),
        (after_code("42", timeout_triggered=60), "timeout_triggered"),
        (thoughts(content="Yes", chunks=["No"]), "chunks"),
        (thoughts(content="", chunks=["Yes", {"odd": 1}]), "chunks"),
        (said(text("Yes"), content_references=[{"alt": {"odd": "words"}}]), "content_references.alt"),
        (said({"content_type": "text", "text": "Yes", "result": "No"}), "content.result"),
        (said(text({"text": "Yes", "asset_pointer": "sediment://p"})), "sediment://p"),
        (said(text({"asset_pointer": "a", "metadata": {"dalle": {"prompt": "P"}}})), "parts.metadata"),
        (said(text({"audio": {"asset_pointer": "a", "words": "Hm"}})), "parts.audio.words"),
        (said({"content_type": "code", "language": "cobol", "text": "DISPLAY 42"}), "content.language"),
        (said(text("\ue200video\ue202Sun\ue202By Ann\ue202turn0video1\ue201")), "details in marks of type `video`"),
        (said(text("Yes"), content_references=[{"matched_text": " ", "alt": "Said alone"}]), "content_references.alt"),
        (("assistant", text("Yes"), {"author": {"role": "assistant", "name": "Ann"}}), "author.name"),
        (("user", text("Hm?"), {"author": {"role": "user", "name": "Bob"}}), "author.name"),
        (("assistant", text("Yes"), {"channel": "backstage"}), "channel"),
        (("user", text(), {"weight": 0, "metadata": {"attachments": [{"name": "a.pdf"}]}}), "hidden messages"),
        (after_code(jupyter_messages=[{"content": {"text": "42"}}]), "jupyter_messages"),
        (after_code(in_kernel_exception={"name": "ValueError", "cause": "too few"}), "in_kernel_exception.cause"),
    ],
)  # fmt: skip
def test_unread_fields_of_chatgpt_are_named(message, what):
    assert what in told(chatgpt.conversation_of(gpt_chat(("user", text("Hm"), {}), CALL, message), Owner()))


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (after_code(final_expression_output="42"), "42"),
        (after_code(messages=[{"message_type": "stream", "text": "fourty-two"}]), "fourty-two"),
        (after_code(in_kernel_exception={"name": "ValueError", "args": ["too few"]}), "ValueError: too few"),
        (after_code("42", in_kernel_exception={"name": "ValueError", "traceback": ["in line 7"]}), "in line 7"),
        (after_code("42", system_exception="Out of memory"), "Out of memory"),
        (
            after_code("", final_expression_output="42", messages=[{"message_type": "stream", "text": "printed"}]),
            "printed\\n42",
        ),
        (after_code("printed", final_expression_output="42"), "printed\\n42"),
        (said(text("Yes"), content_references=[{"title": "A book"}]), "A book"),
        (
            said(text("Yes"), content_references=[{"items": [PAGE], "safe_urls": ["https://c.example/"]}]),
            "https://c.ex",
        ),
        (said(text("\ue200url\ue202Sun\ue202https://a.example/\ue201")), "[Sun](https://a.example/)"),
        (said(text("\ue200link_title\ue202https://a.example/\ue202Sun\ue201")), "[Sun](https://a.example/)"),
        (said(text("\ue200video\ue202How to plant\ue202turn0video1\ue201")), "How to plant"),
        (said(text("Yes"), content_references=[{"alt": ["[Sun](https://a.example/)"]}]), "https://a.example/"),
        (said(text("Yes"), content_references=[{"safe_urls": ["https://b.example/"]}]), "https://b.example/"),
    ],
)
def test_chatgpt_values_in_alternative_fields_are_read(message, words):
    conversation = chatgpt.conversation_of(gpt_chat(("user", text("Hm"), {}), CALL, message), Owner())

    assert any(words in event.data for event in conversation.events)


@pytest.mark.parametrize("kind", ["ChatGPT", "Open WebUI"])
def test_an_error_in_the_middle_of_an_answer_becomes_text(kind):
    failed = {"content_type": "system_error", "name": "Timeout", "text": "Too slow."}
    if kind == "ChatGPT":
        chat = gpt_chat(("user", text("Hm"), {}), said(failed), said(text("Yes")))
        conversation = chatgpt.conversation_of(chat, Owner())
    else:
        chat = webui_chat(asked(), answered("", error={"content": "Timeout Too slow."}), answered("Yes"))
        conversation = open_webui.conversation_of(chat, Owner())

    assert '"Error: Timeout Too slow."' in conversation.events[1].data
    assert [(turn.status.value, turn.error) for turn in conversation.about.turns] == [("completed", None)]
    assert "errors within an answer to text" in told(conversation)


@pytest.mark.parametrize(("channel", "thinks"), [("analysis", True), ("commentary", False), ("final", False)])
def test_messages_of_a_model_to_itself_are_thoughts(channel, thinks, store, tmp_path):
    one = ("assistant", text("Leeks, too?"), {"channel": channel})
    imported(store, tmp_path, gpt_chat(("user", text("Hm"), {}), one, said(text("Yes"))))

    assert parts_of(store, "gpt-1")[1:] == [("thought" if thinks else "text", "Leeks, too?"), ("text", "Yes")]


PLOTS = {"type": "code_interpreter", "code": "1", "output": {"plots": ["p"]}}


def source(**fields):
    return webui_chat(asked(), answered(sources=[{"source": {"name": "n", "url": "https://a.example/"}, **fields}]))


@pytest.mark.parametrize(
    ("chat", "what"),
    [
        (source(document=["Sun."]), "only the JSON export has"),
        (source(document=[{"odd": 1}]), "not a text"),
        (source(metadata=[{"page": 7}]), "metadata.page"),
        (source(metadata=[{"source": "a.pdf"}]), "metadata.source"),
        (webui_chat(asked([{"type": "text", "text": "Hm", "hint": "Sun"}])), "content.hint"),
        (webui_chat(asked(), answered(output=[PLOTS])), "output.plots"),
    ],
)  # fmt: skip
def test_unread_fields_of_open_webui_are_named(chat, what):
    assert what in told(open_webui.conversation_of(chat, Owner()))


def test_the_address_of_a_source_is_kept_if_its_documents_have_others(store, tmp_path):
    imported(store, tmp_path, source(document=["Sun."], metadata=[{"source": "https://b.example/"}]))

    chunks = events_of(store, "webui-1")[1].grounding_metadata.grounding_chunks
    assert {chunk.retrieved_context.uri if chunk.retrieved_context else chunk.web.uri for chunk in chunks} == {
        "https://a.example/",
        "https://b.example/",
    }


def test_messages_outside_the_tree_are_counted():
    chat = webui_chat(asked(), answered())
    chat["chat"]["messages"] = [{"id": "m1", "content": "x"}, {"content": "It does."}, {"id": "m9", "content": "Lost"}]

    assert "messages that are not in the tree" in told(open_webui.conversation_of(chat, Owner()))


def test_a_tool_answer_without_a_call_becomes_text(store, tmp_path):
    answer = {"functionResponse": {"id": "c", "name": "rain", "response": {"result": "12 mm"}}}
    event = {"id": "e", "author": "garden", "timestamp": AT, "content": {"role": "user", "parts": [answer]}}
    file = tmp_path / "session.json"
    file.write_text(json.dumps({"id": "s", "appName": "garden", "userId": "u", "events": [event]}), "utf-8")

    report = import_file(store, file)

    [stored] = store.events.list(SessionKey("garden", "u", "s"))
    assert stored.event.content.parts[0].text == 'rain: {"result": "12 mm"}'
    assert "tool answers without a call to text (1)" in " ".join(report.remarks)


UNDATED = {"id": "e", "author": "user", "timestamp": 0.0, "content": {"parts": [{"text": "Hm"}]}}


@pytest.mark.parametrize(
    ("read", "chat", "names"),
    [
        (
            chatgpt.conversation_of,
            gpt_chat(("user", text("Hm"), {}), create_time=0, update_time=0),
            {"`create_time`", "`update_time`"},
        ),
        (open_webui.conversation_of, webui_chat(asked(timestamp=0), created_at=0), {"`timestamp`", "`created_at`"}),
        (
            adk_json.conversation_of,
            {"id": "s", "lastUpdateTime": 0, "events": [UNDATED]},
            {"`timestamp`", "`lastUpdateTime`"},
        ),
    ],
)
def test_a_date_of_zero_is_noted_like_any_invalid_date(read, chat, names):
    assert names <= {note.what for note in read(chat, Owner()).notes.all()}


def test_adk_events_keep_their_order_regardless_of_their_times(store, tmp_path):
    said = [("user", AT + 10), ("garden", AT + 4), ("user", AT + 5), ("garden", AT + 11)]
    events = [
        {"id": str(number), "author": who, "timestamp": at, "content": {"parts": [{"text": f"{number}"}]}}
        for number, (who, at) in enumerate(said)
    ]
    file = tmp_path / "session.json"
    file.write_text(json.dumps({"id": "s", "appName": "garden", "userId": "u", "events": events}), "utf-8")

    report = import_file(store, file)

    taken = [stored.event for stored in store.events.list(SessionKey("garden", "u", "s"))]
    assert [event.id for event in taken] == ["0", "1", "2", "3"]
    assert [event.timestamp - AT for event in taken] == [10, 10, 10, 11]
    assert "Replaced: message times that run backwards with the time before (2)." in report.remarks


@pytest.mark.parametrize(
    ("given", "said"),
    [("12 mm", {"result": "12 mm"}), ('{"mm": 12}', {"mm": 12}), ([12], {"result": [12]}), (12, {"result": 12})],
)
@pytest.mark.parametrize("place", ["args", "response"])
def test_tool_arguments_and_answers_that_are_not_objects_are_wrapped(place, given, said):
    call = {"id": "c", "name": "rain", "args": given if place == "args" else {}}
    answer = {"id": "c", "name": "rain", "response": given if place == "response" else {"mm": 1}}
    events = [
        {"id": "1", "author": "garden", "timestamp": AT, "content": {"parts": [{"functionCall": call}]}},
        {"id": "2", "author": "garden", "timestamp": AT, "content": {"parts": [{"functionResponse": answer}]}},
    ]
    conversation = adk_json.conversation_of({"id": "s", "appName": "garden", "userId": "u", "events": events})

    part = json.loads(conversation.events[place == "response"].data)["content"]["parts"][0]
    kept = next(part[name] for name in ("function_call", "function_response") if part.get(name))[place]
    assert kept == {("input" if place == "args" and k == "result" else k): value for k, value in said.items()}
    assert f".{place}`" in told(conversation)


@pytest.mark.parametrize("scope", ["user:", "app:"])
def test_conflicting_state_in_the_store_is_kept_and_noted(scope, store, tmp_path):
    file = tmp_path / "session.json"
    session = {"appName": "garden", "userId": "u", "events": []}

    def report(session_id, **state):
        file.write_text(json.dumps({**session, "id": session_id, "state": state}), "utf-8")
        return " ".join(import_file(store, file).remarks)

    assert report("a", **{f"{scope}lang": "de"}) == ""
    assert report("b", **{f"{scope}lang": "de"}) == ""
    assert f"state `{scope}lang`, which is here with another value (1)" in report("c", **{f"{scope}lang": "en"})
