"""Workspaces over HTTP: the tree and the data connections. Passwords are accepted, but never returned."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from colloquy.agents.data.errors import ConnectionUnavailableError
from colloquy.api.http.etags import NOT_MODIFIED_RESPONSE, IfMatch, IfNoneMatch, not_modified, require_match, tag_of
from colloquy.api.http.lookup import workspace_named
from colloquy.api.http.values import SAYS_SOMETHING, Name, Text, moment, one_of
from colloquy.runtime.application import current
from session_store.errors import ColloquyError
from session_store.limits import LONGEST_ADDRESS, LONGEST_NAME
from session_store.models import Workspace

router = APIRouter(prefix="/v1", tags=["workspaces"])

Kind = Literal["duckdb", "sqlite", "folder", "postgres", "sample"]


class ConnectionOut(BaseModel):
    """The data that a workspace is connected to."""

    kind: str
    name: str
    address: str = Field(description="A path or a URL, with `•••` in place of passwords.")
    problem: str | None = Field(
        description="Why it cannot be used, as far as is known without asking its server, including the result of "
        "its last test; null if no problem is known. `POST …/connection/test` tests it again."
    )


class WorkspaceOut(BaseModel):
    """A group of conversations about one subject."""

    id: str
    name: str
    parent_id: str | None = Field(description="The workspace above it; null at the top of the tree.")
    connection: ConnectionOut | None
    conversations: int = Field(description="The number of conversations, without those of workspaces below it.")
    created_at: datetime


class WorkspacesOut(BaseModel):
    """All workspaces by name."""

    workspaces: list[WorkspaceOut]


class WorkspaceNode(WorkspaceOut):
    """A workspace with all those below it."""

    children: list[WorkspaceNode]


class TreeOut(BaseModel):
    """The workspaces at the top, by name."""

    workspaces: list[WorkspaceNode]


class NewWorkspace(BaseModel):
    """A workspace to create."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name
    parent_id: str | None = None


class WorkspaceChange(BaseModel):
    """The fields to change; omitted ones stay unchanged."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name = Field("")
    parent_id: str | None = Field(None, description="The parent workspace; null for the top of the tree.")


class Address(BaseModel):
    """The location of data."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra=one_of(
            {"kind": {"enum": ["sample"]}},
            {"kind": {"enum": ["duckdb", "sqlite", "folder"]}, "address": SAYS_SOMETHING},
            {"kind": {"enum": ["postgres"]}, "address": {"pattern": "^postgres(ql)?://."}},
        ),
    )

    kind: Kind
    address: Text = Field(
        "",
        max_length=LONGEST_ADDRESS,
        description="A path on the server's machine, or for `postgres` a URL; empty for `sample`. `•••` in place of "
        "the password keeps the stored one.",
    )


class NewConnection(Address):
    """A connection for a workspace."""

    name: Text = Field("", max_length=LONGEST_NAME, description="Its display name.")


class Tested(BaseModel):
    """What was found at an address."""

    found: str = Field(description="What was found, as text for people.")


@router.get("/workspaces")
def list_workspaces() -> WorkspacesOut:
    """All workspaces."""
    counts = current().store.workspaces.count_sessions()
    return WorkspacesOut(workspaces=[_described(one, counts) for one in current().store.workspaces.list()])


@router.get("/workspaces/tree")
def get_tree() -> TreeOut:
    """All workspaces as a tree."""
    store = current().store
    counts = store.workspaces.count_sessions()
    below: dict[str | None, list[Workspace]] = {}
    for workspace in store.workspaces.list():
        below.setdefault(workspace.parent_id, []).append(workspace)

    def nodes(parent_id: str | None) -> list[WorkspaceNode]:
        return [
            WorkspaceNode(**_described(one, counts).model_dump(), children=nodes(one.id))
            for one in below.get(parent_id, [])
        ]

    return TreeOut(workspaces=nodes(None))


@router.post("/workspaces", status_code=HTTPStatus.CREATED)
def create_workspace(new: NewWorkspace, response: Response) -> WorkspaceOut:
    """Add a workspace."""
    if new.parent_id is not None:
        workspace_named(new.parent_id)
    made = _described(current().workspaces.create(new.name, new.parent_id), {})
    response.headers["Location"] = f"/api/v1/workspaces/{made.id}"
    response.headers["ETag"] = tag_of(made)
    return made


