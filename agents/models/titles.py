"""Prompts for a conversation's title, and what counts as a usable one."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LONGEST_MESSAGE = 300
_LONGEST_TITLE = 60

_EXAMPLES = (
    ("can you help me plan a weekend trip to Lisbon with two kids?", "Weekend Trip to Lisbon"),
    ("My python script crashes with a KeyError when the config file is empty", "KeyError With Empty Config"),
    ("which of our customers ordered most last quarter", "Top Customers Last Quarter"),
    ("Explain how vaccines train the immune system, in simple words.", "How Vaccines Train Immunity"),
)

_GRAMMAR = r"""root ::= " " word (" " word){2,5} "\n"
word ::= [A-Za-z0-9] [A-Za-z0-9'+#.-]{0,17}"""

RAW_OPTIONS: Mapping[str, object] = {
    "grammar": _GRAMMAR,
    "n_predict": 24,
    "temperature": 0.0,
    "repeat_penalty": 1.0,
    "stop": ["\n"],
    "cache_prompt": True,
}
"""For a raw completion of ``raw_prompt``: a few tokens, three to six words."""

INSTRUCTION = (
    "Write a title of three to six words for a conversation that begins with the user's message."
    " Answer with the title only, in the language of the message, without quotation marks."
)


def raw_prompt(message: str) -> str:
    """A text whose natural continuation is a title, for small models that do not follow instructions."""
    lines = [f"Message: {example}\nTitle: {title}" for example, title in _EXAMPLES]
    return "\n\n".join([*lines, f"Message: {shortened(message)}\nTitle:"])


def shortened(message: str) -> str:
    """The beginning of a message on one line."""
    return " ".join(message.split())[:_LONGEST_MESSAGE]


def usable(answer: str, message: str) -> str | None:
    """The title in a model's answer; None when it is none, or an example, or only repeats the message."""
    line = next((line for line in answer.splitlines() if line.strip()), "")
    title = re.sub(r"^(title:)?[\s\"'“”*#]+|[\s\"'“”*.]+$", "", line.strip(), flags=re.IGNORECASE)
    words = title.split()
    if not 3 <= len(words) <= 6 or len(title) > _LONGEST_TITLE:
        return None
    if _plain(title) == _plain(message)[: len(_plain(title))] or len({word.lower() for word in words}) < 3:
        return None
    if any(_plain(title) == _plain(example) for _, example in _EXAMPLES):
        return None
    return title[0].upper() + title[1:]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
