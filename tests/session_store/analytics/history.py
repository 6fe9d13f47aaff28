"""Writes a history by hand, with times to the second."""

from __future__ import annotations

import uuid
from datetime import datetime

from google.adk.events.event import Event
from google.genai import types

from session_store.models import SessionKey, Turn, TurnStatus
from tests.session_store.events import append


class History:
    """``at`` is a time with its time zone."""

    def __init__(self, store):
        self.store = store

    def chat(self, at: datetime, *, agent="assistant", user="ann", model="gemini/gemini-2.5-flash") -> SessionKey:
        key = SessionKey(agent, user, str(uuid.uuid4()))
        self.store.sessions.create(key, model=model)
        self.store.log.writer.submit(
            lambda transaction: transaction.execute(
                "update sessions set created_at = $1, updated_at = $1 where id = $2", [at.timestamp(), key.session_id]
            )
        ).result()
        return key

    def turn(
        self,
        key: SessionKey,
        at: datetime,
        *,
        asked="What is new?",
        status=TurnStatus.COMPLETED,
        wait: float | None = 1.0,
        seconds: float | None = 2.0,
        model: str | None = "gemini-2.5-flash",
        chosen="gemini/gemini-2.5-flash",
        tokens=(100, 10),
    ) -> str:
        """A question, and its answer unless ``tokens`` is empty. ``chosen`` is the id of the model that was chosen,
        ``model`` the name under which it answered."""
        turn, begin = str(uuid.uuid4()), at.timestamp()
        self.store.turns.create(
            Turn(
                turn,
                key,
                status,
                {"role": "user", "parts": [{"text": asked}]},
                chosen,
                begin,
                started_at=begin,
                first_token_at=None if wait is None else begin + wait,
                ended_at=None if seconds is None else begin + seconds,
            )
        )
        append(self.store, key, self.event(turn, begin, [types.Part(text=asked)]))
        if tokens:
            usage = types.GenerateContentResponseUsageMetadata(
                prompt_token_count=tokens[0], candidates_token_count=tokens[1]
            )
            answer = self.event(
                turn,
                begin + (seconds or 0),
                [types.Part(text="This.")],
                "assistant",
                model_version=model,
                usage_metadata=usage,
            )
            append(self.store, key, answer)
        return turn

    def tool(self, key: SessionKey, turn: str, at: datetime, seconds: float, *names: str, response=None) -> None:
        """One event with calls and, if ``response`` is given, one in which all of them are answered."""
        calls = [types.Part(function_call=types.FunctionCall(id=name, name=name, args={})) for name in names]
        append(self.store, key, self.event(turn, at.timestamp(), calls, "assistant"))
        if response is not None:
            answers = [
                types.Part(function_response=types.FunctionResponse(id=name, name=name, response=one))
                for name, one in zip(names, response, strict=True)
            ]
            append(self.store, key, self.event(turn, at.timestamp() + seconds, answers, "assistant"))

    @staticmethod
    def event(turn, timestamp, parts, author="user", **fields) -> Event:
        role = "user" if author == "user" else "model"
        content = types.Content(role=role, parts=parts)
        return Event(author=author, invocation_id=turn, content=content, timestamp=timestamp, **fields)
