"""Fitting a conversation into a model's window."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from google.genai import types

from colloquy.agents.models.fitting import (
    CUT_MARK,
    TOKENS_PER_MESSAGE,
    DoesNotFitError,
    cut_middle,
    exchanges,
    first_kept,
    fit,
    size_of,
    text_of,
)


def user(text: str) -> types.Content:
    return types.Content(role="user", parts=[types.Part(text=text)])


def model(text: str) -> types.Content:
    return types.Content(role="model", parts=[types.Part(text=text)])


def tool_call() -> list[types.Content]:
    call = types.Part(function_call=types.FunctionCall(id="1", name="look", args={"at": "sky"}))
    response = types.Part(function_response=types.FunctionResponse(id="1", name="look", response={"result": "blue"}))
    return [types.Content(role="model", parts=[call]), types.Content(role="user", parts=[response])]


async def words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def conversation(turns: int, words_each: int = 10) -> list[types.Content]:
    filler = " ".join(["word"] * (words_each - 2))
    contents: list[types.Content] = []
    for turn in range(turns):
        contents += [user(f"question {turn} {filler}"), model(f"answer {turn} {filler}")]
    return [*contents, user("the newest question")]


def test_an_exchange_is_a_user_message_with_everything_up_to_the_next():
    contents = [user("a"), *tool_call(), model("blue"), user("b"), model("c")]

    assert exchanges(contents) == [contents[:4], contents[4:]]


def test_content_before_the_first_user_message_is_a_separate_exchange():
    assert [len(group) for group in exchanges([model("hi"), user("a"), model("b")])] == [1, 2]


async def test_a_conversation_that_fits_is_unchanged():
    contents = conversation(3)

    assert await fit(contents, "be brief", 10_000, words) == contents


async def test_the_oldest_exchanges_are_dropped_and_the_rest_is_unchanged():
    contents = conversation(20)

    kept = await fit(contents, "be brief", 400, words)

    assert kept == contents[-len(kept) :]
    assert kept[0].role == "user"
    assert await size_of(kept, "be brief", words) <= 400


async def test_a_tool_call_is_never_separated_from_its_response():
    contents = [user("old " * 300), *tool_call(), model("x"), user("newest")]

    assert await fit(contents, "", 200, words) == [user("newest")]


async def test_prompts_keep_their_beginning_so_that_the_prompt_cache_stays_valid():
    beginnings = []
    for turns in range(40):
        kept = await fit(conversation(turns), "", 400, words)
        beginnings.append(text_of(kept[0]))

    changes = sum(before != after for before, after in pairwise(beginnings))

    assert 2 <= changes <= 8


@pytest.mark.parametrize("costs", [[5], [9, 9, 9], [1, 2, 3, 4, 5, 6], [100, 1, 1], [1, 1, 100], [0, 0, 0]])
@pytest.mark.parametrize("budget", [1, 8, 10, 15, 1000])
def test_the_result_is_within_the_budget_or_only_the_newest_exchange(costs: list[int], budget: int):
    start = first_kept(costs, budget)

    assert sum(costs[start:]) <= budget or start == len(costs) - 1


async def test_an_oversized_newest_message_loses_its_middle():
    long = "BEGIN " + "word " * 3000 + "END"

    [kept] = await fit([*conversation(3)[:-1], user(long)], "be brief", 400, words)

    text = text_of(kept)
    assert text.startswith("BEGIN")
    assert text.endswith("END")
    assert text.count(CUT_MARK) == 1
    assert await size_of([kept], "be brief", words) <= 400


async def test_an_oversized_tool_result_is_cut_and_the_question_stays():
    call, response = tool_call()
    assert response.parts
    assert response.parts[0].function_response
    response.parts[0].function_response.response = {"rows": ["word " * 3000]}

    kept = await fit([user("what is there?"), call, response], "", 300, words)

    assert kept[:2] == [user("what is there?"), call]
    result = kept[2].parts[0].function_response
    assert (result.id, result.name) == ("1", "look")
    assert CUT_MARK in result.response["result"]


async def test_the_given_conversation_is_not_modified():
    contents = [user("word " * 3000)]

    await fit(contents, "", 300, words)

    assert text_of(contents[0]) == "word " * 3000


async def test_an_oversized_instruction_is_refused():
    with pytest.raises(DoesNotFitError):
        await fit([user("hi")], "word " * 500, 400, words)


def test_a_text_can_be_cut_again_without_a_second_mark():
    once = cut_middle("a" * 500 + "b" * 500, 0.5)
    twice = cut_middle(once, 0.5)

    assert once == "a" * 250 + CUT_MARK + "b" * 250
    assert twice == "a" * 125 + CUT_MARK + "b" * 125


async def test_the_chat_template_is_counted_for_each_message():
    assert await size_of([user("a b"), model("c")], "d", words) == 4 + 3 * TOKENS_PER_MESSAGE
