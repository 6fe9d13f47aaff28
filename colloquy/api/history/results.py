"""Results of conversations over HTTP: their descriptions, and their data as files to download."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import pyarrow as pa
from fastapi import APIRouter, Depends, Path
from pyarrow.parquet import ParquetFile
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from colloquy.api.charts.pictures import ROWS, picture
from colloquy.api.http.etags import NOT_MODIFIED_RESPONSE, IfNoneMatch, not_modified
from colloquy.api.http.files import csv_pieces, file_answer, file_name, saved_as
from colloquy.api.http.lookup import session_named
from colloquy.api.http.problems import NotFoundError
from colloquy.api.http.values import Cursor, Limit, Paged, moment
from colloquy.runtime.application import current
from session_store.chart_specs import ChartRefusedError, allowed_spec
from session_store.models import Result, ResultKind

router = APIRouter(prefix="/v1", tags=["results"])

VERSION = "1"
"""Part of every ETag; changes when the same data would be written differently."""

MIME_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "png": "image/png",
    "svg": "image/svg+xml",
}


def _allowed(spec: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the specification if it contains only what is allowed: it may come from an imported file."""
    try:
        return spec and allowed_spec(spec)
    except ChartRefusedError:
        return None


class ResultOut(BaseModel):
    """A table, chart or file that a turn produced, without its data."""

    id: str
    session_id: str
    turn_id: str
    call_id: str | None
    kind: ResultKind
    title: str
    sql: str | None
    spec: dict[str, Any] | None = Field(description="The Vega-Lite specification of a chart, without its data.")
    rows: int | None
    note: str
    seconds: float | None = Field(description="The duration of the query.")
    file_name: str | None
    file_version: int | None
    mime_type: str | None
    size: int = Field(description="Size in bytes.")
    created_at: datetime

    @classmethod
    def of(cls, result: Result) -> ResultOut:
        """Return a result as the API describes it."""
        return cls(
            id=result.id,
            session_id=result.key.session_id,
            turn_id=result.turn_id,
            call_id=result.call_id,
            kind=result.kind,
            title=result.title,
            sql=result.sql,
            spec=_allowed(result.spec),
            rows=result.rows,
            note=result.note,
            seconds=result.seconds,
            file_name=result.file_name,
            file_version=result.file_version,
            mime_type=result.mime_type,
            size=result.size,
            created_at=moment(result.created_at),
        )


def _found(result_id: Annotated[str, Path(alias="id")]) -> Result:
    """Return the result, if it and its session exist and belong to this app's user."""
    application = current()
    result = application.store.results.get(result_id)
    is_here = (
        result is not None
        and result.key.user_id == application.settings.user
        and application.store.sessions.get(result.key.session_id) is not None
    )
    if result is None or not is_here:
        raise NotFoundError("This result does not exist. It or its chat was deleted.")
    return result


FoundResult = Annotated[Result, Depends(_found)]


@router.get("/conversations/{conversation_id}/results")
def list_results(conversation_id: str, cursor: Cursor = None, limit: Limit = 20) -> Paged[ResultOut]:
    """Results of a conversation, newest first."""
    key = session_named(conversation_id).key
    page = current().store.results.list(key, before=cursor, limit=limit)
    return Paged(items=[ResultOut.of(result) for result in page.items], next=page.next)


@router.get("/results/{id}/file", response_class=Response, responses=file_answer("*/*") | NOT_MODIFIED_RESPONSE)
async def result_file(result: FoundResult, known: IfNoneMatch = None) -> Response:
    """The file that an agent created."""
    if unchanged := not_modified(_tag(result, "file"), known):
        return _kept(unchanged, result, "file")
    if result.file_name is None:
        raise _no_such_form(result, "file")
    part = await current().artifacts.load_artifact(
        app_name=result.key.app_name,
        user_id=result.key.user_id,
        session_id=result.key.session_id,
        filename=result.file_name,
        version=result.file_version,
    )
    if part is None:
        raise _no_such_form(result, "file")
    if part.inline_data and part.inline_data.data is not None:
        content, kind = part.inline_data.data, part.inline_data.mime_type
    else:
        content, kind = (part.text or "").encode(), "text/plain; charset=utf-8"
    name = re.split(r"[/\\:]", result.file_name)[-1]
    answer = Response(content, headers=saved_as(name), media_type=kind or "application/octet-stream")
    return _kept(answer, result, "file")


