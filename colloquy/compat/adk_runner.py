"""ADK's Runner for one invocation whose id is chosen beforehand, with a place to change each event before it is kept;
and for rewinding.

ADK gives a new invocation an id of its own, and lets plugins change events before it gives calls the ids that tools run
with. Holds for google-adk 2.13, whose Runner calls the methods overridden here. Worth asking ADK for: an
``invocation_id`` for new invocations, and a last callback for events.
"""

from __future__ import annotations

import asyncio
from typing import Any

from google.adk.agents.invocation_context import InvocationContext
from google.adk.agents.run_config import RunConfig
from google.adk.apps.app import App
from google.adk.artifacts import BaseArtifactService
from google.adk.events.event import Event
from google.adk.runners import Runner
from google.adk.sessions import BaseSessionService, Session
from google.genai import types


class InvocationRunner(Runner):
    """Runs one invocation."""

    def __init__(
        self,
        invocation_id: str,
        *,
        app: App,
        app_name: str,
        session_service: BaseSessionService,
        artifact_service: BaseArtifactService,
    ) -> None:
        super().__init__(app=app, app_name=app_name, session_service=session_service, artifact_service=artifact_service)
        self._invocation_id = invocation_id

    def before_plugins(self, event: Event, context: InvocationContext) -> None:
        """Change an event before the callbacks of plugins see it."""

    def finish(self, event: Event, context: InvocationContext) -> Event:
        """The last that is done to an event before it is kept and given out."""
        raise NotImplementedError

    def _resolve_invocation_id(
        self, session: Session, new_message: types.Content | None, invocation_id: str | None
    ) -> str | None:
        """ADK takes the response of a function into the invocation that called it. That of an invocation that is over,
        say of a tool that runs for hours, sets off one of its own."""
        del session, new_message
        return invocation_id

    def _resolve_invocation_id_from_fr(
        self, session: Session, new_message: types.Content, *, strict: bool = True
    ) -> str | None:
        del strict
        resolved = super()._resolve_invocation_id_from_fr(session, new_message, strict=False)
        return resolved if resolved == self._invocation_id else None

    async def _setup_context_for_resumed_invocation(
        self,
        *,
        session: Session,
        new_message: types.Content | None,
        invocation_id: str,
        run_config: RunConfig,
        state_delta: dict[str, Any] | None,
        abort_signal: asyncio.Event | None = None,
    ) -> InvocationContext:
        """ADK takes an id that it was given for one to resume, if the app is resumable. Here it may be a new one."""
        if new_message and all(event.invocation_id != invocation_id for event in session.events):
            return await self._setup_context_for_new_invocation(
                session=session,
                new_message=new_message,
                invocation_id=invocation_id,
                run_config=run_config,
                state_delta=state_delta,
                abort_signal=abort_signal,
            )
        return await super()._setup_context_for_resumed_invocation(
            session=session,
            new_message=new_message,
            invocation_id=invocation_id,
            run_config=run_config,
            state_delta=state_delta,
            abort_signal=abort_signal,
        )

    async def _process_event_with_plugin_callbacks(
        self, *, invocation_context: InvocationContext, event: Event
    ) -> Event:
        self.before_plugins(event, invocation_context)
        event = await super()._process_event_with_plugin_callbacks(invocation_context=invocation_context, event=event)
        return self.finish(event, invocation_context)


class RewindRunner(Runner):
    """Takes invocations back, and keeps the state that a session begins with.

    ADK's ``rewind_async`` takes away all state that no event has set, that of ``create_session`` included. Worth
    reporting.
    """

    async def _compute_state_delta_for_rewind(self, session: Session, rewind_event_index: int) -> dict[str, Any]:
        delta = await super()._compute_state_delta_for_rewind(session, rewind_event_index)
        set_by_events = {name for event in session.events for name in event.actions.state_delta}
        return {name: value for name, value in delta.items() if name in set_by_events}
