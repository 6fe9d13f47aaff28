"""Counted nouns, days, sizes and titles."""

import re
import unicodedata
from datetime import date
from pathlib import Path

import pytest
from google.adk.events.event import Event
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from session_store.exchange import conversation
from session_store.phrases import (
    TITLE_LENGTH,
    counted,
    day_text,
    first_words,
    shortened,
    size_text,
    without_thoughts,
)

HERE = Path(__file__).parents[2]
HAND_MADE = re.compile(r"""["']1 \w+["'] if|== 1 else ['"]s|['"]['"] if \w+ == 1 else|%d %[bB] %Y|// ?1_000_000.* MB""")


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 chats"), (1, "1 chat"), (1_000, "1,000 chats"), (-1, "-1 chats"), (1.0, "1 chat"), (0.5, "0.5 chats")],
)
def test_nouns_agree_with_their_number(number, said):
    assert counted(number, "chat") == said


def test_nouns_may_have_an_irregular_plural():
    assert (counted(1, "reply", "replies"), counted(3, "reply", "replies")) == ("1 reply", "3 replies")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1 KB"),
        (2_540_000, "2.5 MB"),
        (10_300_000, "10.3 MB"),
        (999_700, "1 MB"),
        (64_000_000, "64 MB"),
        (345_600_000, "346 MB"),
        (5_000_000_000_000, "5,000 GB"),
    ],
)
def test_a_size_has_the_unit_that_fits(size, said):
    assert size_text(size) == said


def test_a_day_is_written_with_the_name_of_its_month():
    assert day_text(date(2026, 3, 7)) == "07 Mar 2026"


def test_no_plural_day_or_size_is_written_by_hand():
    exceptions = {"phrases.py", "cells.py"}  # PostgreSQL's intervals
    found = [
        f"{path.relative_to(HERE)}: {line.strip()}"
        for folder in ("colloquy", "session_store", "pages")
        for path in (HERE / folder).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if path.name not in exceptions and HAND_MADE.search(line) and 'turns == "1"' not in line  # a range of them
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
