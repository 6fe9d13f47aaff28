"""What the model sees of a conversation: the newest messages with whole tool calls, or ADK's own compaction."""

import random

import pytest
from google.adk.agents import LlmAgent, SequentialAgent
from google.adk.apps.app import App, EventsCompactionConfig
from google.adk.events.event import Event
from google.adk.models import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.plugins.context_filter_plugin import ContextFilterPlugin
from google.genai import types

from colloquy.agents.context import bounded, first_seen, newest
from colloquy.agents.persona import read_persona
from tests.agents.talks import Talk, answer_of, unanswered
from tests.support.scripted import ScriptedModel, check_answered, text_of

ASSISTANT = "assistant"


def asked(text):
    return content("user", types.Part(text=text))


def said(text):
    return content("model", types.Part(text=text))


def called(number):
    return content("model", types.Part(function_call=types.FunctionCall(id=f"c{number}", name="look")))


def answered(number):
    response = types.FunctionResponse(id=f"c{number}", name="look", response={"found": number})
    return content("user", types.Part(function_response=response))


def content(role, *parts):
    return types.Content(role=role, parts=list(parts))


def events_of(contents):
    return [
        Event(author="user" if item.role == "user" and item.parts[0].text else ASSISTANT, content=item)
        for item in contents
    ]


def shown(contents, messages):
    return [text_of(item) or "step" for item in newest(contents, messages)]


PLAIN = [asked("a"), said("A"), asked("b"), said("B"), asked("c")]
WITH_TOOLS = [asked("a"), called(1), answered(1), said("A"), asked("b"), called(2), answered(2), said("B"), asked("c")]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [(0, "aAbBc"), (1, "c"), (2, "Bc"), (3, "bBc"), (4, "AbBc"), (5, "aAbBc"), (20, "aAbBc")],
)
def test_the_model_sees_exactly_the_newest_messages(messages, expected):
    assert "".join(shown(PLAIN, messages)) == expected


def test_an_answer_counts_with_its_tool_calls_as_one_message():
    assert shown(WITH_TOOLS, 3) == ["b", "step", "step", "B", "c"]
    assert len(newest(WITH_TOOLS, 5)) == len(WITH_TOOLS)


def test_an_answer_with_tool_calls_is_never_shown_without_its_message():
    assert shown(WITH_TOOLS, 2) == ["c"]
    assert shown(WITH_TOOLS, 4) == ["b", "step", "step", "B", "c"]


def test_the_visible_context_does_not_change_within_a_turn():
    for later in ([called(3), answered(3)], [called(3), answered(3), called(4), answered(4)]):
        assert newest([*WITH_TOOLS, *later], 3) == [*newest(WITH_TOOLS, 3), *later]


def test_answers_of_other_agents_are_not_user_messages():
    other = content("user", types.Part(text="For context: below …"), types.Part(text="[rooms] said:\nA room is free."))
    looked = content("user", types.Part(text="For context: below …"), types.Part(text="[rooms] called tool `look` …"))
    conversation = [asked("a"), looked, other, asked("b"), other, asked("c")]
    assert len(newest(conversation, 3)) == 3
    assert len(newest(conversation, 4)) == 3
    assert len(newest(conversation, 5)) == 6


def test_the_first_visible_event_can_be_marked():
    events = events_of(WITH_TOOLS)
    assert first_seen(events, 3) == events[4].id
    assert first_seen(events, 5) is None
    assert first_seen(events, 0) is None
    assert first_seen([], 3) is None
    changed_state = Event(author=ASSISTANT)
    assert first_seen([*events, changed_state], 3) == events[4].id
    assert first_seen(events[2:], 3) == events[4].id


def test_arbitrary_conversations_keep_calls_with_responses_and_events_with_contents():
    chance = random.Random(7)
    for _ in range(300):
        contents, number = [], 0
        for turn in range(chance.randint(1, 12)):
            contents.append(asked(f"q{turn}"))
            for _ in range(chance.choice((0, 0, 1, 3))):
                number += 1
                contents += [called(number), answered(number)]
            if chance.random() < 0.8:
                contents.append(said(f"a{turn}"))
        messages = chance.randint(1, 8)
        kept, events = newest(contents, messages), events_of(contents)
        check_answered(kept)
        assert not kept[0].parts[0].function_call
        assert contents[-len(kept) :] == kept
        first = first_seen(events, messages)
        assert len(kept) == len(contents) - ([event.id for event in events].index(first) if first else 0)
        assert sum(bool(item.parts[0].text) for item in kept if item.role == "user") <= messages


class TestInConversations:
    async def test_the_model_gets_only_the_newest_messages(self):
        talk = Talk(ScriptedModel(), agent=ASSISTANT, messages=4)
        for text in ("one", "two", "three"):
            await talk.say(text)
        seen = answer_of(await talk.say("history")).split("\n\n")
        assert seen[:-1] == ["model: You said: two", "user: three", "model: You said: three", "user: history"]

    async def test_a_mark_shows_where_the_context_begins(self):
        talk = Talk(ScriptedModel(), agent=ASSISTANT, messages=3)
        for text in ("one", "two", "three"):
            await talk.say(text)
        events = await talk.events()
        assert text_of(next(event for event in events if event.id == first_seen(events, 3)).content) == "two"

    async def test_an_agent_may_have_its_own_limit(self, tmp_path):
        file = tmp_path / "short.md"
        file.write_text("---\nname: Short\nmessages: 1\n---\nBe brief.", "utf-8")
        talk = Talk(ScriptedModel(), agent=read_persona(file), messages=20)
        await talk.say("one")
        assert answer_of(await talk.say("history")) == "user: history\n\n"

    async def test_compaction_replaces_the_limit(self):
        talk = Talk(Summing(), agent=ASSISTANT, messages=4, compaction=True)
        for text in ("one", "two", "three", "four"):
            await talk.say(text)
        seen = answer_of(await talk.say("history"))
        assert "They counted." in seen
        assert "two" not in seen
        assert unanswered(await talk.events()) == set()

    def test_a_sequence_without_a_model_to_summarize_is_cut(self):
        app = App(name="steps", root_agent=SequentialAgent(name="steps", sub_agents=[LlmAgent(name="one")]))
        assert [plugin.name for plugin in bounded(app, 20, compaction=True).plugins] == ["colloquy_context"]

    def test_an_app_with_a_compaction_or_context_filter_keeps_it(self):
        root = LlmAgent(name="desk")
        compacting = App(
            name="desk",
            root_agent=root,
            events_compaction_config=EventsCompactionConfig(compaction_interval=3, overlap_size=0),
        )
        filtering = App(name="desk", root_agent=root, plugins=[ContextFilterPlugin(num_invocations_to_keep=2)])
        for app in (compacting, filtering):
            assert bounded(app, 20, compaction=False) is app
            assert bounded(app, 20, compaction=True) is app
        plain = App(name="desk", root_agent=root)
        assert [plugin.name for plugin in bounded(plain, 20, compaction=False).plugins] == ["colloquy_context"]
        assert plain.plugins == []


class Summing(BaseLlm):
    """Summarizes when ADK asks for a summary, repeats its context for ``history``, and answers yes to everything
    else."""

    model: str = "summing"

    async def generate_content_async(self, llm_request, stream=False):
        text = text_of(llm_request.contents[-1])
        answer = "Yes."
        if text == "history":
            answer = "\n".join(text_of(item) for item in llm_request.contents)
        elif len(text) > 100:
            answer = "They counted."
        yield LlmResponse(content=said(answer))
