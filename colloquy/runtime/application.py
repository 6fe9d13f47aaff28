"""The running application: every action of pages and the API, and the parts that carry them out."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import structlog
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.sessions import BaseSessionService

from colloquy.agents.adk_folders import AdkFolders
from colloquy.agents.catalogue import AgentCatalogue
from colloquy.agents.data.own_files import OwnFiles
from colloquy.agents.models import ModelCatalogue, ModelUnavailableError
from colloquy.runtime.active import ActiveSession, ActiveSessionRegistry
from colloquy.runtime.artifacts import Artifacts
from colloquy.runtime.bus import NO_SESSION, BusEvent, EventBus, EventKind
from colloquy.runtime.imports import Imports
from colloquy.runtime.recording import Compose, record
from colloquy.runtime.reruns import Reruns
from colloquy.runtime.results import Results
from colloquy.runtime.retention import Daily, RetentionPreview, preview, remove
from colloquy.runtime.services import Services
from colloquy.runtime.sessions import SessionFiles, Sessions
from colloquy.runtime.transcripts.logs import TranscriptLogs
from colloquy.runtime.turns.messages import SessionGoneError
from colloquy.runtime.turns.turns import Turns
from colloquy.runtime.workspaces.passwords import FILE as SECRETS
from colloquy.runtime.workspaces.passwords import Secrets
from colloquy.runtime.workspaces.workspaces import Workspaces
from colloquy.settings import Settings
from session_store import Store
from session_store.files import make_private
from session_store.history.queries import NamedQuery
from session_store.models import GENERAL, Result, SessionKey, SessionSummary, StoredEvent, TitleSource
from session_store.prices import FILE_NAME as PRICES
from session_store.prices import keep_prices
from session_store.snapshots.folder import FOLDER as SNAPSHOTS
from session_store.snapshots.folder import SnapshotFolder
from session_store.snapshots.snapshot import Progress, SnapshotForm, SnapshotInfo

DATABASE = "colloquy.duckdb"
PERSONAS = "personas"
ARTIFACTS = "artifacts"
INCOMING = "incoming"
SAMPLES = "samples"
TRANSCRIPTS = "transcripts"
DEMO = "demo"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Application:
    """The parts that pages and the REST API work with."""

    settings: Settings
    store: Store
    sessions: BaseSessionService
    agents: AgentCatalogue
    models: ModelCatalogue
    bus: EventBus
    turns: Turns
    workspaces: Workspaces
    artifacts: Artifacts
    files: SessionFiles
    active: ActiveSessionRegistry
    services: Services
    imports: Imports
    reruns: Reruns
    snapshots: SnapshotFolder
    daily: Daily

    @classmethod
    def open(cls, settings: Settings, models: ModelCatalogue | None = None) -> Application:
        """Open the data folder and start running turns. ``models`` is the catalogue to use instead of the default one.

        Raises:
            StoreError: the data folder cannot be used; says why and what to do.
        """
        data = settings.data_dir
        own = own_files(data)
        if problem := make_private(data, own.is_own):
            log.warning(problem)
        store, bus = Store(data / DATABASE), EventBus()
        if store.notice:
            log.warning(store.notice)
        transcripts = TranscriptLogs(data / TRANSCRIPTS, store, enabled=settings.transcript_logs)
        files = SessionFiles(Artifacts(data / ARTIFACTS), transcripts)
        active = ActiveSessionRegistry(store, bus)
        files.delete(store.sessions.purge_deleted(older_than=settings.undo_seconds))
        # Left by a process that died in between.
        files.artifacts.delete_files(store.sessions.gone(files.artifacts.sessions()))
        folders = AdkFolders(settings.agents_dir) if settings.agents_dir else None
        services = Services(
            settings=settings,
            store=store,
            sessions=Sessions(store, bus, active, files),
            artifacts=files.artifacts,
            agents=AgentCatalogue(data / PERSONAS, folders),
            models=models or ModelCatalogue(settings),
            bus=bus,
            workspaces=Workspaces(store, Secrets(data / SECRETS), data / SAMPLES, bus, own),
            results=Results(store, bus),
            active=active,
            transcripts=transcripts,
        )
        if folders:
            folders.load()
        for turn in store.turns.unfinished():
            active.add(turn.key, turn.id)
        turns = Turns(services, max_turns=settings.max_turns)
        turns.start()
        application = cls(
            settings=settings,
            store=store,
            sessions=services.sessions,
            agents=services.agents,
            models=services.models,
            bus=bus,
            turns=turns,
            workspaces=services.workspaces,
            artifacts=files.artifacts,
            files=files,
            active=active,
            services=services,
            imports=Imports(store, bus, incoming=data / INCOMING, files=data / ARTIFACTS),
            reruns=Reruns(services),
            snapshots=SnapshotFolder(store.snapshots, data),
            daily=Daily(),
        )
        if settings.retention_days:
            application.daily.start(application.do_daily_work)
        return application

    def create_session(
        self,
        *,
        agent_id: str,
        model: str,
        workspace_id: str = GENERAL,
        state: Mapping[str, Any] | None = None,
        session_id: str | None = None,
    ) -> SessionSummary:
        """Create an empty session for this app's user. ``state`` is its initial ADK state. ``session_id`` is used
        instead of a new id, unless a session has ever had it.

        Raises:
            UnknownAgentError, WorkspaceError: there is no such agent, or no such workspace.
            AlreadyExistsError: the id is in use, or belonged to a session that was deleted.
        """
        agent = self.agents.get(agent_id)
        if session_id is not None and self.store.sessions.is_known(session_id):
            raise AlreadyExistsError(f"There is, or was, a session with the id {session_id}.")
        key = SessionKey(agent.id, self.settings.user, session_id or str(uuid.uuid4()))
        session = self.store.sessions.create(
            key, model=model if agent.chooses_model else None, workspace_id=workspace_id, state=state
        )
        self.workspaces.warm(workspace_id)
        self.active.created(key)
        return session

    def branch_session(self, key: SessionKey, event_id: str) -> SessionSummary:
        """Create a session that continues from an event of another one, with everything that was said up to it.

        Raises:
            HistoryError: there is no such session, or no such event in it.
        """
        branch = self.store.sessions.branch(key, event_id, str(uuid.uuid4()))
        self.artifacts.copy(key, branch.key)
        self.active.created(branch.key)
        return branch

    def terminate_sessions(self, keys: Sequence[SessionKey]) -> None:
        """End sessions: stop what runs in them, withdraw what waits, and mark them. A new message reopens a session.

        Raises:
            StoreFullError, StoreNotWritableError: they could not be marked, and everything goes on.
        """
        self.store.sessions.terminate(keys)
        stopped = set[str]().union(*(self.turns.end_all(key) for key in keys))
        with self.turns.submissions_blocked():
            for key in keys:
                self.turns.end_all(key, but=stopped)  # what arrived meanwhile
            self.store.sessions.terminate(keys)  # a turn that began in between has reopened its session
        self.files.transcripts.finish(keys, "terminated")
        for key in keys:
            self.bus.publish(BusEvent(EventKind.SESSION_TERMINATED, key))
        self.active.remove(keys)
        self._list_changed(keys)

    def dismiss_sessions(self, keys: Sequence[SessionKey]) -> None:
        """Take sessions off the list of those at work until they get a message. Nothing else about them changes."""
        self.active.remove(keys)
        self._list_changed(keys)

    def active_sessions(self) -> list[ActiveSession]:
        """Return the sessions at work: those that were created or got a message since the app started, or had
        unfinished turns then, except those that were terminated, dismissed or deleted. Newest activity first."""
        return self.active.list()

    @property
    def active_session_id(self) -> str | None:
        """The id of the session in front: the one switched to last."""
        return self.active.current

    def switch_active(self, session_id: str) -> None:
        """Put a session in front. Raises SessionGoneError if no session has this id."""
        session = self.store.sessions.get(session_id)
        if session is None:
            raise SessionGoneError
        self.active.switch(session.key)

    def rename_session(self, key: SessionKey, title: str, source: TitleSource = TitleSource.PERSON) -> None:
        """Give a session a title. A title from a person can only be changed by a person, or by a model that was asked
        for a title. A blank title is ignored."""
        if title.strip() and self.store.sessions.rename(key, title.strip(), source, asked_for=True):
            self._list_changed([key])

    def set_model(self, key: SessionKey, model_id: str) -> None:
        """Choose the model for a session's next turns.

        Raises:
            ModelUnavailableError: it cannot be used.
        """
        self.require_model(model_id)
        self.store.sessions.set_model(key, model_id)
        self._list_changed([key])

    def require_model(self, model_id: str) -> None:
        """Raise ModelUnavailableError unless turns can use the model."""
        info = self.models.info(model_id)
        if not info.available:
            raise ModelUnavailableError(f"The model {model_id!r} cannot be used. {info.note}")

    def set_tags(self, keys: Sequence[SessionKey], *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Add tags to sessions, and remove others from them.

        Raises:
            HistoryError: a tag is too long, or there would be too many.
        """
        self.store.labels.set_tags(keys, add=add, remove=remove)
        self._list_changed(keys)

    def replace_tags(self, key: SessionKey, tags: Collection[str], *, before: Iterable[str]) -> None:
        """Change the tags of a session from those ``before``, as the caller saw them, to ``tags``. A tag that differs
        only in case stays as it is, and so do tags that others have added since.

        Raises:
            HistoryError: a tag is too long, or there would be too many.
        """
        kept = {tag.strip().casefold() for tag in tags}
        self.set_tags([key], add=tags, remove=[tag for tag in before if tag.casefold() not in kept])

    def set_note(self, key: SessionKey, note: str) -> None:
        """Set the note of a session; an empty one removes it.

        Raises:
            HistoryError: it is too long.
        """
        self.store.labels.set_note(key, note)
        self._list_changed([key])

    def mark_seen(self, key: SessionKey) -> None:
        """Record that a person has now looked at the session."""
        if self.store.sessions.mark_seen(key):
            self._list_changed([key])

    def set_saved(self, keys: Sequence[SessionKey], saved: bool) -> None:  # noqa: FBT001 - it is the value to set
        """Mark sessions as worth keeping, or unmark them."""
        self.store.sessions.set_saved(keys, saved)
        self._list_changed(keys)

    def delete_sessions(self, keys: Sequence[SessionKey]) -> None:
        """Stop what runs in the sessions and hide them; ``restore_sessions`` can bring them back for a while."""
        for key in keys:
            self.turns.end_all(key)
        self.files.transcripts.finish(keys, "deleted")
        self.files.transcripts.flush()
        self.store.sessions.delete(keys)
        self.active.leave(keys)
        self._purge()
        self._list_changed(keys)

    def retention_preview(self, days: int) -> RetentionPreview:
        """Return what ``remove_untouched`` would remove. Raises RetentionDaysError."""
        return preview(self.store, self.settings.user, days)

    def remove_untouched(self, days: int) -> list[SessionKey]:
        """Delete the sessions that have been neither saved nor touched for ``days`` days, and return their keys. Like
        all deleted sessions, they can be restored for a while. Raises RetentionDaysError."""
        return remove(self.store, self.settings.user, days, self.delete_sessions, self.turns.submissions_blocked)

    def do_daily_work(self) -> None:
        """Remove the sessions that have been untouched for as long as the settings say; purge those deleted before."""
        days = self.settings.retention_days
        removed = self.remove_untouched(days)
        if removed:
            log.info("chats were removed that nobody saved or touched", count=len(removed), days=days)
        self._purge()

    def notices(self) -> list[str]:
        """Return what a person should know about this app, as sentences to show; empty if all is well."""
        problems = (self.store.notice, self.files.transcripts.problem)
        return [problem for problem in problems if problem]

    def restore_sessions(self, keys: Sequence[SessionKey]) -> None:
        """Restore deleted sessions."""
        self.store.sessions.restore(keys)
        self._list_changed(keys)

    def move_sessions(self, keys: Sequence[SessionKey], workspace_id: str) -> None:
        """Move sessions to another workspace. What runs in them continues with the data that it began with.

        Raises:
            WorkspaceError: there is no such workspace.
        """
        self.files.transcripts.flush()  # what was said there stays there
        self.store.sessions.move(keys, workspace_id)
        self.files.transcripts.finish(keys, "moved")
        self._list_changed(keys)

    def delete_workspace(self, workspace_id: str) -> None:
        """Delete a workspace for good, with all workspaces below it and all their chats; what runs there is stopped
        first.

        Raises:
            WorkspaceError: it cannot be deleted, or is already gone.
        """
        if workspace_id != GENERAL:
            for key in self.store.workspaces.sessions_in(self.workspaces.subtree(workspace_id)):
                self.turns.end_all(key)
        gone = self.workspaces.delete(workspace_id)
        self.active.remove(gone)
        self.files.delete(gone)
        self._list_changed(gone)

    def record(self, session: SessionSummary, compose: Compose) -> list[StoredEvent]:
        """Append the turns and events that ``compose`` makes to a session without running its agent; returns the events
        as stored.

        Raises:
            SessionBusyError: a turn of the session runs or waits, and needs the conversation as it is.
            SessionGoneError: it was deleted in the meantime.
        """
        with self.turns.without_turns(session.key):
            recorded = record(self.services, session, compose)
        self.bus.publish(BusEvent(EventKind.SESSION_CHANGED, session.key))
        self._list_changed([session.key])
        return recorded

    def save_query(self, name: str, sql: str) -> NamedQuery:
        """Save a query under a name, replacing any query with that name. Raises QueryNameError."""
        saved = self.store.queries.save(name, sql)
        self._changed(EventKind.QUERIES_CHANGED)
        return saved

    def rename_query(self, query_id: str, name: str) -> None:
        """Rename a saved query. Raises QueryNameError."""
        self.store.queries.rename(query_id, name)
        self._changed(EventKind.QUERIES_CHANGED)

    def delete_query(self, query_id: str) -> None:
        """Delete a saved query. Does nothing if none has this id."""
        self.store.queries.delete(query_id)
        self._changed(EventKind.QUERIES_CHANGED)

    def set_prices(self, rows: Iterable[dict[str, Any]]) -> None:
        """Replace the table of token prices; ``rows`` have the fields of ``Price``. All costs change with it.

        Raises:
            PricesInvalidError: a row is not a price, or the file cannot be written; nothing is saved.
        """
        keep_prices(self.settings.data_dir, rows)
        self._changed(EventKind.PRICES_CHANGED)

    def make_snapshot(self, form: SnapshotForm, progress: Progress = lambda *_: None) -> SnapshotInfo:
        """Copy the whole history into a file. Blocks until it is complete; chats go on in the meantime.

        Raises:
            SnapshotError, StoreClosedError: it cannot be created.
        """
        made = self.snapshots.make(form, progress)
        self._changed(EventKind.SNAPSHOTS_CHANGED)
        return made

    def delete_snapshot(self, name: str) -> None:
        """Delete a snapshot for good. Raises SnapshotError if it does not exist or cannot be deleted."""
        self.snapshots.remove(name)
        self._changed(EventKind.SNAPSHOTS_CHANGED)

    def rerun(self, result: Result) -> Future[Result]:
        """Run the query of a result again on another thread, as a new result of the same turn.

        Raises:
            ResultGoneError: it was removed, or has no query.
            DataError: the query, or the connection, no longer works; says why.
        """
        return self.reruns.start(result)

    def delete_result(self, result: Result) -> None:
        """Remove a result for good. If it is the last version of a file of its session, the file is removed too."""
        self.store.results.delete(result.id)
        if result.file_name and not self.store.results.has_file(result.key, result.file_name):
            self.artifacts.delete_file(result.key, result.file_name)
        self.bus.publish(BusEvent(EventKind.SESSION_CHANGED, result.key, result.turn_id))

    def set_feedback(self, key: SessionKey, event_id: str, score: Literal[1, -1] | None, comment: str = "") -> bool:
        """Store feedback on an answer; without score and comment, remove it. Returns whether the answer exists."""
        kept = self.store.feedback.set(key, event_id, score, comment)
        if kept:
            self.bus.publish(BusEvent(EventKind.SESSION_CHANGED, key))
        return kept

    def _purge(self) -> None:
        gone = self.store.sessions.purge_deleted(older_than=self.settings.undo_seconds)
        self.files.delete(gone)
        self.active.remove(gone)

    def _changed(self, kind: EventKind) -> None:
        self.bus.publish(BusEvent(kind, NO_SESSION))

    def _list_changed(self, keys: Sequence[SessionKey]) -> None:
        for key in keys:
            self.bus.publish(BusEvent(EventKind.SESSION_LIST_CHANGED, key))

    def close(self) -> None:
        """End what runs, store it, and release the data folder."""
        self.daily.close()
        self.imports.close()
        self.turns.close()
        self.reruns.close()
        self.files.transcripts.close()
        self.workspaces.close()
        self.models.close()
        self.store.close()


def own_files(data: Path) -> OwnFiles:
    """What Colloquy keeps in a data folder."""
    names = frozenset({PERSONAS, ARTIFACTS, INCOMING, SAMPLES, TRANSCRIPTS, SECRETS, PRICES, SNAPSHOTS, DEMO})
    beginnings = (DATABASE, f".{DATABASE}", f".{SECRETS}", f".{PRICES}")
    return OwnFiles(str(data.absolute()), names, beginnings, to_ask=frozenset({SAMPLES, SNAPSHOTS}))


_current: list[Application] = []


def install(application: Application | None) -> None:
    """Make this the application of the process; None uninstalls it."""
    _current[:] = [application] if application else []


def current() -> Application:
    """Return the application of the process.

    Raises:
        RuntimeError: none is installed, which only happens outside the app.
    """
    if not _current:
        raise RuntimeError("No application is open in this process.")
    return _current[0]
