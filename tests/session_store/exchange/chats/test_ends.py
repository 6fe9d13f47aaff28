"""Imported answers end like live ones: cut, stopped early, failed, or complete."""

from __future__ import annotations

import json

import pytest

from session_store.exchange import import_file
from session_store.models import SessionKey
from tests.session_store.exchange.foreign_chats import answered, asked, gpt_chat, imported, text, turns_of, webui_chat

LIMIT = "The answer was cut off: the maximum answer length was reached."
FILTER = "The answer was stopped early: the provider's safety filter blocked it."


def adk_session(*answers):
    events = [{"id": "q", "author": "user", "content": {"role": "user", "parts": [{"text": "Why?"}]}}]
    for number, answer in enumerate(answers):
        said = answer.pop("said", "Because")
        content = {"role": "model", "parts": [{"text": said}]} if said else None
        events.append({"id": f"a{number}", "author": "garden", "content": content, **answer})
    for number, event in enumerate(events):
        event |= {"timestamp": 1_772_000_000.0 + number, "invocationId": "i"}
    return {"id": "s", "appName": "garden", "userId": "local", "events": events, "state": {}}


@pytest.mark.parametrize(
    ("answers", "end"),
    [
        ([{"finishReason": "STOP"}], ("completed", None, False)),
        ([{"finishReason": "SAFETY"}], ("failed", FILTER, True)),
        ([{"finishReason": "MAX_TOKENS"}], ("completed", LIMIT, True)),
        ([{"finishReason": "MAX_TOKENS", "errorCode": "MAX_TOKENS"}], ("completed", LIMIT, True)),
        ([{"finishReason": "MAX_TOKENS", "said": ""}], ("failed", LIMIT, False)),
        (
            [{"finishReason": "ECLIPSE"}],
            ("failed", "The answer was stopped early: the provider gave the reason “ECLIPSE”.", True),
        ),
        ([{"errorCode": "SAFETY", "finishReason": "SAFETY", "said": ""}], ("failed", FILTER, False)),
        ([{"errorMessage": "The line broke."}], ("failed", "The line broke.", False)),
        ([{"errorCode": "429", "errorMessage": "Too many.", "said": ""}], ("failed", "Too many.", False)),
        ([{"errorCode": "500", "said": ""}, {"finishReason": "STOP"}], ("completed", None, False)),
        ([{"errorCode": "INVOCATION_ABORTED", "said": ""}], ("stopped", None, False)),
        ([{"interrupted": True}], ("stopped", None, True)),
    ],
)
def test_an_adk_session_ends_like_its_last_answer(answers, end, store, tmp_path):
    file = tmp_path / "session.json"
    file.write_text(json.dumps(adk_session(*answers)), "utf-8")

    import_file(store, file)

    [turn] = turns_of(store, "s")
    said = [stored.event for stored in store.events.list(SessionKey("garden", "local", "s"))][1:]
    assert (turn[0], turn[3], any(event.interrupted for event in said)) == end


def ended(kind):
    return {"metadata": {"finish_details": {"type": kind}}}


@pytest.mark.parametrize("words", ["Because", ""])
@pytest.mark.parametrize(
    ("how", "end"),
    [
        (ended("stop"), ("completed", None)),
        (ended("max_tokens"), ("completed", LIMIT)),
        (ended("interrupted"), ("stopped", None)),
        (ended("content_filter"), ("failed", FILTER)),
        (ended("eclipse"), ("failed", "The answer was stopped early: the provider gave the reason “eclipse”.")),
        ({"status": "in_progress"}, ("stopped", None)),
        ({"status": "finished_partial_completion"}, ("completed", "The answer was cut off: it was interrupted.")),
    ],
)
def test_a_chatgpt_answer_keeps_its_ending(words, how, end, store, tmp_path):
    imported(store, tmp_path, gpt_chat(("user", text("Why?"), {}), ("assistant", text(words), how)))

    [turn] = turns_of(store, "gpt-1")

    # An answer cut before its first word counts as failed.
    status, error = end
    assert (turn[0], turn[3]) == ("failed" if error and not words else status, error)


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"content": "Because"}, "completed", None),
        ({"content": "Because", "done": False}, "stopped", None),
        ({"content": "", "done": False}, "stopped", None),
        ({"content": "Because", "info": {"done_reason": "length"}}, "completed", LIMIT),
        ({"content": "Because", "info": {"done_reason": "stop"}}, "completed", None),
        (
            {
                "content": "Because",
                "output": [
                    {
                        "type": "message",
                        "status": "incomplete",
                        "incomplete_details": {"reason": "max_output_tokens"},
                        "content": [{"type": "output_text", "text": "Because"}],
                    }
                ],
            },
            "completed",
            LIMIT,
        ),
    ],
)
def test_an_open_webui_answer_keeps_its_ending(fields, status, error, store, tmp_path):
    answer = {**answered(), **fields}
    imported(store, tmp_path, webui_chat(asked(), answer))

    assert [(turn[0], turn[3]) for turn in turns_of(store, "webui-1")] == [(status, error)]
