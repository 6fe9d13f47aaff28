"""Fits a conversation into a model's context window by leaving out its oldest exchanges as a whole.

Nothing here calls a model: the caller supplies the function that counts the tokens of a text.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence

from google.genai import types

CUT_MARK = "\n[… the middle of this message was left out, because it is longer than the model can read …]\n"

TOKENS_PER_MESSAGE = 8
"""Tokens that a chat template adds around a message, estimated on the high side."""

CountTokens = Callable[[Sequence[str]], Awaitable[list[int]]]


class DoesNotFitError(Exception):
    """Not even the instruction and the shortened newest message fit."""


def exchanges(contents: Sequence[types.Content]) -> list[list[types.Content]]:
    """Split a conversation before each user message; tool calls stay with their responses."""
    groups: list[list[types.Content]] = []
    for content in contents:
        if not groups or _is_message_of_user(content):
            groups.append([])
        groups[-1].append(content)
    return groups


def first_kept(costs: Sequence[int], budget: int) -> int:
    """Return the index of the oldest exchange to keep, given the tokens of each.

    Whenever the conversation outgrew the budget, everything but the newest half a budget was left out. This depends
    only on what came before, so from one message to the next the prompt begins the same and the model's prompt cache
    stays valid. The newest exchange is always kept.
    """
    start = 0
    total = 0
    for newest, cost in enumerate(costs):
        total += cost
        if total <= budget:
            continue
        while start < newest and total > budget // 2:
            total -= costs[start]
            start += 1
    return start


async def fit(contents: Sequence[types.Content], extra: str, budget: int, count: CountTokens) -> list[types.Content]:
    """Return the newest part of a conversation that takes at most ``budget`` tokens together with ``extra``.

    ``extra`` is everything else in the prompt: the system instruction and the tools. If the newest exchange alone is
    too long, the middle of its longest text is replaced by a mark.

    Raises:
        DoesNotFitError
    """
    groups = exchanges(contents)
    texts = [[text_of(content) for content in group] for group in groups]
    counts = iter(await count([extra, *(text for group in texts for text in group)]))
    room = budget - next(counts) - TOKENS_PER_MESSAGE
    costs = [sum(next(counts) + TOKENS_PER_MESSAGE for _ in group) for group in texts]
    start = first_kept(costs, room)
    kept = [content for group in groups[start:] for content in group]
    if sum(costs[start:]) > room:
        return await _cut(kept, room, count)
    return kept


async def size_of(contents: Sequence[types.Content], extra: str, count: CountTokens) -> int:
    """Return the tokens of a whole prompt, counted the way ``fit`` does."""
    counts = await count([extra, *map(text_of, contents)])
    return sum(counts) + TOKENS_PER_MESSAGE * len(counts)


def text_of(content: types.Content) -> str:
    """Return everything that a model reads of a message, as one text."""
    return "\n".join(_text_of_part(part) for part in content.parts or [])


def _is_message_of_user(content: types.Content) -> bool:
    return content.role == "user" and any(part.function_response is None for part in content.parts or [])


def _text_of_part(part: types.Part) -> str:
    if part.function_call is not None:
        return f"{part.function_call.name} {json.dumps(part.function_call.args, default=str)}"
    if part.function_response is not None:
        return json.dumps(part.function_response.response, default=str)
    return part.text or ""


async def _cut(contents: list[types.Content], room: int, count: CountTokens) -> list[types.Content]:
    """Cut the longest text, repeatedly, until everything fits."""
    for _ in range(12):
        costs = await count([text_of(content) for content in contents])
        excess = sum(costs) + TOKENS_PER_MESSAGE * len(contents) - room
        if excess <= 0:
            return contents
        longest = max(range(len(contents)), key=costs.__getitem__)
        share = max(0.0, (costs[longest] - excess) / max(1, costs[longest])) * 0.9
        shorter = _with_longest_part_cut(contents[longest], share)
        contents = [*contents[:longest], shorter, *contents[longest + 1 :]]
    raise DoesNotFitError


def _with_longest_part_cut(content: types.Content, share: float) -> types.Content:
    parts = list(content.parts or [])
    index = max(range(len(parts)), key=lambda at: len(_text_of_part(parts[at])))
    part = parts[index]
    text = cut_middle(_text_of_part(part), share)
    if part.function_response is not None:
        response = part.function_response.model_copy(update={"response": {"result": text}})
        parts[index] = part.model_copy(update={"function_response": response})
    elif part.function_call is not None:
        call = part.function_call.model_copy(update={"args": {"cut": text}})
        parts[index] = part.model_copy(update={"function_call": call})
    else:
        parts[index] = part.model_copy(update={"text": text})
    return content.model_copy(update={"parts": parts})


def cut_middle(text: str, share: float) -> str:
    """Return the beginning and end of a text, in all a ``share`` (0 to 1) of its characters, with a mark between."""
    kept = text.split(CUT_MARK) if CUT_MARK in text else [text]
    size = int(sum(map(len, kept)) * share)
    head, tail = kept[0], kept[-1]
    half = min(size // 2, len(head), len(tail))
    return head[:half] + CUT_MARK + tail[len(tail) - half :]
