"""Importing histories over HTTP: either immediately, with the report as the response, or in the background."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, File, Form, Query, UploadFile
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from colloquy.agents.agent import UnknownAgentError
from colloquy.api.http.lookup import workspace_named
from colloquy.api.http.problems import ConflictError, NotFoundError
from colloquy.api.http.values import PATTERNS, Id, moment
from colloquy.runtime.application import current
from colloquy.runtime.imports import Import, ImportState, UnknownImportError
from session_store.errors import ColloquyError
from session_store.exchange import Change, ImportRefusedError, Owner, Report, Wishes
from session_store.limits import LONGEST_ADDRESS

router = APIRouter(prefix="/v1", tags=["import and export"])

MOST_BYTES: Final = 2 * 2**30
"""The most bytes of an uploaded file. A larger history can be imported through the URL of its database."""


Users = Literal["auto", "mine", "file"]
USERS: Final = (
    "Owner of the imported conversations: `auto`, this app's user, except that what Colloquy exported keeps the owner "
    "named in the file; `mine`, this app's user for all of them; `file`, the owner named in the file."
)


_DATABASE_URL: Final = r"^\s*(sqlite(\+\w+)?:///|postgres(ql)?(\+\w+)?://)[^\x00]+$"
PATTERNS[_DATABASE_URL] = "must look like sqlite:///sessions.db or postgresql://user:password@host:5432/database"

DatabaseUrl = Annotated[str, StringConstraints(pattern=_DATABASE_URL)]


class TakenOut(BaseModel):
    """A conversation that was imported."""

    id: str = Field(description="The id here. It differs from the id in the file if that was taken.")
    agent_id: str
    user_id: str
    title: str
    events: int


class SkippedOut(BaseModel):
    """A conversation that was skipped."""

    name: str
    why: str


class ChangeOut(BaseModel):
    """A kind of item in the file, and what was done with it."""

    change: Change
    what: str = Field(description="The item. Names from the file, such as field names, are in backticks.")
    number: int


class ReportOut(BaseModel):
    """What was imported, changed and skipped."""

    kind: str = Field(description="The kind of file, in words.")
    conversations: int = Field(description="Number of imported conversations.")
    events: int = Field(description="Number of imported events.")
    taken: list[TakenOut]
    skipped: list[SkippedOut]
    summary: str = Field(description="What was imported, as a sentence.")
    changes: list[ChangeOut] = Field(description="What was left out or changed, counted by name.")
    notes: list[str] = Field(description="The changes as sentences, and other remarks.")

    @classmethod
    def of(cls, report: Report) -> ReportOut:
        """Return a report as the API describes it."""
        return cls(
            kind=report.kind,
            conversations=len(report.taken),
            events=report.events,
            taken=[
                TakenOut(
                    id=one.key.session_id,
                    agent_id=one.key.app_name,
                    user_id=one.key.user_id,
                    title=one.name,
                    events=one.events,
                )
                for one in report.taken
            ],
            skipped=[SkippedOut(name=one.name, why=one.why) for one in report.skipped],
            summary=report.summary,
            changes=[ChangeOut(change=note.change, what=note.what, number=note.number) for note in report.notes],
            notes=report.remarks,
        )


class ImportOut(BaseModel):
    """An import and its progress."""

    id: str
    name: str
    state: ImportState
    doing: str
    done: int
    total: int | None
    report: ReportOut | None
    problem: str
    begun_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, known: Import) -> ImportOut:
        """Return an import as the API describes it."""
        return cls(
            id=known.id,
            name=known.name,
            state=known.state,
            doing=known.doing,
            done=known.done,
            total=known.total,
            report=ReportOut.of(known.report) if known.report else None,
            problem=known.problem,
            begun_at=moment(known.begun_at),
            ended_at=None if known.ended_at is None else moment(known.ended_at),
        )


class ImportsOut(BaseModel):
    """The latest imports, newest first."""

    imports: list[ImportOut]


class DatabaseImport(BaseModel):
    """A session database of an ADK project."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: DatabaseUrl = Field(
        max_length=LONGEST_ADDRESS,
        description="A URL as for ADK's `--session_service_uri`: `sqlite:///…` or `postgresql://…`. It is not stored.",
    )
    workspace_id: Id | None = Field(None, description="The workspace of all conversations.")
    users: Users = Field("auto", description=USERS)
    skip_damaged: bool = Field(False, description="Skip damaged conversations instead of refusing everything.")


