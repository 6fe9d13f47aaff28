"""The tree of workspaces: few enough to be kept in memory, all of them."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from session_store.errors import UnknownWorkspaceError, WorkspaceError
from session_store.limits import LONGEST_NAME
from session_store.models import StoredConnection, Workspace

Workspaces = Mapping[str, Workspace]


def read_workspaces(connection: duckdb.DuckDBPyConnection) -> dict[str, Workspace]:
    """All workspaces of a file, by id."""
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
    """The workspace with an id.

    Raises:
        UnknownWorkspaceError: there is none (any more).
    """
    workspace = workspaces.get(workspace_id)
    if workspace is None:
        raise UnknownWorkspaceError("This workspace no longer exists. Choose another one.")
    return workspace


def subtree(workspaces: Workspaces, workspace_id: str) -> list[str]:
    """The ids of a workspace and of all below it, each before those below it."""
    found = [workspace_id]
    for parent in found:
        found += [workspace.id for workspace in workspaces.values() if workspace.parent_id == parent]
    return found


def proper_name(name: str) -> str:
    """A name as it is kept.

    Raises:
        WorkspaceError: it is blank, or too long.
    """
    kept = " ".join(name.split())
    if not kept:
        raise WorkspaceError("Enter a name for the workspace.")
    if len(kept) > LONGEST_NAME:
        raise WorkspaceError(f"A workspace name can have at most {LONGEST_NAME} characters. Shorten it.")
    return kept