@router.get("/workspaces/{workspace_id}", response_model=WorkspaceOut, responses=NOT_MODIFIED_RESPONSE)
def get_workspace(workspace_id: str, response: Response, known: IfNoneMatch = None) -> WorkspaceOut | Response:
    """One workspace."""
    found = _now(workspace_id)
    response.headers["ETag"] = tag_of(found)
    return not_modified(tag_of(found), known) or found


@router.patch("/workspaces/{workspace_id}")
def change_workspace(
    workspace_id: str, change: WorkspaceChange, response: Response, expected: IfMatch = None
) -> WorkspaceOut:
    """Rename a workspace, or move it below another one."""
    require_match(tag_of(_now(workspace_id)), expected)
    workspaces = current().workspaces
    if "parent_id" in change.model_fields_set:
        if change.parent_id is not None:
            workspace_named(change.parent_id)
        workspaces.move(workspace_id, change.parent_id)
    if "name" in change.model_fields_set:
        workspaces.rename(workspace_id, change.name)
    return _answer(workspace_id, response)


@router.delete("/workspaces/{workspace_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_workspace(workspace_id: str, expected: IfMatch = None) -> None:
    """Permanently delete a workspace, those below it, and all their conversations. Connected data is not changed."""
    require_match(tag_of(_now(workspace_id)), expected)
    current().delete_workspace(workspace_id)


@router.put("/workspaces/{workspace_id}/connection")
def set_connection(
    workspace_id: str,
    connection: NewConnection,
    response: Response,
    expected: IfMatch = None,
    save_anyway: Annotated[bool, Query(description="Save it even if it does not work; `problem` says why.")] = False,
) -> WorkspaceOut:
    """Set the data connection of a workspace. It is tested first: one that does not work is rejected (409) with the
    reason, unless `save_anyway` is set."""
    require_match(tag_of(_now(workspace_id)), expected)
    workspaces = current().workspaces
    if not save_anyway:
        try:
            workspaces.test(connection.kind, connection.address, workspace_id)
        except ConnectionUnavailableError as error:
            raise ConnectionUnavailableError(
                f"{error} It was not saved; with ?save_anyway=true it is saved all the same."
            ) from error
    workspaces.set_connection(workspace_id, connection.kind, connection.address, connection.name)
    if save_anyway:
        with suppress(ColloquyError):  # the response reports the error as the problem
            workspaces.test_workspace(workspace_id)
    return _answer(workspace_id, response)


@router.delete("/workspaces/{workspace_id}/connection")
def remove_connection(workspace_id: str, response: Response, expected: IfMatch = None) -> WorkspaceOut:
    """Remove the data connection of a workspace."""
    require_match(tag_of(_now(workspace_id)), expected)
    current().workspaces.set_connection(workspace_id, None)
    return _answer(workspace_id, response)


@router.post("/workspaces/{workspace_id}/connection/test")
def test_connection(workspace_id: str) -> Tested:
    """Test the connection of a workspace. If it fails, the error (409) says why."""
    workspace_named(workspace_id)
    return Tested(found=current().workspaces.test_workspace(workspace_id))


@router.post("/connections/test")
def test_address(address: Address) -> Tested:
    """Test a connection without saving it. If it fails, the error (409) says why."""
    return Tested(found=current().workspaces.test(address.kind, address.address))


def _answer(workspace_id: str, response: Response) -> WorkspaceOut:
    found = _now(workspace_id)
    response.headers["ETag"] = tag_of(found)
    return found


def _now(workspace_id: str) -> WorkspaceOut:
    return _described(workspace_named(workspace_id), current().store.workspaces.count_sessions())


def _described(workspace: Workspace, counts: dict[str, int]) -> WorkspaceOut:
    return WorkspaceOut(
        id=workspace.id,
        name=workspace.name,
        parent_id=workspace.parent_id,
        connection=_connection(workspace),
        conversations=counts.get(workspace.id, 0),
        created_at=moment(workspace.created_at),
    )


def _connection(workspace: Workspace) -> ConnectionOut | None:
    stored = workspace.connection
    if stored is None:
        return None
    address, problem = "", current().workspaces.problem(workspace)
    try:
        address = current().workspaces.shown_address(workspace.id)
    except ColloquyError as error:
        problem = str(error)
    return ConnectionOut(kind=stored.kind, name=stored.name, address=address, problem=problem)
