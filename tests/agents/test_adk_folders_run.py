"""Conversations with agents from ADK folders, in the real runtime."""

import pytest
from structlog.testing import capture_logs

from session_store.limits import LONGEST_RESULT
from session_store.models import TurnStatus
from tests.agents.folders import PATIENCE, agent_folders
from tests.support.applications import finish, new_session, open_application, said

MODELS = '''
from google.adk.models import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.genai import types


class Script(BaseLlm):
    """Says ``before`` and calls a tool, then says ``answer`` when the tool has answered; or ``answer`` at once."""

    model: str = "script"
    before: str = ""
    call: str | None = None
    args: dict = {}
    answer: str = "Done."

    async def generate_content_async(self, llm_request, stream=False):
        last = llm_request.contents[-1].parts[-1]
        if self.call and not last.function_response:
            call = types.Part(function_call=types.FunctionCall(name=self.call, args=self.args))
            said = [types.Part(text=self.before)] if self.before else []
            if said:
                yield LlmResponse(partial=True, content=types.Content(role="model", parts=said))
            yield LlmResponse(content=types.Content(role="model", parts=[*said, call]))
            return
        text = self.answer
        if last.function_response:
            text = text.format(**last.function_response.response)
        content = types.Content(role="model", parts=[types.Part(text=text)])
        yield LlmResponse(partial=True, content=content)
        yield LlmResponse(content=content)
'''

IMPORTS = """
import sys
import time
from google.adk.agents import LlmAgent, LoopAgent, ParallelAgent, SequentialAgent
from google.adk.apps.app import App, EventsCompactionConfig, ResumabilityConfig
from google.adk.apps.llm_event_summarizer import LlmEventSummarizer
from google.adk.plugins.base_plugin import BasePlugin
from google.adk.tools import AgentTool, FunctionTool, LongRunningFunctionTool
from google.adk.workflow import Workflow
from google.genai import types
from .models import Script
"""

RAISES = """
def look_up():
    raise LookupError("the archive is closed")

root_agent = LlmAgent(name="desk", model=Script(before="Let me see.", call="look_up"), tools=[look_up])
"""

EXITS = RAISES.replace('raise LookupError("the archive is closed")', "sys.exit(3)")

IN_TWO_STEPS = """
def step(name):
    return LlmAgent(name=name, model=Script(answer=f"The {name} is done."))

steps = SequentialAgent(name="steps", sub_agents=[step("draft"), step("review")])
"""


@pytest.fixture
def agent_folder(tmp_path):
    with agent_folders(tmp_path) as write:
        yield write


@pytest.fixture
def application_with(agent_folder, tmp_path):
    """An application with one agent folder; more can be written before it is opened."""
    opened = []

    def open_with(name, code):
        agent_folder(name, IMPORTS + code, **{"models.py": MODELS, "__init__.py": ""})
        application = open_application(tmp_path / "data", agents_dir=agent_folder.parent)
        opened.append(application)
        assert application.agents._folders.loaded.wait(PATIENCE)
        return application

    with capture_logs():  # printing the values of all variables takes seconds
        yield open_with
        for application in opened:
            application.close()


@pytest.fixture
def talk(application_with):
    """Have a conversation with an agent folder. Returns its finished turns and all messages."""

    def hold(name, code, *messages):
        application = application_with(name, code)
        key = new_session(application, name)
        turns = [finish(application, application.turns.submit(key, message))[0] for message in messages]
        return turns, said(application, key)

    return hold


def completed(turns):
    assert [(turn.status, turn.error) for turn in turns] == [(TurnStatus.COMPLETED, None)] * len(turns)


def test_an_agent_answers_on_its_own_model(talk):
    [turn], conversation = talk("run_plain", "root_agent = LlmAgent(name='desk', model=Script(answer='Hello.'))", "hi")
    completed([turn])
    assert turn.model is None
    assert conversation == [("user", "hi"), ("desk", "Hello.")]


def test_a_sub_agent_takes_over_and_answers_the_next_message(talk):
    turns, conversation = talk(
        "run_transfer",
        """
rooms = LlmAgent(name="rooms", description="Books rooms.", model=Script(answer="A room is free."))
root_agent = LlmAgent(
    name="desk",
    model=Script(before="One moment.", call="transfer_to_agent", args={"agent_name": "rooms"}),
    sub_agents=[rooms],
)
""",
        "a room, please",
        "and tomorrow?",
    )
    completed(turns)
    assert conversation == [
        ("user", "a room, please"),
        ("desk", "One moment."),
        ("rooms", "A room is free."),
        ("user", "and tomorrow?"),
        ("rooms", "A room is free."),
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("run_sequence", "root_agent = steps"),
        ("run_loop", "root_agent = LoopAgent(name='loop', max_iterations=1, sub_agents=[steps])"),
        ("run_app", "app = App(name='app', root_agent=steps)"),
        (
            "run_resumable",
            "app = App(name='app', root_agent=steps, resumability_config=ResumabilityConfig(is_resumable=True))",
        ),
        ("run_workflow", "root_agent = Workflow(name='flow', edges=[('START', step('draft'), step('review'))])"),
    ],
)
def test_a_sequence_answers_step_by_step_in_every_turn(talk, name, code):
    turns, conversation = talk(name, IN_TWO_STEPS + code, "go", "again")
    completed(turns)
    once = [("draft", "The draft is done."), ("review", "The review is done.")]
    assert conversation == [("user", "go"), *once, ("user", "again"), *once]


