"""The catalogue of agents over HTTP."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from colloquy.agents.agent import Agent
from colloquy.api.http.etags import NOT_MODIFIED_RESPONSE, IfNoneMatch, not_modified, tag_of
from colloquy.api.http.problems import NotFoundError
from colloquy.runtime.application import current

router = APIRouter(prefix="/v1", tags=["agents"])


class PromptOut(BaseModel):
    """A suggested first message."""

    label: str
    text: str


class AgentOut(BaseModel):
    """An agent that a conversation can use."""

    id: str
    name: str
    icon: str = Field(description="An emoji, or the name of a Material symbol as `:material/name:`.")
    description: str
    source: str = Field(description="`built in`, `yours` or `ADK folder`.")
    model: str | None = Field(description="Its preferred model.")
    tools: list[str]
    workspaces: list[str] = Field(description="The kinds of workspaces that it is offered in; empty: all.")
    prompts: list[PromptOut]
    problem: str | None = Field(description="Why it cannot be used; null if it can.")

    @classmethod
    def of(cls, agent: Agent) -> AgentOut:
        """Return an agent as the API describes it."""
        return cls(
            id=agent.id,
            name=agent.name,
            icon=agent.icon,
            description=agent.description,
            source=agent.source.value,
            model=agent.model,
            tools=list(agent.tools),
            workspaces=list(agent.workspaces),
            prompts=[PromptOut(label=prompt.label, text=prompt.text) for prompt in agent.prompts],
            problem=agent.problem,
        )


class AgentsOut(BaseModel):
    """All agents in the order of the page."""

    agents: list[AgentOut]


@router.get("/agents")
def list_agents() -> AgentsOut:
    """All agents, including those that cannot be used, with the reason."""
    return AgentsOut(agents=[AgentOut.of(agent) for agent in current().agents.list()])


@router.get("/agents/{agent_id}", response_model=AgentOut, responses=NOT_MODIFIED_RESPONSE)
def get_agent(agent_id: str, response: Response, known: IfNoneMatch = None) -> AgentOut | Response:
    """One agent."""
    agent = current().agents.find(agent_id)
    if agent is None:
        raise NotFoundError("There is no agent with this id.")
    described = AgentOut.of(agent)
    tag = tag_of(described)
    response.headers["ETag"] = tag
    return not_modified(tag, known) or described
