"""Writes the demo conversations into the store's own tables, many rows at a time."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pandas as pd

from colloquy.demo import statements
from colloquy.demo.mark import mark
from colloquy.demo.plan import STATUSES, plan_sessions, plan_turns
from colloquy.demo.words import AGENTS, FAILURES, MODELS, QUERIES, TOPICS, USERS
from session_store.store import Store

USER, CALL, RESPONSE, ANSWER = range(4)
QUEUED_SECONDS: Final = 0.02
_FAILED: Final = STATUSES.index("failed")


def fill(path: Path, *, sessions: int, messages: int | None = None, seed: int = 1, until: date) -> int:
    """Create a new data file with demo conversations over the year that ends when ``until`` begins (UTC).

    The same arguments always give the same rows. ``messages`` is the approximate total number of messages; None lets it
    follow from the number of sessions. Returns the number of events. The file appears once it is complete.

    Raises:
        FileExistsError: the file already exists.
    """
    if path.exists():
        raise FileExistsError(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    Store(unfinished).close()
    try:
        events = _fill(unfinished, sessions, messages, seed, until)
        shutil.move(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return events


def _fill(path: Path, number: int, messages: int | None, seed: int, until: date) -> int:
    random = np.random.default_rng(seed)
    sessions = plan_sessions(random, number, messages, until)
    turns = plan_turns(random, sessions, until)
    events = _events(sessions, turns)
    with duckdb.connect(str(path)) as connection:
        # Checkpoints along the way would only cost time.
        connection.execute("set checkpoint_threshold = '100GB'")
        connection.execute("set enable_progress_bar = false")
        _words(connection)
        connection.register("plan_sessions", sessions)
        connection.register("plan_turns", turns)
        connection.register("plan_events", events)
        connection.execute(statements.uuids(seed))
        connection.begin()
        for statement in (
            statements.SESSIONS,
            statements.TURNS,
            statements.EVENTS,
            statements.FEEDBACK,
            statements.UPDATED_AT,
        ):
            connection.execute(statement)
        mark(connection, seed)
        connection.commit()
        connection.execute("checkpoint")
    return len(events)


def _events(sessions: pd.DataFrame, turns: pd.DataFrame) -> pd.DataFrame:
    """Return the events of all turns, with ``seq`` counted as the store does. Adds ``session_no`` to the sessions, and
    token usage to the turns."""
    answered = (turns["status"] != _FAILED).to_numpy()
    tools = turns["tool"].to_numpy()
    parts = 1 + 2 * tools + answered
    turn = np.repeat(np.arange(len(turns)), parts)
    place = np.arange(len(turn)) - np.repeat(np.cumsum(parts) - parts, parts)
    kind = np.where(place == 0, USER, np.where(tools[turn] & (place < 3), place, ANSWER))
    session = turns["session"].to_numpy()[turn]
    numbers = np.arange(len(turn)) + session + 2
    before = np.searchsorted(session, np.arange(len(sessions)))
    sessions["place"], turns["place"] = np.arange(len(sessions)), np.arange(len(turns))
    sessions["session_no"] = before + np.arange(len(sessions)) + 1
    turns["number"] = np.arange(len(turns)) - np.searchsorted(turns["session"].to_numpy(), turns["session"].to_numpy())
    turns["input_tokens"] = np.minimum(320 + 190 * turns["number"], 3800)
    turns["output_tokens"] = np.where(answered, 40 + (turns["seconds"] - turns["wait"]) * 25, 0).astype(np.int64)
    started = turns["at"].to_numpy()[turn] + QUEUED_SECONDS
    asked = (turns["wait"] - turns["tool_seconds"]).to_numpy()[turn] * 0.5
    passed = np.select(
        [kind == USER, kind == CALL, kind == RESPONSE],
        [-QUEUED_SECONDS, asked, asked + turns["tool_seconds"].to_numpy()[turn]],
        turns["seconds"].to_numpy()[turn],
    )
    return pd.DataFrame({"seq": numbers, "turn": turn, "kind": kind, "timestamp": started + passed})


def _words(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the word lists as small tables."""
    agents = [(place, agent.id) for place, agent in enumerate(AGENTS)]
    models = [(place, model.id, model.name) for place, model in enumerate(MODELS)]
    said = [
        (kind, agent, place, topic, text.replace("{topic}", name).replace("{Topic}", name[0].upper() + name[1:]))
        for agent, persona in enumerate(AGENTS)
        for kind, texts in (("question", persona.questions), ("answer", persona.answers))
        for place, text in enumerate(texts)
        for topic, name in enumerate(TOPICS)
    ]
    tables: dict[str, Sequence[tuple[object, ...]]] = {
        "words_agents(place integer, id varchar)": agents,
        "words_models(place integer, id varchar, name varchar)": models,
        "words_users(place integer, id varchar)": list(enumerate(USERS)),
        "words_said(kind varchar, agent integer, place integer, topic integer, text varchar)": said,
        "words_queries(place integer, text varchar)": list(enumerate(QUERIES)),
        "words_failures(place integer, text varchar)": list(enumerate(FAILURES)),
        "words_statuses(place integer, name varchar)": list(enumerate(STATUSES)),
    }
    for table, rows in tables.items():
        connection.execute(f"create temp table {table}")
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"insert into {table.partition('(')[0]} values ({marks})", rows)
