"""Thoughts and code in the texts of people and models."""

import pytest

from session_store.markup import Typed, fenced_pieces, split_thoughts


def told(text):
    """The words of a text, and in angles, its thoughts."""
    return [f"<{piece.text}>" if piece.is_thought else piece.text for piece in split_thoughts(text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Four.", ["Four."]),
        ("", []),
        ("<think>\nhm\n</think>\n\nFour.", ["<hm>", "Four."]),
        ("<THINK>hm</THINK>Four.", ["<hm>", "Four."]),
        ("<thinking>hm</thinking>Four.", ["<hm>", "Four."]),
        ("<think></think>Four.", ["Four."]),
        ("Well. <think>hm</think> Four.", ["Well. ", "<hm>", " Four."]),
        ("<think>a</think>One<think>b</think>Two", ["<a>", "One", "<b>", "Two"]),
        ("<think>a<think>b</think>c</think>Four.", ["<a<think>b</think>c>", "Four."]),
        ("<think>what is <think>?</think>Four.", ["<what is <think>?>", "Four."]),
        ("hm\n</think>\n\nFour.", ["<hm>", "Four."]),
        ("<think>```py\nx = 1</think>Four.", ["<```py\nx = 1>", "Four."]),
        ("<think>\n```\n</think>\n```\n</think>\nFour.", ["<```\n</think>\n```>", "Four."]),
    ],
)
def test_thoughts_stand_apart_from_words(text, pieces):
    assert told(text) == pieces


@pytest.mark.parametrize(
    "text",
    [
        "```html\n<think>hm</think>\n```",
        "~~~~\n```\n<think>hm</think>\n~~~~",
        "> ```\n> <think>hm</think>\n> ```",
        "```\n<think>hm",
        "Write `<think>` and `</think>`.",
        "Write ``a ` <think>`` so.",
        "The <think> tag begins a thought.",
        "It ends with </think> then.",
        "a < think > b",
    ],
)
def test_what_is_quoted_or_only_named_is_no_thought(text):
    assert told(text) == [text]


def test_a_thought_goes_on_as_long_as_nothing_ends_it():
    [piece] = split_thoughts("<think>hm, let")
    assert (piece.is_thought, piece.ended, piece.text) == (True, False, "hm, let")


@pytest.mark.parametrize("number", range(1, len("<think>hm</think>Four.")))
def test_while_a_text_streams_nothing_that_was_thought_is_taken_for_words(number):
    pieces = split_thoughts("<think>hm</think>Four."[:number])
    words = "".join(piece.text for piece in pieces if not piece.is_thought)
    assert "Four.".startswith(words) or "<think>".startswith(words)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a\n  b\n\nc", [Typed("a\n  b\n\nc")]),
        ("see\n```py\nx = 1\n\ny\n```\nthen", [Typed("see"), Typed("x = 1\n\ny", "py"), Typed("then")]),
        ("```\nopen", [Typed("open", "")]),
        ("~~~\n```\n~~~", [Typed("```", "")]),
        ("```not``` a fence", [Typed("```not``` a fence")]),
        ("", []),
    ],
)
def test_a_typed_text_is_cut_at_its_fences(text, pieces):
    assert fenced_pieces(text) == pieces
