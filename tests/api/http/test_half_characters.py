"""Half a character in a request is joined or replaced. It never causes a server error or the loss of the content."""

from __future__ import annotations

import json

import pytest

from colloquy.api.http.half_characters import mended
from tests.api.sessions.test_conversations import API, create, get


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b'"plain \\u00fc"', "plain ü"),
        (b'"smile \\ud83d\\ude00"', "smile 😀"),
        (b'"half \\uD83D sign \\ude00"', "half \ufffd sign \ufffd"),
        (b'"no escape: \\\\ud83d"', "no escape: \\ud83d"),
        (b'"one of two \\ud83d\\ud83d\\ude00\\\\"', "one of two \ufffd😀\\"),
        ('"bytes \ud83d\ude00 \ud83d"'.encode("utf-8", "surrogatepass"), "bytes 😀 \ufffd"),
        ('"한국어"'.encode(), "한국어"),
    ],
)
def test_bodies_are_repaired_and_otherwise_unchanged(sent, kept):
    assert json.loads(mended(sent)) == kept


def test_bodies_that_are_not_text_are_passed_on_unchanged():
    assert mended(b'"\xed\xff"') == b'"\xed\xff"'


def test_messages_titles_and_arguments_are_accepted(client):
    conversation = create(client)
    place = f"{API}/conversations/{conversation['id']}"
    head = {"content-type": "application/json"}
    call = '{"name": "look", "args": {"a\\ud83d": "\\ud83d\\ude00"}, "result": "\\ud83d"}'
    message = '{"role": "assistant", "content": "half \\ud83d", "toolCalls": [' + call + "]}"
    said = client.post(f"{place}/messages", content=message, headers=head)
    assert said.status_code in (200, 201), said.text
    assert client.patch(place, content='{"title": "Half \\ud83d"}', headers=head).status_code == 200
    found = get(client, conversation)
    assert found["title"] == "Half \ufffd"
    [message] = found["messages"]
    assert message["content"] == "half \ufffd"
    assert message["toolCalls"][0]["args"] == {"a\ufffd": "😀"}
