"""A small history with known answers."""

from __future__ import annotations

from google.adk.events.event import Event
from google.genai import types

from session_store import Store
from session_store.models import SessionKey, TitleSource, Turn, TurnStatus
from session_store.prices import keep_prices
from tests.session_store.events import append, said

TIDES = SessionKey("analyst", "ann", "tides")
BREAD = SessionKey("analyst", "ann", "bread")
STARS = SessionKey("poet", "bob", "stars")
DAY = 86_400.0


def tool(call_id: str, name: str = "run_sql", *, turn: str, at: float, **fields: object) -> Event:
    """A call with ``args``, or an answer with a ``response``."""
    kind = "response" if "response" in fields else "call"
    made = {"call": types.FunctionCall, "response": types.FunctionResponse}[kind](id=call_id, name=name, **fields)
    part = types.Part(**{f"function_{kind}": made})
    role = "user" if kind == "response" else "model"
    return Event(author="analyst", invocation_id=turn, content=types.Content(role=role, parts=[part]), timestamp=at)


def usage(given: int, written: int) -> types.GenerateContentResponseUsageMetadata:
    return types.GenerateContentResponseUsageMetadata(prompt_token_count=given, candidates_token_count=written)


def answered(text: str, turn: str, at: float, *, tokens: tuple[int, int] = (10, 5), model: str = "small") -> Event:
    """A model's answer, with its tokens."""
    return said(text, author="analyst", turn=turn, timestamp=at, usage_metadata=usage(*tokens), model_version=model)


def ended(store: Store, key: SessionKey, turn: str, at: float, status: TurnStatus = TurnStatus.COMPLETED) -> None:
    message = {"role": "user", "parts": [{"text": "?"}]}
    store.turns.create(Turn(turn, key, status, message, "small", at, at, at + 0.5, at + 1, 10, 5))


def fill(store: Store) -> None:
    """Three conversations: about tides with a tool, about bread with a failed turn, and about stars."""
    work = store.workspaces.create("Work")
    store.sessions.create(TIDES, model="small", workspace_id=work.id)
    store.sessions.create(BREAD, model="large")
    store.sessions.create(STARS, model="small")
    store.sessions.rename(TIDES, "Tides at the coast", TitleSource.PERSON)
    store.sessions.rename(BREAD, "bread", TitleSource.WORDS)
    append(
        store,
        TIDES,
        said("When is LOW tide?", turn="t1", timestamp=DAY),
        tool("c1", turn="t1", at=DAY + 1, args={"sql": "select min(height)\nfrom tides", "limit": 5}),
        tool("c1", turn="t1", at=DAY + 2, response={"error": "There is no such table"}),
        answered("Low tide is at noon.", "t1", DAY + 3, tokens=(1_000_000, 100_000)),
        said("And high tide?", turn="t2", timestamp=DAY + 10),
        answered("High tide is in the evening.", "t2", DAY + 11, tokens=(20, 10)),
    )
    append(
        store,
        BREAD,
        said("How do I bake bread?", turn="b1", timestamp=2 * DAY),
        answered("With flour, 100% of it, and low heat.", "b1", 2 * DAY + 1, model="large-1"),
    )
    append(store, STARS, said("Der Äquator der Sterne", turn="s1", timestamp=3 * DAY))
    ended(store, TIDES, "t1", DAY)
    ended(store, TIDES, "t2", DAY + 10)
    ended(store, BREAD, "b1", 2 * DAY, TurnStatus.FAILED)
    ended(store, STARS, "s1", 3 * DAY)


def rate(store: Store) -> None:
    """A thumbs up, a thumbs down, and the price of one of the models."""
    keep_prices(store.path.parent, [{"model": "small", "since": "1970-01-01", "input": 2, "output": 10}])
    store.feedback.set(TIDES, event_ids(store, TIDES)[3], 1)
    store.feedback.set(BREAD, event_ids(store, BREAD)[1], -1, "burnt")


def event_ids(store: Store, key: SessionKey) -> list[str]:
    return [stored.event.id for stored in store.events.list(key)]
