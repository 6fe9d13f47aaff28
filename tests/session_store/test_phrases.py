"""Counted nouns, and titles."""

import re
import unicodedata
from pathlib import Path

import pytest
from google.adk.events.event import Event
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from session_store.exchange import conversation
from session_store.phrases import TITLE_LENGTH, counted, first_words, shortened, without_thoughts

HERE = Path(__file__).parents[2]
HAND_MADE = re.compile(r"""["']1 \w+["'] if|== 1 else ['"]s|['"]['"] if \w+ == 1 else""")


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 chats"), (1, "1 chat"), (2, "2 chats"), (1_000, "1,000 chats"), (-1, "-1 chats")]
)
def test_nouns_agree_with_their_number(number, said):
    assert counted(number, "chat") == said


def test_nouns_may_have_an_irregular_plural():
    assert (counted(1, "reply", "replies"), counted(3, "reply", "replies")) == ("1 reply", "3 replies")


def test_no_plural_is_built_by_hand():
    # SQL units, compact numbers, whole sentences.
    exceptions = {
        "phrases.py",
        "cells.py",
        "cards.py",
        "importing.py",
    }
    found = [
        f"{path.relative_to(HERE)}: {line.strip()}"
        for folder in ("colloquy", "session_store", "pages")
        for path in (HERE / folder).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if path.name not in exceptions and HAND_MADE.search(line)
    ]
    assert not found


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hello", "Hello"),
        ("  two\n lines ", "two lines"),
        ("one two three four five six seven eight nine, ten eleven", "one two three four five six seven eight nine…"),
        ("x" * 100, "x" * TITLE_LENGTH + "…"),
        ("你好 " + "请告诉我关于潮汐的一切" * 9, ("你好 " + "请告诉我关于潮汐的一切" * 9)[:TITLE_LENGTH] + "…"),
        ("<think>hm</think>Tides at noon", "Tides at noon"),
        ("What is <think> for?", "What is <think> for?"),
    ],
)
def test_a_title_is_the_beginning_of_a_text(text, title):
    assert first_words(text) == title


def test_a_title_never_splits_a_character():
    letters = ("ที่", "é", "🧑🏽‍🌾", "นี้")
    for letter in letters:
        for before in range(4):
            text = "x" * before + unicodedata.normalize("NFD", letter) * TITLE_LENGTH
            kept = first_words(text).removesuffix("…")[before:]
            assert kept
            assert not kept.replace(unicodedata.normalize("NFD", letter), "")


@given(st.text())
def test_a_title_is_one_short_line(text):
    title = first_words(text)
    assert len(title) <= TITLE_LENGTH + 1
    assert len(title.splitlines()) <= 1


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ("<think>The user asks about tides.</think>\n\nTides", "Tides"),
        ("<think>never ends", ""),
        ("Two\nlines", "Two lines"),
    ],
)
def test_an_imported_title_is_one_line_without_thoughts(given, title):
    assert without_thoughts(given) == title


@pytest.mark.parametrize("line", ["y" * 10_000, "word " * 100, "\N{FAMILY}\u200d" * 300, "y" * 201, "y" * 200, ""])
def test_shortening_twice_changes_nothing(line):
    short = shortened(line, 200)
    assert len(short) <= 200
    assert shortened(short, 200) == short
    assert short == line or (short.endswith("…") and line.startswith(short[:-1]))


def spoken(author, text, *, finished, way="input_transcription"):
    return Event(author=author, invocation_id="live", **{way: types.Transcription(text=text, finished=finished)})


def test_a_spoken_conversation_is_titled_by_the_words_of_the_user():
    events = [
        spoken("agent", "Hello!", finished=True, way="output_transcription"),
        spoken("user", "When do", finished=False),
        spoken("user", "When do I sow?", finished=True),
    ]
    assert conversation.first_words(events) == "When do I sow?"
    assert conversation.first_words(events[:1]) == "Hello!"
