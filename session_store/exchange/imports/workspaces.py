"""Creates workspaces that come with imported conversations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from session_store.engine.transaction import Transaction
from session_store.models import Workspace


def make_workspaces(transaction: Transaction, wanted: Iterable[Workspace]) -> None:
    """Create the workspaces that are missing. If the parent of one is missing, it goes to the top level."""
    present = dict(transaction.workspaces())
    missing = {workspace.id: workspace for workspace in wanted if workspace.id not in present}
    if not missing:
        return
    while missing:
        # Parents are created first, unless workspaces are each other's ancestors.
        ready = next((found for found in missing.values() if found.parent_id not in missing), None)
        workspace = ready or next(iter(missing.values()))
        made = replace(workspace, parent_id=workspace.parent_id if workspace.parent_id in present else None)
        _insert_workspace(transaction, made)
        present[made.id] = made
        del missing[made.id]
    transaction.set_workspaces(present)


def _insert_workspace(transaction: Transaction, workspace: Workspace) -> None:
    connection = workspace.connection
    transaction.execute(
        "insert into workspaces (id, name, parent_id, created_at, connection_kind, connection_address, "
        "connection_name) values ($1, $2, $3, $4, $5, $6, $7)",
        [
            workspace.id,
            workspace.name,
            workspace.parent_id,
            workspace.created_at,
            connection and connection.kind,
            connection and connection.address,
            connection and connection.name,
        ],
    )
