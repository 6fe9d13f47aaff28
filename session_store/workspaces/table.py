"""The tree of workspaces, as the store keeps it."""

from __future__ import annotations

import builtins
import time
import uuid
from collections.abc import Iterable
from dataclasses import replace

from session_store.engine.transaction import Transaction
from session_store.errors import WorkspaceError
from session_store.models import GENERAL, SessionKey, StoredConnection, Workspace
from session_store.sessions.log import SessionLog
from session_store.workspaces.tree import proper_name, required, subtree

_SESSIONS_IN = """
    select app_name, user_id, id from sessions where workspace_id in (select unnest($1::varchar[])) order by session_no
"""


class StoredWorkspaces:
    """The part of the store that keeps the tree of workspaces, and which sessions belong to each."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    def create(self, name: str, parent_id: str | None = None) -> Workspace:
        """Create a workspace, at the top of the tree or below another one.

        Raises:
            WorkspaceError: the name is blank or too long, or the parent does not exist.
        """
        workspace = Workspace(str(uuid.uuid4()), proper_name(name), parent_id, None, time.time())

        def work(transaction: Transaction) -> Workspace:
            if parent_id is not None:
                required(transaction.workspaces(), parent_id)
            transaction.execute(
                "insert into workspaces (id, name, parent_id, created_at) values ($1, $2, $3, $4)",
                [workspace.id, workspace.name, parent_id, workspace.created_at],
            )
            return _keep(transaction, workspace)

        return self._log.writer.submit(work).result()

    def list(self) -> builtins.list[Workspace]:
        """List all workspaces, sorted by name without case."""
        self._log.database.require_open()
        with self._log.memory.lock:
            workspaces = self._log.memory.workspaces
        return sorted(workspaces.values(), key=lambda workspace: (workspace.name.casefold(), workspace.id))

    def get(self, workspace_id: str) -> Workspace | None:
        """Return the workspace, or None."""
        self._log.database.require_open()
        with self._log.memory.lock:
            return self._log.memory.workspaces.get(workspace_id)

    def rename(self, workspace_id: str, name: str) -> None:
        """Rename a workspace.

        Raises:
            WorkspaceError: the name is blank or too long, or the workspace does not exist.
        """
        kept = proper_name(name)

        def work(transaction: Transaction) -> None:
            workspace = required(transaction.workspaces(), workspace_id)
            transaction.execute("update workspaces set name = $2 where id = $1", [workspace_id, kept])
            _keep(transaction, replace(workspace, name=kept))

        self._log.writer.submit(work).result()

    def move(self, workspace_id: str, parent_id: str | None) -> None:
        """Move a workspace, with everything below it, below another one or (None) to the top of the tree.

        Raises:
            WorkspaceError: it would end up below itself, the workspace or parent does not exist, or it is the general
                one, which stays at the top.
        """

        def work(transaction: Transaction) -> None:
            workspaces = transaction.workspaces()
            workspace = required(workspaces, workspace_id)
            if parent_id is not None:
                parent = required(workspaces, parent_id)
                if workspace_id == GENERAL:
                    raise WorkspaceError(f"“{workspace.name}” stays at the top. Move others below it instead.")
                if parent_id in subtree(workspaces, workspace_id):
                    raise WorkspaceError(
                        f"“{workspace.name}” cannot be moved into “{parent.name}”, which is a part of it. "
                        "Choose a workspace outside of it."
                    )
            transaction.execute("update workspaces set parent_id = $2 where id = $1", [workspace_id, parent_id])
            _keep(transaction, replace(workspace, parent_id=parent_id))

        self._log.writer.submit(work).result()

    def set_connection(self, workspace_id: str, connection: StoredConnection | None) -> None:
        """Replace a workspace's connection; None removes it.

        Raises:
            WorkspaceError: the workspace does not exist.
        """

        def work(transaction: Transaction) -> None:
            workspace = required(transaction.workspaces(), workspace_id)
            values = (connection.kind, connection.address, connection.name) if connection else (None, None, None)
            transaction.execute(
                "update workspaces set connection_kind = $2, connection_address = $3, connection_name = $4 "
                "where id = $1",
                [workspace_id, *values],
            )
            _keep(transaction, replace(workspace, connection=connection))

        self._log.writer.submit(work).result()

    def delete(self, workspace_id: str) -> builtins.list[SessionKey]:
        """Remove for good a workspace, everything below it, their sessions (including deleted ones) and everything that
        belongs to those. Returns the sessions.

        Raises:
            WorkspaceError: the workspace does not exist, or is the general one.
        """

        def work(transaction: Transaction) -> list[SessionKey]:
            workspaces = transaction.workspaces()
            workspace = required(workspaces, workspace_id)
            if workspace_id == GENERAL:
                raise WorkspaceError(
                    f"“{workspace.name}” cannot be deleted: chats without another workspace belong to it. "
                    "Delete its chats instead, or rename it."
                )
            gone = subtree(workspaces, workspace_id)
            keys = [SessionKey(*row) for row in transaction.rows(_SESSIONS_IN, [gone])]
            transaction.execute("delete from workspaces where id in (select unnest($1::varchar[]))", [gone])
            transaction.set_workspaces({name: kept for name, kept in workspaces.items() if name not in gone})
            self._log.remove_in(transaction, keys)
            return keys

        return self._log.writer.submit(work).result()

    def sessions_in(self, workspace_ids: Iterable[str]) -> builtins.list[SessionKey]:
        """List the sessions of these workspaces, including deleted ones, but not those of workspaces below them."""
        return [SessionKey(*row) for row in self._log.database.rows(_SESSIONS_IN, [list(workspace_ids)])]

    def count_sessions(self) -> dict[str, int]:
        """Count the sessions of each workspace that are not deleted, by workspace id. Workspaces without any are left
        out."""
        self._log.database.require_open()
        with self._log.memory.lock:
            return self._log.memory.index.counts()


def _keep(transaction: Transaction, workspace: Workspace) -> Workspace:
    transaction.set_workspaces({**transaction.workspaces(), workspace.id: workspace})
    return workspace