Background = Annotated[bool, Query(description="Return immediately (202) and import in the background.")]
_BACKGROUND: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": ImportOut, "description": "It goes on in the background."}
}


@router.post("/imports", responses=_BACKGROUND, response_model=ReportOut, max_body_size=MOST_BYTES)
def import_upload(
    *,
    file: Annotated[UploadFile, File(description="The file type is detected.")],
    agent_id: Annotated[
        str | None, Form(max_length=200, description="The agent that continues chats from other programs.")
    ] = None,
    workspace_id: Annotated[str | None, Form(max_length=200, description="The workspace for all of them.")] = None,
    users: Annotated[Users, Form(description=USERS)] = "auto",
    skip_damaged: Annotated[Literal["true", "false"], Form(description="Skip damaged conversations.")] = "false",
    background: Background = False,
) -> ReportOut | Response:
    """Import from a file the conversations that do not exist yet. Importing it again adds only what is new.
    If the file is damaged, nothing is imported, and the error says where."""
    imports = current().imports
    wishes = _wishes(users, agent_id or None, workspace_id or None, skip_damaged=skip_damaged == "true")
    path = imports.receive(file.filename or "file", file.file)
    return _answer(imports.begin_file(path, wishes), ImportRefusedError, background=background)


@router.post("/imports/database", responses=_BACKGROUND, response_model=ReportOut)
def import_from_database(wanted: DatabaseImport, background: Background = False) -> ReportOut | Response:
    """Import from an ADK project's session database the conversations that do not exist yet. It is only read."""
    wishes = _wishes(wanted.users, None, wanted.workspace_id, skip_damaged=wanted.skip_damaged)
    return _answer(current().imports.begin_database(wanted.url, wishes), ConflictError, background=background)


@router.get("/imports")
def list_imports() -> ImportsOut:
    """The latest imports since Colloquy started."""
    return ImportsOut(imports=[ImportOut.of(known) for known in current().imports.all()])


@router.get("/imports/{import_id}")
def get_import(import_id: str) -> ImportOut:
    """One import and its progress."""
    return ImportOut.of(_named(import_id))


@router.delete("/imports/{import_id}", status_code=HTTPStatus.NO_CONTENT)
def end_import(import_id: str) -> None:
    """Stop a running import and keep what was imported, or remove a finished one from the list."""
    known, imports = _named(import_id), current().imports
    if known.state.is_over:
        imports.forget(import_id)
    else:
        imports.stop(import_id)


def _wishes(users: Users, agent_id: str | None, workspace_id: str | None, *, skip_damaged: bool) -> Wishes:
    application = current()
    me = application.settings.user
    if agent_id is not None and application.agents.find(agent_id) is None:
        raise UnknownAgentError(f"There is no agent {agent_id!r}. GET /api/v1/agents lists the available ones.")
    if workspace_id is not None:
        workspace_named(workspace_id)
    return Wishes(
        owner=Owner(agent_id or application.agents.default().id, me),
        user_id=me if users == "mine" else None,
        adopt=me if users == "auto" else None,
        workspace_id=workspace_id,
        skip_damaged=skip_damaged,
    )


def _answer(begun: Import, refusal: type[ColloquyError], *, background: bool) -> ReportOut | Response:
    if background:
        return Response(
            ImportOut.of(begun).model_dump_json(),
            status_code=HTTPStatus.ACCEPTED,
            headers={"Location": f"/api/v1/imports/{begun.id}"},
            media_type="application/json",
        )
    ended = current().imports.wait(begun.id)
    if ended.report is not None:
        return ReportOut.of(ended.report)
    if ended.state is ImportState.STOPPED:
        raise ConflictError(ended.problem)
    raise refusal(ended.problem)


def _named(import_id: str) -> Import:
    try:
        return current().imports.get(import_id)
    except UnknownImportError as error:
        raise NotFoundError(str(error)) from error