def test_parallel_agents_each_give_their_own_answer(talk):
    turns, conversation = talk(
        "run_parallel",
        IN_TWO_STEPS + "root_agent = ParallelAgent(name='both', sub_agents=[step('left'), step('right')])",
        "go",
    )
    completed(turns)
    assert sorted(conversation[1:]) == [("left", "The left is done."), ("right", "The right is done.")]


def test_an_agent_as_a_tool_of_another(talk):
    turns, conversation = talk(
        "run_agent_tool",
        """
clerk = LlmAgent(name="clerk", model=Script(answer="Room 7."))
root_agent = LlmAgent(
    name="desk",
    model=Script(call="clerk", args={"request": "which room?"}, answer="The clerk says: {result}"),
    tools=[AgentTool(clerk)],
)
""",
        "which room?",
    )
    completed(turns)
    assert conversation[-1] == ("desk", "The clerk says: Room 7.")


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [("run_raises", RAISES, "the archive is closed"), ("run_exits", EXITS, "tried to end the program")],
)
def test_a_tool_that_raises_fails_only_its_turn_and_gives_the_reason(application_with, name, code, why):
    application = application_with(name, code)
    key, other = new_session(application, name), new_session(application)
    [failed, again] = finish(
        application, application.turns.submit(key, "look"), application.turns.submit(key, "look again")
    )
    [unharmed] = finish(application, application.turns.submit(other, "hello"))
    assert failed.status is again.status is TurnStatus.FAILED
    assert why in failed.error
    assert unharmed.status is TurnStatus.COMPLETED
    assert said(application, key) == [
        ("user", "look"),
        ("desk", "Let me see."),
        ("user", "look again"),
        ("desk", "Let me see."),
    ]


def test_a_tool_that_raises_can_be_reported_to_the_model(talk):
    turns, conversation = talk(
        "run_reports",
        RAISES.replace("tools=[look_up])", "tools=[look_up], on_tool_error_callback=tell)")
        .replace(
            "root_agent", "def tell(tool, args, tool_context, error):\n    return {'why': str(error)}\n\nroot_agent"
        )
        .replace("Script(", "Script(answer='Sorry: {why}.', "),
        "look",
    )
    completed(turns)
    assert conversation[-1] == ("desk", "Let me see.\n\nSorry: the archive is closed.")


LONG = """
def ask_boss():
    return {"status": "asked"}

root_agent = LlmAgent(
    name="desk", model=Script(call="ask_boss", answer="The boss was {status}."),
    tools=[LongRunningFunctionTool(ask_boss)],
)
"""


def test_a_long_running_tool_answers_with_its_interim_result(talk):
    turns, conversation = talk("run_long", LONG, "ask", "ask again")
    completed(turns)
    answer = ("desk", "The boss was asked.")
    assert conversation == [("user", "ask"), answer, ("user", "ask again"), answer]


def test_plugins_and_compaction_of_an_app_take_effect(talk):
    turns, conversation = talk(
        "run_plugin",
        """
class Marks(BasePlugin):
    async def on_user_message_callback(self, *, invocation_context, user_message):
        return types.Content(role="user", parts=[types.Part(text=user_message.parts[0].text + " (seen)")])

app = App(
    name="app",
    root_agent=LlmAgent(name="desk", model=Script(answer="Hello.")),
    plugins=[Marks(name="marks")],
    events_compaction_config=EventsCompactionConfig(
        compaction_interval=1, overlap_size=0, summarizer=LlmEventSummarizer(llm=Script(answer="They greeted."))
    ),
)
""",
        "hi",
        "hi again",
    )
    completed(turns)
    assert conversation == [("user", "hi (seen)"), ("desk", "Hello."), ("user", "hi again (seen)"), ("desk", "Hello.")]


@pytest.mark.parametrize("result", [f"'x' * {LONGEST_RESULT + 1}", f"[[1]] * {LONGEST_RESULT}"])
def test_a_result_that_no_model_can_read_is_replaced_by_an_error(talk, result):
    name = f"run_large_{'list' if '[' in result else 'text'}"
    [turn], conversation = talk(
        name,
        f"""
def look_up():
    return {{"found": {result}}}

root_agent = LlmAgent(name="desk", model=Script(call="look_up", answer="It says: {{error}}"), tools=[look_up])
""",
        "go",
    )
    completed([turn])
    assert conversation[-1][1].startswith(f"It says: The tool returned more than {LONGEST_RESULT:,} characters")


