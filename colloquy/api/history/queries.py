"""Results of queries on the SQL page, as files to download: all rows, while the page shows only the first ones."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import Response, StreamingResponse

from colloquy.agents.data.suggestions import title_of_query
from colloquy.api.http.files import csv_pieces, file_answer, file_name, saved_as
from colloquy.api.http.problems import NotFoundError
from colloquy.runtime.sql_queries import QueryAnswer, answer_of

router = APIRouter(prefix="/v1", tags=["queries"])

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
NOT_KEPT = {"Cache-Control": "private, no-store"}


def _found(answer_id: Annotated[str, Path(alias="id")]) -> QueryAnswer:
    answer = answer_of(answer_id)
    if answer is None:
        raise NotFoundError("The result of this query is no longer available. Run it again on the SQL page.")
    return answer


FoundAnswer = Annotated[QueryAnswer, Depends(_found)]


@router.get("/queries/{id}.csv", response_class=Response, responses=file_answer(CSV))
def query_csv(answer: FoundAnswer) -> Response:
    """All rows as CSV (RFC 4180, UTF-8). Text that a spreadsheet would run as a formula starts with an apostrophe."""
    headers = saved_as(_name(answer, "csv")) | NOT_KEPT
    return StreamingResponse(csv_pieces(answer.data), headers=headers, media_type=f"{CSV}; charset=utf-8")


@router.get("/queries/{id}.parquet", response_class=Response, responses=file_answer(PARQUET))
def query_parquet(answer: FoundAnswer) -> Response:
    """All rows as Parquet, with every value unchanged."""
    return Response(answer.data, headers=saved_as(_name(answer, "parquet")) | NOT_KEPT, media_type=PARQUET)


def _name(answer: QueryAnswer, extension: str) -> str:
    return f"{file_name(title_of_query(answer.sql)) or 'query'}.{extension}"
