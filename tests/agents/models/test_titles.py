"""What counts as a usable title."""

from __future__ import annotations

import pytest

from colloquy.agents.models.titles import raw_prompt, usable

MESSAGE = "My sink drips since yesterday, what can I do about it?"


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        (" Fixing a Dripping Sink", "Fixing a Dripping Sink"),
        ('"fixing a dripping sink."\n', "Fixing a dripping sink"),
        ("Title: **Fixing a Dripping Sink**", "Fixing a Dripping Sink"),
        ("Fixing a Dripping Sink in the", "Fixing a Dripping Sink"),
        ("\n\nWaschbecken tropft seit gestern", "Waschbecken tropft seit gestern"),
    ],
)
def test_three_to_six_words_are_a_title_in_any_wrapping(answer: str, title: str):
    assert usable(answer, MESSAGE) == title


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "  \n ",
        "Sink",
        "Here is a title for your conversation about a sink",
        "My sink drips since yesterday",
        "Sink sink sink sink",
        "Weekend Trip to Lisbon",
        "Donaudampfschifffahrtsgesellschaftskapitän und Rindfleischetikettierung heute",
    ],
)
def test_anything_else_is_not_a_title(answer: str):
    assert usable(answer, MESSAGE) is None


def test_a_long_message_is_shortened_for_the_model():
    assert len(raw_prompt("word\n" * 10_000)) < 1200
