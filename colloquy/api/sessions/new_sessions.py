"""Creates sessions for API clients, with the agents and models that they choose."""

from __future__ import annotations

from colloquy.agents.agent import Agent, AgentProblemError, UnknownAgentError
from colloquy.api.http.lookup import session_named
from colloquy.api.http.problems import NotFoundError
from colloquy.api.http.values import Body, Id, Title, is_new_id
from colloquy.runtime.application import Application, current
from session_store.errors import UnknownWorkspaceError
from session_store.models import SessionSummary, Workspace

DATA_ANALYST = "data_analyst"
"""The agent of a new session in a workspace with data, if the client chose none."""


class NewSession(Body):
    """A session to create. Omitted fields have the defaults of a new chat on the page."""

    title: Title | None = None
    agent_id: Id | None = None
    model: Id | None = None


def new_session(
    *,
    agent: str | None = None,
    model: str | None = None,
    workspace_id: str,
    session_id: str | None = None,
    title: str | None = None,
) -> SessionSummary:
    """Create a session. Whatever is None is chosen as for a new chat on the page.

    ``agent`` is the ID or name of an agent; ``session_id`` an ID that the client chose.

    Raises:
        UnknownAgentError, AgentProblemError, ModelUnavailableError, UnknownWorkspaceError
        AlreadyExistsError: the ID was used before.
    """
    application = current()
    workspace = application.store.workspaces.get(workspace_id)
    if workspace is None:
        raise UnknownWorkspaceError(f"There is no workspace {workspace_id!r}.")
    chosen = _agent(application, agent, workspace)
    session = application.create_session(
        agent_id=chosen.id,
        model=_model(application, model, chosen),
        workspace_id=workspace_id,
        session_id=session_id,
    )
    if not title:
        return session
    application.rename_session(session.key, title)
    return session_named(session.key.session_id)


def is_unused(session_id: str) -> bool:
    """Whether a client may create a session with this ID: a UUID that no session has or had."""
    return is_new_id(session_id) and not current().store.sessions.is_known(session_id)


def session_to_go_on(session_id: str) -> SessionSummary:
    """Return the existing session with this ID, which no new session can get.

    Raises:
        NotFoundError: it does not exist, or no longer.
    """
    try:
        return session_named(session_id)
    except NotFoundError:
        if is_new_id(session_id):
            raise
        raise NotFoundError(
            "There is no conversation with this id. The id of a new one must be a UUID of version 4 in lower case."
        ) from None


def _agent(application: Application, wanted: str | None, workspace: Workspace) -> Agent:
    agents = application.agents
    if wanted is None:
        analyst = agents.find(DATA_ANALYST) if workspace.connection else None
        return analyst if analyst and not analyst.problem else agents.default()
    by_name = (agent for agent in agents.list() if agent.name.casefold() == wanted.casefold())
    found = agents.find(wanted) or next(by_name, None)
    if found is None:
        raise UnknownAgentError(f"There is no agent {wanted!r}. GET /api/v1/agents lists the available ones.")
    if found.problem:
        raise AgentProblemError(found.problem)
    return found


def _model(application: Application, wanted: str | None, agent: Agent) -> str:
    if wanted is not None:
        application.require_model(wanted)
        return wanted
    preferred = application.models.info(agent.model) if agent.model else None
    return preferred.id if preferred and preferred.available else application.models.default().id
