"""The tree of workspaces, which is small enough to keep in memory."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from session_store.errors import UnknownWorkspaceError, WorkspaceError
from session_store.limits import LONGEST_NAME
from session_store.models import StoredConnection, Workspace

Workspaces = Mapping[str, Workspace]


def read_workspaces(connection: duckdb.DuckDBPyConnection) -> dict[str, Workspace]:
    """Read all workspaces of a file, by id."""
    rows = connection.execute(
        "select id, name, parent_id, created_at, connection_kind, connection_address, connection_name from workspaces"
    ).fetchall()
    return {
        row[0]: Workspace(
            id=row[0],
            name=row[1],
            parent_id=row[2],
            connection=None if row[4] is None else StoredConnection(row[4], row[5], row[6]),
            created_at=row[3],
        )
        for row in rows
    }


def required(workspaces: Workspaces, workspace_id: str) -> Workspace:
    """Return the workspace with this id.

    Raises:
        UnknownWorkspaceError: it does not exist (any more).
    """
    workspace = workspaces.get(workspace_id)
    if workspace is None:
        raise UnknownWorkspaceError("This workspace no longer exists. Choose another one.")
    return workspace


def subtree(workspaces: Workspaces, workspace_id: str) -> list[str]:
    """Return the ids of a workspace and of everything below it, parents before children."""
    found = [workspace_id]
    for parent in found:
        found += [workspace.id for workspace in workspaces.values() if workspace.parent_id == parent]
    return found


def proper_name(name: str) -> str:
    """Normalize a name for storage.

    Raises:
        WorkspaceError: it is blank, or too long.
    """
    kept = " ".join(name.split())
    if not kept:
        raise WorkspaceError("Enter a name for the workspace.")
    if len(kept) > LONGEST_NAME:
        raise WorkspaceError(f"A workspace name can have at most {LONGEST_NAME} characters. Shorten it.")
    return kept
