"""Counts and removes conversations that have been neither saved nor touched for a long time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from colloquy.api.http.values import Whole, moment
from colloquy.runtime.application import current
from session_store.limits import MOST_RETENTION_DAYS

router = APIRouter(prefix="/v1", tags=["retention"])

DAYS: Final = "Days during which a conversation was neither changed nor opened. Saved ones are not included."


class UntouchedOut(BaseModel):
    """A conversation that would be removed."""

    id: str
    title: str
    updated_at: datetime


class RetentionOut(BaseModel):
    """What would be removed."""

    days: int
    setting: int = Field(description="Days after which Colloquy removes them automatically; 0: never.")
    conversations: int
    oldest: datetime | None
    examples: list[UntouchedOut] = Field(description="Some of them, oldest first.")


class Removal(BaseModel):
    """What to remove."""

    model_config = ConfigDict(extra="forbid", strict=True)

    days: Whole = Field(ge=1, le=MOST_RETENTION_DAYS, description=DAYS)


class Removed(BaseModel):
    """What was removed. It can be restored for a while, like everything that is deleted."""

    removed: int


@router.get("/retention")
def preview_retention(days: Annotated[int, Query(ge=1, le=MOST_RETENTION_DAYS, description=DAYS)] = 90) -> RetentionOut:
    """What would be removed now."""
    application = current()
    found = application.retention_preview(days)
    return RetentionOut(
        days=days,
        setting=application.settings.retention_days,
        conversations=found.count,
        oldest=None if found.oldest is None else moment(found.oldest),
        examples=[
            UntouchedOut(id=one.key.session_id, title=one.title, updated_at=moment(one.updated_at))
            for one in found.examples
        ],
    )


@router.post("/retention")
def remove_untouched(wanted: Removal) -> Removed:
    """Remove inactive conversations. Saved ones are never removed."""
    return Removed(removed=len(current().remove_untouched(wanted.days)))