@router.get("/results/{id}.json", response_model=ResultOut, responses=NOT_MODIFIED_RESPONSE)
def describe_result(result: FoundResult, response: Response, known: IfNoneMatch = None) -> ResultOut | Response:
    """A result, without its data."""
    if unchanged := not_modified(_tag(result, "json"), known):
        return _kept(unchanged, result, "json")
    _kept(response, result, "json")
    return ResultOut.of(result)


@router.get("/results/{id}.csv", response_class=Response, responses=file_answer("text/csv") | NOT_MODIFIED_RESPONSE)
def result_csv(result: FoundResult, known: IfNoneMatch = None) -> Response:
    """All stored rows as CSV (RFC 4180, UTF-8). Text that a spreadsheet would run as a formula starts with an
    apostrophe; the Parquet file has every value unchanged."""
    if unchanged := not_modified(_tag(result, "csv"), known):
        return _kept(unchanged, result, "csv")
    rows = csv_pieces(_data(result, "csv"))
    return _kept(StreamingResponse(rows, headers=_named(result, "csv"), media_type=MIME_TYPES["csv"]), result, "csv")


@router.get(
    "/results/{id}.parquet",
    response_class=Response,
    responses=file_answer(MIME_TYPES["parquet"]) | NOT_MODIFIED_RESPONSE,
)
def result_parquet(result: FoundResult, known: IfNoneMatch = None) -> Response:
    """All stored rows as Parquet."""
    if unchanged := not_modified(_tag(result, "parquet"), known):
        return _kept(unchanged, result, "parquet")
    return _file(result, _data(result, "parquet"), "parquet")


@router.get("/results/{id}.png", response_class=Response, responses=file_answer("image/png") | NOT_MODIFIED_RESPONSE)
def result_png(result: FoundResult, known: IfNoneMatch = None) -> Response:
    """A chart as a PNG image."""
    return _drawn(result, "png", known)


@router.get(
    "/results/{id}.svg", response_class=Response, responses=file_answer("image/svg+xml") | NOT_MODIFIED_RESPONSE
)
def result_svg(result: FoundResult, known: IfNoneMatch = None) -> Response:
    """A chart as an SVG image."""
    return _drawn(result, "svg", known)


def _drawn(result: Result, form: Literal["png", "svg"], known: str | None) -> Response:
    if unchanged := not_modified(_tag(result, form), known):
        return _kept(unchanged, result, form)
    if result.kind is not ResultKind.CHART or result.spec is None:
        raise _no_such_form(result, form)
    return _file(result, picture(result.spec, _first_rows(_data(result, form)), form), form)


def _data(result: Result, form: str) -> bytes:
    data = current().store.results.data(result.id)
    if data is None:
        raise _no_such_form(result, form)
    return data


def _first_rows(data: bytes) -> pa.Table:
    file = ParquetFile(pa.BufferReader(data))
    batch = next(file.iter_batches(ROWS), None)
    return pa.Table.from_batches([batch] if batch else [], file.schema_arrow)


def _no_such_form(result: Result, form: str) -> NotFoundError:
    return NotFoundError(f"This {result.kind.value} is not available as {form}.")


def _file(result: Result, content: bytes, form: str) -> Response:
    return _kept(Response(content, headers=_named(result, form), media_type=MIME_TYPES[form]), result, form)


def _named(result: Result, extension: str) -> Mapping[str, str]:
    return saved_as(f"{file_name(result.title) or result.kind.value}.{extension}")


def _tag(result: Result, form: str) -> str:
    """Return the ETag. A result never changes, so a browser that has it need not load it again; but it can be deleted,
    so the browser asks."""
    return f'"{result.id}.{form}.{VERSION}"'


def _kept(response: Response, result: Result, form: str) -> Response:
    response.headers.update(
        {
            "ETag": _tag(result, form),
            "Cache-Control": "private, no-cache",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
    )
    return response
