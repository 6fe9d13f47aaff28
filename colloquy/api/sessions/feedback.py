"""Feedback on answers, over HTTP."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from colloquy.api.http.lookup import session_named
from colloquy.api.http.problems import NotFoundError
from colloquy.api.http.values import Text, moment
from colloquy.runtime.application import current
from session_store.limits import LONGEST_COMMENT
from session_store.models import SessionKey

router = APIRouter(prefix="/v1", tags=["feedback"])

PATH = "/conversations/{conversation_id}/messages/{message_id}/feedback"


class NewFeedback(BaseModel):
    """A person's feedback on an answer; it replaces any earlier feedback."""

    model_config = ConfigDict(extra="forbid", strict=True)

    score: Literal[1, -1] | None = Field(None, description="1: thumbs up, -1: thumbs down.")
    comment: Text = Field("", max_length=LONGEST_COMMENT)


class FeedbackOut(BaseModel):
    """A person's feedback on an answer."""

    message_id: str
    score: Literal[1, -1] | None
    comment: str
    at: datetime | None = Field(description="When it was given; null if there is none.")


@router.get(PATH)
def get_feedback(conversation_id: str, message_id: str) -> FeedbackOut:
    """The feedback on an answer; without score and comment if there is none."""
    return _now(session_named(conversation_id).key, message_id)


@router.put(PATH)
def put_feedback(conversation_id: str, message_id: str, given: NewFeedback) -> FeedbackOut:
    """Set the feedback on an answer; without score and comment, it is removed."""
    key = session_named(conversation_id).key
    _keep(key, message_id, given.score, given.comment)
    return _now(key, message_id)


@router.delete(PATH, status_code=HTTPStatus.NO_CONTENT)
def delete_feedback(conversation_id: str, message_id: str) -> None:
    """Remove feedback."""
    _keep(session_named(conversation_id).key, message_id, None, "")


def _keep(key: SessionKey, message_id: str, score: Literal[1, -1] | None, comment: str) -> None:
    if not current().set_feedback(key, message_id, score, comment):
        raise NotFoundError("There is no message with this id in this conversation.")


def _now(key: SessionKey, message_id: str) -> FeedbackOut:
    found = current().store.feedback.of_events(key, [message_id]).get(message_id)
    if found is None:
        return FeedbackOut(message_id=message_id, score=None, comment="", at=None)
    return FeedbackOut(message_id=message_id, score=found.score, comment=found.comment, at=moment(found.at))
