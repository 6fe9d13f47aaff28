"""Users' ratings of answers."""

from __future__ import annotations

from functools import partial

from colloquy.runtime.application import current
from colloquy.ui.attempts import attempt
from colloquy.ui.components import Actions, Rating, message_toolbar
from colloquy.ui.formatting import key_of
from session_store.models import Feedback, SessionKey
from session_store.transcripts.parts import readable
from session_store.transcripts.transcript import Message


def answer_toolbar(
    key: SessionKey,
    message: Message,
    note: str,
    feedback: Feedback | None,
    *,
    prefix: str = "",
    actions: Actions | None = None,
) -> None:
    """Draws the toolbar below an answer, with thumbs and a comment. ``prefix`` begins the key of its element."""
    rating = Rating(feedback.score, feedback.comment) if feedback else Rating()
    message_toolbar(
        prefix + key_of(message.id),
        note,
        readable(message.parts),
        rating=rating,
        on_rating=partial(_keep, key, message.id),
        actions=actions,
    )


def _keep(key: SessionKey, event_id: str, rating: Rating) -> None:
    attempt(lambda: current().set_feedback(key, event_id, rating.score, rating.comment))