def test_an_agent_that_sets_too_much_state_fails(talk):
    [turn], _ = talk(
        "run_large_state",
        f"""
def remember(tool_context):
    tool_context.state["all"] = ["x" * 1000] * {LONGEST_RESULT // 1000 + 1}
    return "done"

root_agent = LlmAgent(name="desk", model=Script(call="remember"), tools=[remember])
""",
        "go",
    )
    assert turn.status is TurnStatus.FAILED
    assert "characters of state" in turn.error


GIVES = """
from google.adk.agents import BaseAgent
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions


def said(text, **fields):
    parts = [types.Part(text=text), *fields.pop("parts", [])]
    return Event(author="desk", content=types.Content(role="model", parts=parts), **fields)


def blob(size):
    return types.Part(inline_data=types.Blob(data=b"x" * size, mime_type="image/png"))


class Gives(BaseAgent):
    async def _run_async_impl(self, ctx):
        yield said("First. ")
        GIVEN


root_agent = Gives(name="desk")
"""


GIVEN = [
    ("yield said('x' * 3_000_000)", TurnStatus.COMPLETED, "cut off", 1_000_000),
    (
        "for _ in range(40): yield said('x' * 100_000, partial=True, id='e')",
        TurnStatus.FAILED,
        "longer answer",
        1_000_000,
    ),
    ("yield said('x' * 3_000_000, partial=True)", TurnStatus.COMPLETED, "cut off", 1_000_000),
    ("yield said('x', parts=[blob(8_000_000), blob(8_000_000)])", TurnStatus.FAILED, "10 MB of files", 1),
    ("yield Event(author='desk', output='x' * 6_000_000)", TurnStatus.FAILED, "of data at once", 0),
    ("yield said('x', custom_metadata={'a': ['x' * 6_000_000]})", TurnStatus.FAILED, "of data at once", 0),
    ("yield said('x', error_code='E', error_message='x' * 6_000_000)", TurnStatus.FAILED, "the first 4,000 of", 1),
    ("raise RuntimeError('E' * 6_000_000)", TurnStatus.FAILED, "the first 4,000 of", 0),
    (
        "for _ in range(20): yield said('x', actions=EventActions(state_delta={'a': 'x' * 900_000}))",
        TurnStatus.FAILED,
        "in one turn",
        16,
    ),
    ("for _ in range(20): yield said('', parts=[blob(900_000)])", TurnStatus.FAILED, "in one turn", 0),
]


@pytest.mark.parametrize("number", range(len(GIVEN)))
def test_agent_output_is_bounded_and_its_text_is_kept(talk, monkeypatch, number):
    monkeypatch.setattr("colloquy.runtime.turns.event_bounds.MOST_OF_A_TURN", 15_000_000)
    given, status, reason, length = GIVEN[number]

    [turn], conversation = talk(f"run_gives_{number}", GIVES.replace("GIVEN", given), "go")

    assert turn.status is status
    assert reason in turn.error
    assert len(turn.error) < 5_000
    assert conversation[1] == ("desk", "First. ")
    assert sum(text.count("x") for _, text in conversation[2:]) == length


def test_an_answer_can_be_rewound_and_retried(application_with):
    application = application_with("run_again", IN_TWO_STEPS + "root_agent = steps")
    key = new_session(application, "run_again")
    [turn] = finish(application, application.turns.submit(key, "go"))
    completed(finish(application, application.turns.retry(turn)))
    assert said(application, key) == [
        ("user", "go"),
        ("draft", "The draft is done."),
        ("review", "The review is done."),
    ]


def test_a_broken_folder_fails_the_turn_with_its_error_and_keeps_the_message(talk):
    [turn], conversation = talk("run_broken", "raise ValueError('no key')", "hi")
    assert turn.status is TurnStatus.FAILED
    assert "no key" in turn.error
    assert conversation == [("user", "hi")]


def test_conversations_of_a_deleted_folder_are_kept(application_with, tmp_path):
    application = application_with("run_gone", "root_agent = LlmAgent(name='desk', model=Script(answer='Hello.'))")
    key = new_session(application, "run_gone")
    finish(application, application.turns.submit(key, "hi"))
    application.close()

    application = open_application(tmp_path / "data")
    [turn] = finish(application, application.turns.submit(key, "still there?"))
    assert "no agent 'run_gone' any more" in turn.error
    assert said(application, key) == [("user", "hi"), ("desk", "Hello."), ("user", "still there?")]
    application.close()
