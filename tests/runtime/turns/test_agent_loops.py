"""Agents that block: whatever one agent does, other agents' turns continue, and Stop ends its own."""

import asyncio
import sys
import threading

import pytest
from structlog.testing import capture_logs

from colloquy.runtime.turns.agent_loops import AgentLoops, TurnSlots
from session_store.models import TurnStatus
from tests.agents.folders import PATIENCE
from tests.support.applications import finish, new_session, open_application, said, until_loaded

GATES = {}
"""What the agents of these tests wait at, by agent name."""

CODE = f"""
from google.adk.agents import LlmAgent
from google.adk.apps.app import App
from google.adk.models import BaseLlm, LlmResponse
from google.adk.plugins.base_plugin import BasePlugin
from google.genai import types
from tests.runtime.turns.test_agent_loops import GATES


def wait():
    gate, begun = GATES[__name__.split(".")[0]]
    begun.release()
    assert gate.wait({PATIENCE})


async def wait_on_the_loop():
    wait()


async def callback(callback_context):
    wait()


class Plugin(BasePlugin):
    async def on_event_callback(self, *, invocation_context, event):
        wait()


class Calling(BaseLlm):
    tool: str = ""
    times: int = 1

    async def generate_content_async(self, llm_request, stream=False):
        last = llm_request.contents[-1].parts[-1]
        if self.tool == "none":
            wait()
        elif self.tool and not last.function_response:
            call = types.Part(function_call=types.FunctionCall(name=self.tool, args={{}}))
            yield LlmResponse(content=types.Content(role="model", parts=[call] * self.times))
            return
        yield LlmResponse(content=types.Content(role="model", parts=[types.Part(text="Done.")]))


def agent(tool="", times=1, **more):
    model = Calling(model="m", tool=tool, times=times)
    return LlmAgent(name="desk", model=model, tools=[wait, wait_on_the_loop], **more)


"""

PLACES = {
    "in_a_tool": "root_agent = agent('wait_on_the_loop')",
    "in_a_callback": "root_agent = agent(before_agent_callback=callback)",
    "in_a_plugin": "app = App(name='desk', root_agent=agent(), plugins=[Plugin('waiting')])",
    "in_a_model": "root_agent = agent('none')",
}


@pytest.fixture
def application_with(agent_folder, tmp_path):
    """An application with agents that wait at their gates."""
    opened = []

    def open_with(**agents):
        for name, code in agents.items():
            GATES[name] = threading.Event(), threading.Semaphore(0)
            agent_folder(name, CODE + code)
        application = open_application(tmp_path / "data", agents_dir=agent_folder.parent, max_turns=2)
        opened.append(application)
        until_loaded(application)
        return application

    with capture_logs():
        yield open_with
        for gate, _ in GATES.values():
            gate.set()
        for application in opened:
            application.close()
        GATES.clear()


def ask(application, agent):
    key = new_session(application, agent)
    return application.turns.submit(key, "go")


def begun(agent):
    return GATES[agent][1].acquire(timeout=PATIENCE)


@pytest.mark.parametrize("place", PLACES)
def test_an_agent_that_blocks_its_event_loop_delays_no_other_agent_and_can_be_stopped(
    application_with, monkeypatch, place
):
    monkeypatch.setattr("colloquy.runtime.turns.execution.LET_GO", 0.2)
    name = f"blocks_{place}"
    application = application_with(**{name: PLACES[place]})
    blocked = ask(application, name)
    assert begun(name)
    [unharmed] = finish(application, application.turns.submit(new_session(application), "hello"))
    assert unharmed.status is TurnStatus.COMPLETED

    application.turns.stop(blocked.id)
    assert application.store.turns.get(blocked.id).status is TurnStatus.STOPPED
    left = said(application, blocked.key)

    again = ask(application, name)  # while the code of the stopped turn still waits
    assert begun(name)
    GATES[name][0].set()
    assert finish(application, again)[0].status is TurnStatus.COMPLETED
    until_gone(application, f"agent {name}", most=1)
    assert said(application, blocked.key) == left


