"""Workspaces and their data: descriptions in the store, passwords separately, databases open while in use."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

import duckdb
from pydantic import SecretStr

from colloquy.agents.data.connection import HIDDEN, Connection, ConnectionKind
from colloquy.agents.data.database import Database, WorkerDatabase
from colloquy.agents.data.errors import ConnectionInvalidError, ConnectionUnavailableError
from colloquy.agents.data.history_database import HistoryDatabase
from colloquy.agents.data.own_files import OwnFiles
from colloquy.agents.data.shop.shop import FILE_NAME, sample_shop
from colloquy.runtime.bus import NO_SESSION, BusEvent, EventBus, EventKind
from colloquy.runtime.workspaces import addresses
from colloquy.runtime.workspaces.passwords import Secret, Secrets
from session_store import Store
from session_store.errors import ColloquyError, StoreError
from session_store.files import BadFileError, look_at
from session_store.history.filters import HistoryFilter
from session_store.limits import LONGEST_ADDRESS, LONGEST_NAME
from session_store.models import SessionKey, StoredConnection, Workspace

SAMPLE = "sample"
"""The kind of connection for the sample shop."""

SAMPLE_NAME = "Sample shop"
LOOK_EVERY = 60.0
"""Seconds after which a page that shows a workspace tests again whether its server responds."""

HISTORY_NAME = "Colloquy's chats"


class Workspaces:
    """The tree of workspaces and their databases. Thread-safe. Databases block: do not query them on an event loop."""

    def __init__(self, store: Store, secrets: Secrets, folder: Path, bus: EventBus, own: OwnFiles) -> None:
        """``folder`` is where the sample shop is created; ``own`` is what may not be connected."""
        self._store = store
        self._secrets = secrets
        self._folder = folder
        self._bus = bus
        self._own = own
        self._open: dict[str, WorkerDatabase] = {}
        self._problems: dict[str, str] = {}
        """What the last test of a workspace's connection found wrong, by workspace id."""
        self._looked_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._shop = threading.Lock()

    # -- the tree ------------------------------------------------------------------------------------------------------

    def create(self, name: str, parent_id: str | None = None) -> Workspace:
        """Create a workspace. Raises WorkspaceError."""
        workspace = self._store.workspaces.create(name, parent_id)
        self._changed()
        return workspace

    def rename(self, workspace_id: str, name: str) -> None:
        """Rename a workspace. Raises WorkspaceError."""
        self._store.workspaces.rename(workspace_id, name)
        self._changed()

    def move(self, workspace_id: str, parent_id: str | None) -> None:
        """Move a workspace below another one, or to the top. Raises WorkspaceError."""
        self._store.workspaces.move(workspace_id, parent_id)
        self._changed()

    def subtree(self, workspace_id: str) -> list[str]:
        """Return the ids of a workspace and of all workspaces below it."""
        below: dict[str | None, list[str]] = {}
        for workspace in self._store.workspaces.list():
            below.setdefault(workspace.parent_id, []).append(workspace.id)
        found = [workspace_id]
        for one in found:
            found += below.get(one, ())
        return found

    def delete(self, workspace_id: str) -> list[SessionKey]:
        """Delete a workspace with all workspaces below it, their chats and their passwords. Returns the keys of those
        chats.

        Raises:
            WorkspaceError: it cannot be deleted, or is already gone.
            SecretsError: the passwords cannot be read; nothing was deleted.
        """
        self._secrets.get(workspace_id)  # fails before anything is deleted, rather than after
        ids = self.subtree(workspace_id)
        gone = self._store.workspaces.delete(workspace_id)
        for one in ids:
            self._close(one)
            self._secrets.set(one, {})
        self._changed()
        return gone

    # -- connections ---------------------------------------------------------------------------------------------------

    def set_connection(self, workspace_id: str, kind: str | None, address: str = "", name: str = "") -> None:
        """Give a workspace a connection instead of the one it has; None removes it.

        A PostgreSQL URL may contain the password as pages show it (hidden) if the server is the one for which it was
        saved.

        Raises:
            ConnectionInvalidError, WorkspaceError, SecretsError
        """
        stored, secret = self._described(kind, address, name, workspace_id) if kind else (None, {})
        before = self._secrets.get(workspace_id)
        self._secrets.set(workspace_id, secret)
        try:
            self._store.workspaces.set_connection(workspace_id, stored)
        except StoreError:
            self._secrets.set(workspace_id, before)
            raise
        self._close(workspace_id)
        with self._lock:
            self._problems.pop(workspace_id, None)
            self._looked_at.pop(workspace_id, None)
        self._changed()

    def problem(self, workspace: Workspace) -> str | None:
        """Return why the data of a workspace cannot be used, as far as is known without contacting a server; None if
        nothing is known to be wrong."""
        stored = workspace.connection
        if stored is None or stored.kind == SAMPLE:
            return None
        if not _is_url(stored):
            try:
                look_at(Path(stored.address))
            except FileNotFoundError:
                return f"No file was found at {stored.address}. Was it moved or deleted?"
            except BadFileError as error:
                return f"{stored.address} cannot be used: {error}."
        with self._lock:
            return self._problems.get(workspace.id)

    def problems(self) -> dict[str, str]:
        """Return the problems of all workspaces that have one, by workspace id."""
        return {one.id: problem for one in self._store.workspaces.list() if (problem := self.problem(one))}

    def look_soon(self, workspace: Workspace) -> None:
        """Test in the background whether a workspace's server responds, unless it was tested a moment ago."""
        if workspace.connection is None or not _is_url(workspace.connection):
            return
        with self._lock:
            if time.monotonic() - self._looked_at.get(workspace.id, -LOOK_EVERY) < LOOK_EVERY:
                return
            self._looked_at[workspace.id] = time.monotonic()
        threading.Thread(target=self._look, args=(workspace.id,), name="connection test", daemon=True).start()

    def _look(self, workspace_id: str) -> None:
        with suppress(ColloquyError):  # it is remembered as the workspace's problem
            self.test_workspace(workspace_id)

    def connection(self, workspace: Workspace) -> Connection | None:
        """Return the connection of a workspace, with its password; None if it has none.

        Raises:
            ConnectionInvalidError, SecretsError: what is stored about it cannot be used.
        """
        stored = workspace.connection
        if stored is None:
            return None
        if stored.kind == SAMPLE:
            path = self._folder / FILE_NAME
            return Connection(ConnectionKind.DUCKDB, SecretStr(str(path.absolute())), stored.name or SAMPLE_NAME)
        address = (
            addresses.joined(stored.address, self._secrets.get(workspace.id)) if _is_url(stored) else stored.address
        )
        return Connection.of(stored.kind, address, stored.name)

    def shown_address(self, workspace_id: str) -> str:
        """Return the address of a workspace's data, without passwords; empty if it has none, or is the sample shop."""
        workspace = self._store.workspaces.get(workspace_id)
        if workspace is None or workspace.connection is None or workspace.connection.kind == SAMPLE:
            return ""
        connection = self.connection(workspace)
        return connection.shown_address if connection else ""

    def test(self, kind: str, address: str, workspace_id: str | None = None) -> str:
        """Test an address without saving it. ``workspace_id`` supplies the password if it is hidden in the address.

        Raises:
            DataError: says what is wrong with it.
        """
        if kind == SAMPLE:
            return self._tested(self._sample_connection())
        stored, secret = self._described(kind, address, "", workspace_id)
        full = addresses.joined(stored.address, secret) if _is_url(stored) else stored.address
        return self._tested(Connection.of(kind, full))

    def test_workspace(self, workspace_id: str) -> str:
        """Test the connection of a workspace.

        Raises:
            DataError: says why it cannot be reached, or that there is no connection.
        """
        try:
            database = self.database(workspace_id)
            if database is None:
                raise ConnectionInvalidError("This workspace has no data connection. Give it one first.")
            found = database.test()
        except ColloquyError as error:
            self._note(workspace_id, str(error))
            raise
        self._note(workspace_id, None)
        return found

    # -- databases -----------------------------------------------------------------------------------------------------

    def database(self, workspace_id: str) -> Database | None:
        """Return the data of a workspace, to be queried; None if it has no connection. Blocks while the sample shop is
        created.

        Raises:
            ConnectionInvalidError, ConnectionUnavailableError, SecretsError
        """
        workspace = self._store.workspaces.get(workspace_id)
        connection = self.connection(workspace) if workspace else None
        if workspace is None or connection is None:
            return None
        if workspace.connection and workspace.connection.kind == SAMPLE:
            self._make_shop()
        else:
            self._refuse_ours(connection)  # a link may lead there by now
        with self._lock:
            database = self._open.get(workspace_id)
            if database is None or database.connection != connection:
                replaced, database = database, WorkerDatabase(connection, own=self._own)
                self._open[workspace_id] = database
                if replaced:
                    replaced.close()
            return database

    def history(self, scope: HistoryFilter | None = None) -> HistoryDatabase:
        """Return Colloquy's own conversations; with a scope, only those within it."""
        return HistoryDatabase(HISTORY_NAME, self._store, scope)

    def warm(self, workspace_id: str) -> None:
        """Start creating, in the background, what the first query in a workspace would wait for."""
        if self.lacks_shop(workspace_id):
            threading.Thread(target=self._make_shop, name="sample shop", daemon=True).start()

    def lacks_shop(self, workspace_id: str) -> bool:
        """Whether a query in a workspace must wait until the sample shop is created."""
        workspace = self._store.workspaces.get(workspace_id)
        return bool(workspace and workspace.connection and workspace.connection.kind == SAMPLE) and not self.has_shop

    def close(self) -> None:
        """End the processes that query databases."""
        with self._lock:
            databases = list(self._open.values())
            self._open.clear()
        for database in databases:
            database.close()
        self.history().close()

    # ------------------------------------------------------------------------------------------------------------------

    def _described(
        self, kind: str, address: str, name: str, workspace_id: str | None
    ) -> tuple[StoredConnection, Secret]:
        """Return a connection as it is stored, and its secrets."""
        for what, text, most in (("address", address, LONGEST_ADDRESS), ("name", name, LONGEST_NAME)):
            if len(text) > most:
                raise ConnectionInvalidError(
                    f"The {what} has {len(text):,} characters. Shorten it to at most {most:,}."
                )
        if kind == SAMPLE:
            return StoredConnection(SAMPLE, "", name.strip() or SAMPLE_NAME), {}
        connection = addresses.checked(kind, address, name)
        self._refuse_ours(connection)
        full = connection.address.get_secret_value()
        if connection.kind is not ConnectionKind.POSTGRES:
            return StoredConnection(connection.kind.value, full, connection.name), {}
        bare, secret = addresses.split(full)
        if addresses.has_hidden(secret):
            secret = self._kept_secret(bare, workspace_id)
        return StoredConnection(connection.kind.value, bare, connection.name), secret

    def _refuse_ours(self, connection: Connection) -> None:
        if connection.kind is ConnectionKind.POSTGRES:
            return
        if self._own.include(Path(connection.address.get_secret_value())):
            raise ConnectionInvalidError(
                "Colloquy keeps its own chats here, so this cannot be a data connection. Ask the history "
                "analyst about them, or make a snapshot and connect to that."
            )

    def _kept_secret(self, bare: str, workspace_id: str | None) -> Secret:
        workspace = self._store.workspaces.get(workspace_id) if workspace_id else None
        stored = workspace.connection if workspace else None
        if workspace is None or stored is None or not addresses.is_same_server(stored.address, bare):
            raise ConnectionInvalidError(
                f"Enter the password instead of {HIDDEN}: the saved one is for a different server or user."
            )
        return self._secrets.get(workspace.id)

    def _tested(self, connection: Connection) -> str:
        database = WorkerDatabase(connection, own=self._own)
        try:
            return database.test()
        finally:
            database.close()

    def _sample_connection(self) -> Connection:
        return Connection.of(ConnectionKind.DUCKDB, str(self._make_shop()), SAMPLE_NAME)

    @property
    def has_shop(self) -> bool:
        """Whether the sample shop has been created."""
        return (self._folder / FILE_NAME).exists()

    def _make_shop(self) -> Path:
        with self._shop:  # one at a time: the second caller finds it created
            try:
                return sample_shop(self._folder)
            except (OSError, duckdb.Error) as error:
                raise ConnectionUnavailableError(f"The sample shop could not be created: {error}") from error

    def _close(self, workspace_id: str) -> None:
        with self._lock:
            database = self._open.pop(workspace_id, None)
        if database:
            database.close()

    def _note(self, workspace_id: str, problem: str | None) -> None:
        """Remember the outcome of a test."""
        with self._lock:
            before = self._problems.pop(workspace_id, None)
            if problem is not None:
                self._problems[workspace_id] = problem
        if before != problem:
            self._changed()

    def _changed(self) -> None:
        self._bus.publish(BusEvent(EventKind.WORKSPACES_CHANGED, NO_SESSION))


def _is_url(stored: StoredConnection) -> bool:
    return stored.kind == ConnectionKind.POSTGRES.value
