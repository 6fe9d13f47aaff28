"""An ADK agent folder on the scripted model, with tools that ask the user, take long, or fail."""

from session_store.transcripts.transcript import ASKS

HEAD = """
import threading
from google.adk.agents import LlmAgent, ParallelAgent, SequentialAgent
from google.adk.apps.app import App, ResumabilityConfig
from google.adk.tools import AgentTool, FunctionTool, LongRunningFunctionTool, ToolContext
from google.adk.workflow import Workflow
from tests.support.scripted import ScriptedModel

ran = []


def pay(amount: int) -> dict:
    \"\"\"Pays.\"\"\"
    ran.append(amount)
    return {"paid": amount}


def book(days: int, tool_context: ToolContext) -> dict:
    \"\"\"Books leave.\"\"\"
    if not tool_context.tool_confirmation:
        tool_context.request_confirmation(hint=f"Book {days} days?")
        return {"status": "asked"}
    if not tool_context.tool_confirmation.confirmed:
        return {"status": "not booked"}
    ran.append(days)
    return {"booked": days}


def look_up() -> dict:
    \"\"\"Looks up.\"\"\"
    return {"found": 7}


def fail_after() -> dict:
    \"\"\"Fails.\"\"\"
    raise LookupError("the archive is closed")


def breaks() -> dict:
    \"\"\"Fails at once.\"\"\"
    raise LookupError("the archive is closed")


def ticket() -> None:
    \"\"\"Opens a ticket that somebody works on for days.\"\"\"


def order() -> dict:
    \"\"\"Orders something that arrives later.\"\"\"
    return {"status": "pending", "ticket": 12}


def hang() -> dict:
    \"\"\"Never answers.\"\"\"
    threading.Event().wait()


tools = [
    FunctionTool(pay, require_confirmation=True),
    book,
    look_up,
    breaks,
    FunctionTool(fail_after, require_confirmation=True),
    FunctionTool(hang, require_confirmation=True),
    LongRunningFunctionTool(ticket),
    LongRunningFunctionTool(order),
]
clerk = LlmAgent(name="clerk", model=ScriptedModel(), tools=tools)
"""

PLAIN = HEAD + "root_agent = clerk\n"

RESUMABLE = (
    HEAD + "app = App(name={name!r}, root_agent=clerk, resumability_config=ResumabilityConfig(is_resumable=True))\n"
)

WITH_SUB_AGENT = HEAD + "root_agent = LlmAgent(name='front', model=ScriptedModel(), sub_agents=[clerk])\n"

IN_SEQUENCE = HEAD + (
    "root_agent = SequentialAgent(name='steps', sub_agents=[clerk, LlmAgent(name='after', model=ScriptedModel())])\n"
)

IN_PARALLEL = HEAD + (
    "root_agent = ParallelAgent(name='both', sub_agents=[clerk, LlmAgent(name='other', model=ScriptedModel(),"
    " tools=[FunctionTool(pay, require_confirmation=True)])])\n"
)

AS_TOOL = HEAD + "root_agent = LlmAgent(name='front', model=ScriptedModel(), tools=[AgentTool(clerk)])\n"

WORKFLOW = HEAD + "root_agent = Workflow(name='flow', edges=[('START', clerk)])\n"


def asked(application, key):
    """The ids of the asking calls, by the names of the tools they ask about."""
    return {
        call.args["originalFunctionCall"]["name"]: call.id
        for event in events(application, key)
        for call in event.get_function_calls()
        if call.name == ASKS
    }


def events(application, key):
    return [stored.event for stored in application.store.events.list(key, limit=1000)]
