"""The catalogue of agents over HTTP."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agents.agent import Agent
from runtime.workbench import current


async def _list(_: Request) -> JSONResponse:
    """All agents in the order of the page, those that cannot be used with the reason."""
    return JSONResponse(
        {"agents": await run_in_threadpool(lambda: [_described(one) for one in current().agents.list()])}
    )


def _described(agent: Agent) -> dict[str, Any]:
    return {
        "id": agent.id,
        "name": agent.name,
        "icon": agent.icon,
        "description": agent.description,
        "source": agent.source.value,
        "model": agent.model,
        "tools": list(agent.tools),
        "workspaces": list(agent.workspaces),
        "prompts": [{"label": prompt.label, "text": prompt.text} for prompt in agent.prompts],
        "problem": agent.problem,
    }


routes = [Route("/api/v1/agents", _list)]
