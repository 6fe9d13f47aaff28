"""Thoughts and code in texts by users and models."""

import sys

import pytest

from session_store.transcripts.markup import (
    MOST_THOUGHTS,
    Typed,
    begins_in_thought,
    code_spans,
    fenced_pieces,
    split_thoughts,
)


def spans(text):
    """The words of a text, with its thoughts in angle brackets."""
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
def test_thoughts_are_separated_from_words(text, pieces):
    assert spans(text) == pieces


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
def test_quoted_or_mentioned_tags_are_not_thoughts(text):
    assert spans(text) == [text]


def test_a_thought_continues_until_it_is_closed():
    [piece] = split_thoughts("<think>hm, let")
    assert (piece.is_thought, piece.ended, piece.text) == (True, False, "hm, let")


def words_in(pieces):
    return "".join(piece.text for piece in pieces if not piece.is_thought)


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "<think>hm</think>Four.",
        "Well, <think>hm</think> four.",
        "One.\n\nTwo <thinking>what is <think>? hm</thinking>three.",
        "Use `<think>` so: <think>hm `a` < b</think>four < five.",
        "```html\n<think>\n```\n<think>hm</think>Four.",
    ],
)
def test_thoughts_are_never_shown_as_words_while_a_text_streams(text, begun):
    whole = words_in(split_thoughts(text))
    for number in range(1, len(text) + 1):
        words = words_in(split_thoughts(text[:number], ended=False, begun=begun))
        assert whole.startswith(words)
    assert words == whole


@pytest.mark.parametrize("text", ["hm, 4\n</think>\n\nFour.", "hm, 4</think>Four.", "hm `</think>`\n</THINK>\nFour."])
def test_a_text_that_starts_inside_a_thought_has_no_words_before_its_end(text):
    assert begins_in_thought(text)
    assert words_in(split_thoughts(text)) == "Four."
    for number in range(1, len(text) + 1):
        assert "Four.".startswith(words_in(split_thoughts(text[:number], ended=False, begun=True)))
    assert not begins_in_thought("Four.")
    assert split_thoughts("Four.", begun=True) == split_thoughts("Four.")


def test_a_text_cut_off_in_a_thought_looks_as_it_did_while_streaming():
    cut = "Well, <think>hm"
    assert spans(cut) == [cut]
    assert [piece.text for piece in split_thoughts(cut, ended=False) if piece.is_thought] == ["hm"]


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
def test_a_typed_text_is_split_at_its_fences(text, pieces):
    assert fenced_pieces(text) == pieces


REPEATED = [
    "<think>",
    "</think>",
    "</think><think>",
    "<think><think></think>",
    "<think>a</think>",
    "a <think> ",
    "<think>\n```\n</think>\n",
    "```\n",
    "```a\n",
    "`a ",
    "`a\n\n",
    "~~~~ ",
    "<",
]


def calls_in(work):
    """The number of function calls that a piece of work makes, including those inside the interpreter."""
    calls = 0

    def count(_frame, event, _arg):
        nonlocal calls
        calls += event.endswith("call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("sign", REPEATED)
def test_the_work_grows_linearly_with_repeated_characters(sign):
    def read(number):
        text = sign * number
        split_thoughts(text)
        split_thoughts(text, ended=False, begun=True)
        begins_in_thought(text)
        fenced_pieces(text)
        code_spans(text)

    assert calls_in(lambda: read(2_000)) < 12 * calls_in(lambda: read(200))


@pytest.mark.timeout(60)  # backtracking in texts like these takes hours
@pytest.mark.parametrize(
    "text", [*(sign * 10_000 for sign in REPEATED), "```" + "a" * 100_000 + "`", "~" * 9_999 + "`"]
)
def test_no_text_causes_quadratic_work(text):
    assert "".join(piece.text for piece in split_thoughts(text)).count("a") <= text.count("a")
    assert sum(len(piece.text) for piece in fenced_pieces(text)) <= len(text)
    assert all(begin < end for begin, end in code_spans(text))


def test_text_after_too_many_thoughts_stays_unchanged():
    pieces = split_thoughts("<think>hm</think>" * (MOST_THOUGHTS + 3))
    assert [piece.is_thought for piece in pieces] == [True] * MOST_THOUGHTS + [False]
    assert pieces[-1].text == "<think>hm</think>" * 3
