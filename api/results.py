"""Results of conversations over HTTP: what each is, and its data as files to download."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import wraps
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import pyarrow as pa
from pyarrow.parquet import ParquetFile
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from api.chart_pictures import ROWS, picture
from api.csv_text import csv_pieces
from api.problems import problem
from runtime.workbench import current
from session_store.errors import ColloquyError
from session_store.models import Result, ResultKind

Endpoint = Callable[[Request], Awaitable[Response]]
Make = Callable[[Result], Awaitable[Response | None]]

VERSION = "1"
"""Goes into every ETag; changes when the same data would be written another way."""

MIME_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "png": "image/png",
    "svg": "image/svg+xml",
}
LONGEST_NAME = 80


def _answers(form: str) -> Callable[[Make], Endpoint]:
    """An endpoint that answers with what ``make`` makes of the result that the path names; None is "not there".

    A result never changes, so that a browser that has it need not load it again; but it can be deleted, so it asks.
    """

    def decorate(make: Make) -> Endpoint:
        @wraps(make)
        async def endpoint(request: Request) -> Response:
            if _from_elsewhere(request):
                return problem(HTTPStatus.FORBIDDEN, "Results are given to Colloquy's own page only.")
            result = await run_in_threadpool(_result, request.path_params["id"])
            if result is None:
                return problem(HTTPStatus.NOT_FOUND, "This result is not here. It, or its chat, was deleted.")
            tag = f'"{result.id}.{form}.{VERSION}"'
            headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Cross-Origin-Resource-Policy": "same-origin"}
            if tag in re.split(r"\s*,\s*(?:W/)?", request.headers.get("if-none-match", "").removeprefix("W/")):
                return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
            try:
                response = await make(result)
            except ColloquyError as error:
                return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
            if response is None:
                return problem(HTTPStatus.NOT_FOUND, f"This {result.kind.value} cannot be had as {form}.")
            response.headers.update(headers)
            return response

        return endpoint

    return decorate


@_answers("json")
async def describe(result: Result) -> Response:
    """What the result is, without its data."""
    facts: dict[str, Any] = asdict(result)
    facts["session_id"] = facts.pop("key")["session_id"]
    return JSONResponse(facts)


@_answers("csv")
async def as_csv(result: Result) -> Response | None:
    """Every row that is kept, as CSV. See ``csv_pieces`` for how values are written."""
    data = await run_in_threadpool(current().store.result_data, result.id)
    if data is None:
        return None
    return StreamingResponse(csv_pieces(data), headers=_named(result, "csv"), media_type=MIME_TYPES["csv"])


@_answers("parquet")
async def as_parquet(result: Result) -> Response | None:
    """Every row that is kept, exactly."""
    data = await run_in_threadpool(current().store.result_data, result.id)
    return Response(data, headers=_named(result, "parquet"), media_type=MIME_TYPES["parquet"]) if data else None


@_answers("png")
async def as_png(result: Result) -> Response | None:
    """A chart as a picture of pixels."""
    return await run_in_threadpool(_picture, result, "png")


@_answers("svg")
async def as_svg(result: Result) -> Response | None:
    """A chart as a picture of lines."""
    return await run_in_threadpool(_picture, result, "svg")


@_answers("file")
async def as_file(result: Result) -> Response | None:
    """The file that an agent made."""
    if result.file_name is None:
        return None
    part = await current().artifacts.load_artifact(
        app_name=result.key.app_name,
        user_id=result.key.user_id,
        session_id=result.key.session_id,
        filename=result.file_name,
        version=result.file_version,
    )
    if part is None:
        return None
    if part.inline_data and part.inline_data.data is not None:
        content, kind = part.inline_data.data, part.inline_data.mime_type
    else:
        content, kind = (part.text or "").encode(), "text/plain; charset=utf-8"
    name = re.split(r"[/\\:]", result.file_name)[-1]
    return Response(content, headers=_disposition(name), media_type=kind or "application/octet-stream")


def _result(result_id: str) -> Result | None:
    """The result, if it and its session are there and belong to the user of this app."""
    workbench = current()
    result = workbench.store.get_result(result_id)
    if result is None or result.key.user_id != workbench.settings.user:
        return None
    return result if workbench.store.get_session(result.key.session_id) else None


def _picture(result: Result, form: Literal["png", "svg"]) -> Response | None:
    data = current().store.result_data(result.id)
    if result.kind is not ResultKind.CHART or result.spec is None or data is None:
        return None
    drawn = picture(result.spec, _first_rows(data), form)
    return Response(drawn, headers=_named(result, form), media_type=MIME_TYPES[form])


def _first_rows(data: bytes) -> pa.Table:
    file = ParquetFile(pa.BufferReader(data))
    batch = next(file.iter_batches(ROWS), None)
    return pa.Table.from_batches([batch] if batch else [], file.schema_arrow)


def _named(result: Result, extension: str) -> dict[str, str]:
    return _disposition(f"{_as_name(result.title) or result.kind.value}.{extension}")


def _as_name(title: str) -> str:
    """A title without what file systems do not take in a name."""
    printable = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in title)
    return " ".join(re.sub(r'[\\/:*?"<>|]', " ", printable).split())[:LONGEST_NAME].strip(" .")


def _disposition(name: str) -> dict[str, str]:
    """The header that has a browser save a file under its name and never show it as a page of this server."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'["\\\x00-\x1f\x7f]', "", letters).strip()
    plain = plain if plain.rpartition(".")[0] else f"result{plain}"
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}


def _from_elsewhere(request: Request) -> bool:
    """Whether the page of another site asks, which browsers let it do."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return True
    return request.headers.get("sec-fetch-site") in ("cross-site", "same-site")


_PATH = "/api/v1/results/{id}"

routes = [
    Route(f"{_PATH}/file", as_file),
    *(
        Route(f"{_PATH}.{form}", answer)
        for form, answer in {
            "json": describe,
            "csv": as_csv,
            "parquet": as_parquet,
            "png": as_png,
            "svg": as_svg,
        }.items()
    ),
]
