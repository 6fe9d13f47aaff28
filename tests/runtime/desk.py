"""An ADK agent folder whose tools ask the person, take long, or fail; on the scripted model."""

HEAD = """
import threading
from google.adk.agents import LlmAgent, SequentialAgent
from google.adk.apps.app import App, ResumabilityConfig
from google.adk.tools import FunctionTool, LongRunningFunctionTool, ToolContext
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
