"""Paged lists: the parameters that a route takes and the page that it returns."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

T = TypeVar("T")

LONGEST_CURSOR = 800
MOST_ITEMS = 200

Cursor = Annotated[
    str | None,
    Query(
        max_length=LONGEST_CURSOR,
        pattern=r"^[A-Za-z0-9_-]+=*$",
        description="`next` of the previous page; omit it for the first page.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="The maximum number of items.")]


class Paged(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    next: str | None = Field(None, description="`cursor` of the following page; null on the last one.")
