"""ADK's Runner for one invocation with a preset id, which can change each event before it is stored; and for rewinding.

ADK generates the id of a new invocation itself, and lets plugins change events before it assigns the call ids that
tools run with. Works with google-adk 2.13, whose Runner calls the methods overridden here. Worth requesting from ADK:
an ``invocation_id`` for new invocations, and a final callback for events.
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
        """Changes an event before the callbacks of plugins see it."""

    def finish(self, event: Event, context: InvocationContext) -> Event:
        """Makes the final changes to an event before it is stored and yielded."""
        raise NotImplementedError

    def _resolve_invocation_id(
        self, session: Session, new_message: types.Content | None, invocation_id: str | None
    ) -> str | None:
        """Returns the given id.

        ADK assigns a function's response to the invocation that called it. If that invocation has ended, for example
        for a tool that runs for hours, the response starts a new invocation here.
        """
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
        """Allows a new invocation id. ADK treats a given id as one to resume if the app is resumable."""
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
    """Rewinds invocations, and keeps the state that a session was created with.

    ADK's ``rewind_async`` removes all state that no event has set, including that of ``create_session``. Worth
    reporting.
    """

    async def _compute_state_delta_for_rewind(self, session: Session, rewind_event_index: int) -> dict[str, Any]:
        delta = await super()._compute_state_delta_for_rewind(session, rewind_event_index)
        set_by_events = {name for event in session.events for name in event.actions.state_delta}
        return {name: value for name, value in delta.items() if name in set_by_events}