def until_gone(application, name, *, most):
    """Wait until at most this many threads have this name."""
    for _ in range(1000):
        alive = [thread for thread in threading.enumerate() if thread.name == name]
        if len(alive) <= most:
            return
        alive[0].join(0.05)
    raise AssertionError(f"{len(alive)} threads called {name}")


def test_a_turn_about_to_start_on_an_abandoned_loop_starts_on_the_next_loop(application_with, monkeypatch):
    monkeypatch.setattr("colloquy.runtime.turns.execution.LET_GO", 0.2)
    application = application_with(loses_its_loop=PLACES["in_a_callback"])
    blocked = ask(application, "loses_its_loop")
    assert begun("loses_its_loop")
    update_turn, is_loop_gone = application.store.turns.update, threading.Event()

    def update_late(turn_id, **fields):
        assert turn_id == blocked.id or is_loop_gone.wait(PATIENCE)
        update_turn(turn_id, **fields)

    monkeypatch.setattr(application.store.turns, "update", update_late)
    second = ask(application, "loses_its_loop")
    application.turns.stop(blocked.id)
    GATES["loses_its_loop"][0].set()
    until_gone(application, "agent loses_its_loop", most=0)
    is_loop_gone.set()
    assert finish(application, second)[0].status is TurnStatus.COMPLETED


def test_each_agent_has_its_own_threads(application_with, monkeypatch):
    monkeypatch.setattr("colloquy.runtime.turns.execution.TOOL_THREADS", 2)
    application = application_with(
        takes_all="root_agent = agent('wait', times=4)", takes_one="root_agent = agent('wait')"
    )
    blocked = ask(application, "takes_all")
    assert begun("takes_all")
    assert begun("takes_all")
    GATES["takes_one"][0].set()
    assert finish(application, ask(application, "takes_one"))[0].status is TurnStatus.COMPLETED

    assert not GATES["takes_all"][1].acquire(blocking=False)  # the other two calls wait for a thread
    application.turns.stop(blocked.id)
    assert application.store.turns.get(blocked.id).status is TurnStatus.STOPPED


def test_an_agent_whose_turns_never_end_leaves_room_for_others(application_with):
    application = application_with(takes_places="root_agent = agent('wait')")
    for _ in range(2):
        ask(application, "takes_places")
        assert begun("takes_places")
    third = ask(application, "takes_places")
    for _ in range(2):
        [unharmed] = finish(application, application.turns.submit(new_session(application), "hello"))
        assert unharmed.status is TurnStatus.COMPLETED
    assert application.turns.live(third.key)[0].status is TurnStatus.QUEUED
    GATES["takes_places"][0].set()
    assert finish(application, third)[0].status is TurnStatus.COMPLETED


def test_with_a_limit_of_one_turn_the_next_turn_of_any_agent_waits():
    async def begins(places):
        async with places.place("one"):
            waiting = asyncio.ensure_future(places.place("two").__aenter__())
            begun, _ = await asyncio.wait([waiting], timeout=0)
            waiting.cancel()
        async with asyncio.timeout(PATIENCE), places.place("three"):  # a waiter that gave up is forgotten
            return bool(begun)

    assert not asyncio.run(begins(TurnSlots(1)))


def test_a_computing_thread_soon_lets_other_threads_run():
    sys.setswitchinterval(0.005)
    AgentLoops()
    assert sys.getswitchinterval() <= 0.001


def test_the_app_shuts_down_while_an_agent_blocks(application_with, monkeypatch):
    monkeypatch.setattr("colloquy.runtime.turns.execution.LET_GO", 0.2)
    application = application_with(blocks_the_end=PLACES["in_a_tool"])
    blocked = ask(application, "blocks_the_end")
    assert begun("blocks_the_end")
    application.turns.close()
    assert application.store.turns.get(blocked.id).status is TurnStatus.INTERRUPTED
