"""Prompts for the title of a conversation, and the check whether a title is usable."""

from __future__ import annotations

import re
from collections.abc import Mapping

from session_store.transcripts.parts import thoughts_and_words, words_in

_DANGLING = frozenset("a an and are as at by for from in into is of on or the to vs with".split())  # noqa: SIM905
_LONGEST_MESSAGE = 300
_LONGEST_TITLE = 60
_MOST_WORDS = 6
_WITHOUT_BLANKS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Characters of languages without spaces between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese."""
_FEWEST_SIGNS, _MOST_SIGNS = 3, 40

_EXAMPLES = (
    ("can you help me plan a weekend trip to Lisbon with two kids?", "Weekend Trip to Lisbon"),
    ("My python script crashes with a KeyError when the config file is empty", "KeyError With Empty Config"),
    ("which of our customers ordered most last quarter", "Top Customers Last Quarter"),
    ("Explain how vaccines train the immune system, in simple words.", "How Vaccines Train Immunity"),
)

_GRAMMAR = r"""root ::= " " word (" " word){2,8} "\n"
word ::= [A-Z] [a-z']{1,13} | [a-z] [a-z']{0,13} | [A-Z] [A-Z0-9]{0,5} | [0-9] [0-9a-z]{0,5}"""

RAW_OPTIONS: Mapping[str, object] = {
    "grammar": _GRAMMAR,
    "n_predict": 28,
    "temperature": 0.0,
    "repeat_penalty": 1.0,
    "stop": ["\n"],
    "cache_prompt": True,
}
"""For a raw completion of ``raw_prompt``: a few tokens, at least three words. More than six words are allowed, because
at a limit the model would run words together; ``first_words`` cuts them off."""

INSTRUCTION = (
    "Write a title of three to six words for a conversation that begins with the user's message."
    " Answer with the title only, in the language of the message, without quotation marks."
)


def raw_prompt(message: str) -> str:
    """Return a text whose natural continuation is a title, for small models that do not follow instructions."""
    lines = [f"Message: {example}\nTitle: {title}" for example, title in _EXAMPLES]
    return "\n\n".join([*lines, f"Message: {shortened(message)}\nTitle:"])


def shortened(message: str) -> str:
    """Return the beginning of a message on one line."""
    return " ".join(message.split())[:_LONGEST_MESSAGE]


def first_words(answer: str) -> str:
    """Return as many words of an answer as a title may have."""
    return " ".join(answer.split()[:_MOST_WORDS])


def usable(answer: str, message: str) -> str | None:
    """Return the title in a model's answer; None if it has none, or the title is an example or only repeats the
    message."""
    text = words_in(thoughts_and_words(answer))
    line = next((line for line in text.splitlines() if line.strip()), "")
    title = re.sub(r"^(title:)?[\s\"'“”*#]+|[\s\"'“”*.]+$", "", line.strip(), flags=re.IGNORECASE)
    words = title.split()
    while words and words[-1].lower() in _DANGLING:
        words.pop()
    title = " ".join(words)
    if len(title) > _LONGEST_TITLE or _plain(title) == _plain(message)[: len(_plain(title))]:
        return None
    if _WITHOUT_BLANKS.search(title):
        return title if _FEWEST_SIGNS <= len(title) <= _MOST_SIGNS else None
    if not 3 <= len({word.lower() for word in words}) <= len(words) <= _MOST_WORDS:
        return None
    if any(_plain(title) == _plain(example) for _, example in _EXAMPLES):
        return None
    return title[0].upper() + title[1:]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
