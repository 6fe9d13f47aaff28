"""The ADK Runner of one turn."""

from __future__ import annotations

import asyncio

from google.adk.agents import BaseAgent, LlmAgent
from google.adk.agents.invocation_context import InvocationContext
from google.adk.apps.app import App
from google.adk.events.event import Event
from google.adk.models import Gemini
from google.adk.runners import Runner

from colloquy.agents.agent import Agent, AgentContext
from colloquy.agents.data.history_scope import scope_in_words
from colloquy.agents.models.pacing import pace_models
from colloquy.agents.models.provider import CONNECTION_ENDED
from colloquy.agents.toolsets import DATA, HISTORY
from colloquy.compat.adk_runner import InvocationRunner, RewindRunner
from colloquy.runtime.attachments import MEGABYTE
from colloquy.runtime.results import TurnSink
from colloquy.runtime.services import Services
from colloquy.runtime.turns.abnormal_endings import storable_event
from colloquy.runtime.turns.event_bounds import EmittedLimits
from colloquy.runtime.turns.live import LiveTurn
from colloquy.runtime.turns.plugins import CallsOfCutAnswers, LargeResults, UnreadFiles
from session_store.history.filters import HistoryFilter
from session_store.json_safe import mend, split_off_half
from session_store.models import Turn
from session_store.transcripts.call_ids import CallIds, tell_loose
from session_store.transcripts.parts import USER

BROKEN_OFF = "The connection to Gemini ended before the answer was complete. Send the message again."


class TurnRunner(InvocationRunner):
    """The Runner of one turn. The turn's id is the invocation id of everything that it runs."""

    def __init__(self, live: LiveTurn, app: App, services: Services) -> None:
        pace_models()
        super().__init__(
            live.turn.id,
            app=app,
            app_name=live.turn.key.app_name,  # an agent folder may name its app differently
            session_service=services.sessions,
            artifact_service=services.artifacts,
        )
        self._live = live
        self._limits = EmittedLimits(services.settings.answer_characters, services.settings.attachment_mb * MEGABYTE)
        self._halves: dict[str, str] = {}
        """Leading halves of surrogate pairs whose other half comes with the next chunk, by event id."""
        self._call_ids: CallIds | None = None

    def before_plugins(self, event: Event, context: InvocationContext) -> None:
        """Give every call its own id, because models reuse ids. ADK runs the calls afterwards, with these ids."""
        if not event.partial and event.author != USER:
            self._call_ids = self._call_ids or CallIds(context.session.events)
            tell_loose(event, self._call_ids.settle(event))

    def finish(self, event: Event, context: InvocationContext) -> Event:
        """Limit and mend an event: ADK lets agents, plugins and models give an event an id that is in use, and end an
        answer with an event that has none of its text."""
        if self._live.is_given_up:
            raise asyncio.CancelledError
        self._limits.apply(event)
        if event.partial:
            self._join(event)
        mend(event)
        if event.partial:
            return event
        if _is_broken_off(event, context.agent):
            event.error_code, event.error_message = CONNECTION_ENDED, BROKEN_OFF
        return storable_event(event, self._live.streamed_parts(event.id), {kept.id for kept in context.session.events})

    def _join(self, chunk: Event) -> None:
        """Move half a character from the end of a chunk to the beginning of the next one."""
        parts = (chunk.content.parts if chunk.content else None) or []
        with_text = [place for place, part in enumerate(parts) if part.text]
        if not with_text or not chunk.content:
            return
        before = self._halves.pop(chunk.id, "")
        text, half = split_off_half(parts[with_text[-1]].text or "")
        if half:
            self._halves[chunk.id] = half
        if before or half:  # the parts may belong to the model
            parts = [part.model_copy() for part in parts]
            parts[with_text[-1]].text = text
            parts[with_text[0]].text = before + (parts[with_text[0]].text or "")
            chunk.content = chunk.content.model_copy(update={"parts": parts})


def runner_for(live: LiveTurn, services: Services) -> Runner:
    """Return what runs a turn: its session's agent, with the turn's model unless the agent brings its own.

    Blocks while the data of the session's workspace is prepared: do not call it on the event loop.

    Raises:
        UnknownAgentError, AgentProblemError: the agent is gone or broken.
        DataError, SecretsError: the workspace's connection cannot be used.
    """
    turn = live.turn
    agent = services.agents.get(turn.key.app_name)
    models, model, info = services.models, None, None
    if agent.chooses_model and not agent.problem:
        session = services.store.sessions.find(turn.key)
        chosen = turn.model or (session and session.model)  # a query has none, but its follow-up may ask one
        info = models.info(chosen) if chosen else models.default()
        model = models.llm_when_asked(info.id)
    app = agent.app(model, _agent_context(turn, agent, services, calls_tools=info is None or info.calls_tools))
    unread = [UnreadFiles(info)] if info else []
    app = app.model_copy(update={"plugins": [CallsOfCutAnswers(), LargeResults(), *app.plugins, *unread]})
    return TurnRunner(live, app, services)


def _is_broken_off(event: Event, root: object) -> bool:
    """Whether an event is an answer of Gemini without a finish reason, which Gemini gives with every answer. What a
    callback made has no model version."""
    if event.finish_reason or event.error_code or not event.model_version or not isinstance(root, BaseAgent):
        return False
    author = root.root_agent.find_agent(event.author)
    return isinstance(author, LlmAgent) and isinstance(author.canonical_model, Gemini)


def rewinder_for(app_name: str, services: Services) -> RewindRunner:
    """Return what takes turns back. It runs no agent, so it works even if the agent or its model does not."""
    return RewindRunner(
        app_name=app_name,
        agent=BaseAgent(name="rewinder"),
        session_service=services.sessions,
        artifact_service=services.artifacts,
    )


def _agent_context(turn: Turn, agent: Agent, services: Services, *, calls_tools: bool) -> AgentContext:
    settings = services.settings
    session = services.store.sessions.find(turn.key)
    asks_history = HISTORY in agent.tools
    scope = services.history_scope(turn.key) if asks_history else None
    return AgentContext(
        sink=TurnSink(services.results, turn),
        data=services.workspaces.database(session.workspace_id) if session and DATA in agent.tools else None,
        history=services.workspaces.history(scope) if asks_history else None,
        scope=tuple(_words_of(services, scope)) if scope else (),
        bounds=services.bounds,
        messages=settings.context_messages,
        compaction=settings.compaction,
        calls_tools=calls_tools,
    )


def _words_of(services: Services, scope: HistoryFilter) -> list[str]:
    """Describe a scope in phrases for an agent, with the names of workspaces and times in UTC."""
    names = {workspace.id: workspace.name for workspace in services.store.workspaces.list()}
    return scope_in_words(scope, workspace=lambda one: names.get(one, one))
