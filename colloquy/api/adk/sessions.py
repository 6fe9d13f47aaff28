"""The application's sessions, as ADK clients read and change them."""

from __future__ import annotations

import asyncio
from typing import Any

from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event
from google.adk.sessions import BaseSessionService, Session
from google.adk.sessions.base_session_service import GetSessionConfig, ListSessionsResponse

from colloquy.api.adk.checks import check_content, check_id, check_name, check_state
from colloquy.runtime.application import Application
from colloquy.runtime.artifacts import Artifacts, Rest
from session_store.compat.adk import StaleSessionError
from session_store.json_safe import as_json
from session_store.models import SessionKey


class QuietSessions(BaseSessionService):
    """Delegates to the application's session service. Changes to a session neither wait for turns nor disturb them."""

    def __init__(self, application: Application) -> None:
        self._turns = application.turns
        self._sessions = application.sessions

    async def create_session(
        self, *, app_name: str, user_id: str, state: dict[str, Any] | None = None, session_id: str | None = None
    ) -> Session:
        """Create a session.

        Raises:
            AlreadyExistsError: the ID is in use.
            InputValidationError: the session could not be stored or returned.
        """
        check_id("user", user_id)
        check_id("session", session_id or "")
        check_state(state)
        return await self._sessions.create_session(
            app_name=app_name, user_id=user_id, state=state, session_id=session_id
        )

    async def get_session(
        self, *, app_name: str, user_id: str, session_id: str, config: GetSessionConfig | None = None
    ) -> Session | None:
        """Return the session with its events; None if it does not exist."""
        session = await self._sessions.get_session(
            app_name=app_name, user_id=user_id, session_id=session_id, config=config
        )
        return session and _told(session)

    async def list_sessions(self, *, app_name: str, user_id: str | None = None) -> ListSessionsResponse:
        """Return sessions without their events."""
        listed = await self._sessions.list_sessions(app_name=app_name, user_id=user_id)
        return ListSessionsResponse(sessions=[_told(session) for session in listed.sessions])

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """Stop whatever runs in the session, and permanently delete it with everything that belongs to it."""
        await asyncio.to_thread(self._turns.end_all, SessionKey(app_name, user_id, session_id.strip()))
        await self._sessions.delete_session(app_name=app_name, user_id=user_id, session_id=session_id)

    async def append_event(self, session: Session, event: Event) -> Event:
        """Append an event between turns.

        Raises:
            SessionBusyError: a turn of the session is running or waiting, so the session must not change.
            SessionNotFoundError: the session was deleted in the meantime.
            InputValidationError: the event could not be stored or returned.
        """
        check_state(event.actions.state_delta)
        check_content(event.content)
        return await asyncio.to_thread(self._append_between_turns, session, event)

    def _append_between_turns(self, session: Session, event: Event) -> Event:
        with self._turns.without_turns(SessionKey(session.app_name, session.user_id, session.id)):
            return asyncio.run(self._append(session, event))

    async def _append(self, session: Session, event: Event) -> Event:
        try:
            return await self._sessions.append_event(session, event)
        except StaleSessionError:  # a turn has ended since the session was read
            fresh = await self._sessions.get_session(
                app_name=session.app_name, user_id=session.user_id, session_id=session.id
            )
            if fresh is None:
                raise SessionNotFoundError(f"Session not found: {session.id}") from None
            appended = await self._sessions.append_event(fresh, event)
            session.events, session.state = fresh.events, fresh.state
            session.last_update_time = fresh.last_update_time
            return appended


def told_event(event: Event) -> Event:
    """Return an event in a form fit for clients: NaN and infinity in its state, which JSON lacks, become words."""
    delta = event.actions.state_delta
    words = as_json(delta) if delta else delta
    if words == delta:
        return event
    return event.model_copy(update={"actions": event.actions.model_copy(update={"state_delta": words})})


def _told(session: Session) -> Session:
    return session.model_copy(
        update={"state": as_json(session.state), "events": [told_event(event) for event in session.events]}
    )


class NamedArtifacts(Artifacts):
    """The application's artifact service, restricted to names that files can have."""

    def __init__(self, artifacts: Artifacts) -> None:
        super().__init__(artifacts.root_dir)

    async def save_artifact(self, *, app_name: str, user_id: str, session_id: str | None = None, **more: Rest) -> int:
        """Store a version of a file. Raises InputValidationError for a name that no file can have."""
        check_name(more["filename"])
        return await super().save_artifact(app_name=app_name, user_id=user_id, session_id=session_id, **more)
