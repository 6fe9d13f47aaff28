"""Conversations as files to download, generated while they are sent: no file is ever whole in memory or on disk."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response, StreamingResponse

from colloquy.api.http.files import file_answer, file_name, saved_as
from colloquy.api.http.problems import NotFoundError
from colloquy.api.http.values import Id
from colloquy.runtime.application import ARTIFACTS, current
from session_store.exchange import SUFFIXES, AgentFiles, Format, export, pieces, selected
from session_store.history.filters import HistoryFilter, only
from session_store.models import SessionKey

router = APIRouter(prefix="/v1", tags=["import and export"])

MIME_TYPES: Final = {
    Format.MARKDOWN: "text/markdown; charset=utf-8",
    Format.JSON: "application/json",
    Format.ADK_WEB: "application/json",
    Format.JSON_LINES: "application/x-ndjson",
    Format.ZIP: "application/zip",
    Format.PARQUET: "application/zip",
}
MOST_IDS: Final = 10_000
MOST_IDS_IN_URL: Final = 500
PIECE_BYTES: Final = 65_536

FormatName = Literal["markdown", "md", "json", "adk-web", "jsonl", "zip"]
"""``md`` means ``markdown``."""
AnyFormatName = Literal["markdown", "md", "json", "adk-web", "jsonl", "zip", "parquet"]

_FILE = file_answer(*dict.fromkeys(kind.partition(";")[0] for kind in MIME_TYPES.values()))
_FORMATS = (
    "`markdown` to read; `json`, ADK's session format, complete; `adk-web`, the same for the Import button of adk web; "
    "`jsonl`, a line for each event; `zip`, with results, files and workspaces"
)


class NewExport(BaseModel):
    """Which conversations to export, and in which format."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: AnyFormatName = Field("zip", description=f"{_FORMATS}; `parquet`, the whole history as tables in a ZIP.")
    ids: list[Id] = Field(
        default=[], max_length=MOST_IDS, description="Ids of conversations, of any user; if empty, all are exported."
    )
    saved: bool = Field(False, description="Only saved ones.")
    everyone: bool = Field(False, description="Include conversations of other users, such as those of ADK clients.")
    user: str | None = Field(None, description="Only those of this user.")
    agent: str | None = Field(None, description="Only those with this agent.")


@router.get("/conversations/{conversation_id}/export", response_class=Response, responses=_FILE)
def export_conversation(
    conversation_id: str,
    format: Annotated[FormatName, Query(description=f"{_FORMATS}.")] = "json",  # noqa: A002
) -> Response:
    """One conversation as a file, whichever user it belongs to."""
    session = current().store.sessions.get(conversation_id)
    if session is None:
        raise NotFoundError("There is no conversation with this id. It was deleted or never existed.")
    return _sent([session.key], _format(format), file_name(session.title) or "conversation", all_workspaces=False)


@router.get("/exports/file", response_class=Response, responses=_FILE)
def export_by_link(
    format: Annotated[AnyFormatName, Query(description=f"{_FORMATS}; `parquet`.")] = "zip",  # noqa: A002
    id: Annotated[list[Id], Query(max_length=MOST_IDS_IN_URL, description="Ids of conversations; none: all.")] = [],  # noqa: A002, B006
    *,
    saved: Annotated[bool, Query(description="Only saved ones.")] = False,
    everyone: Annotated[bool, Query(description="Include conversations of other users.")] = False,
    user: Annotated[str | None, Query(description="Only those of this user.")] = None,
    agent: Annotated[str | None, Query(description="Only those with this agent.")] = None,
) -> Response:
    """Conversations as one file, for a link. `POST /exports` accepts more of them."""
    return export_conversations(
        NewExport(format=format, ids=id, saved=saved, everyone=everyone, user=user, agent=agent)
    )


@router.post("/exports", response_class=Response, responses=_FILE)
def export_conversations(new: NewExport) -> Response:
    """Conversations as one file."""
    form = _format(new.format)
    if form is Format.PARQUET:
        return _whole_history()
    application = current()
    user = new.user or (None if new.everyone or new.ids else application.settings.user)
    wanted = HistoryFilter(users=only(user), agents=only(new.agent), saved=new.saved or None)
    keys = selected(application.store, wanted, session_ids=new.ids)
    return _sent(keys, form, "conversations", all_workspaces=not (new.ids or new.saved or new.agent))


def _format(name: str) -> Format:
    return Format.MARKDOWN if name == "md" else Format(name)


def _sent(keys: list[SessionKey], form: Format, name: str, *, all_workspaces: bool) -> Response:
    application = current()
    files = AgentFiles(application.settings.data_dir / ARTIFACTS)
    made = pieces(application.store, keys, form, files, all_workspaces=all_workspaces)
    first = next(made, b"")  # an immediate failure is answered with a problem, not with half a file
    return StreamingResponse(
        _joined(chain([first], made)), headers=saved_as(name + SUFFIXES[form]), media_type=MIME_TYPES[form]
    )


def _joined(small: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in larger pieces: each piece costs a thread switch."""
    kept = bytearray()
    for piece in small:
        kept += piece
        if len(kept) >= PIECE_BYTES:
            yield bytes(kept)
            kept.clear()
    yield bytes(kept)


def _whole_history() -> Response:
    folder = Path(tempfile.mkdtemp(prefix="colloquy-export-"))
    try:
        files = export(current().store, [], Format.PARQUET, folder / "history")
        archive = folder / "history.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as whole:
            for file in files:
                whole.write(file, file.name)
                file.unlink()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        archive,
        headers=saved_as(archive.name),
        media_type=MIME_TYPES[Format.PARQUET],
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )
