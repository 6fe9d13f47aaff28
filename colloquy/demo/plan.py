"""Plans who talks with which agent, when, and how it goes: only numbers, always the same for the same seed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from colloquy.demo.words import AGENTS, FAILURES, MODELS, QUERIES, TOPICS, USERS

DAYS: Final = 365
DAY_SECONDS: Final = 86_400
TURNS_A_SESSION: Final = 6.0
LONGEST_TALK_DAYS: Final = 20

_WEEKDAYS: Final = (1.0, 1.1, 1.08, 1.0, 0.85, 0.22, 0.16)  # Monday first
_HOURS: Final = (1, 1, 1, 1, 1, 2, 8, 22, 45, 60, 62, 50, 30, 48, 58, 55, 44, 30, 18, 14, 12, 9, 5, 2)  # UTC
_HOLIDAYS: Final = {(12, day) for day in range(23, 32)} | {(1, 1)}
_BAD_DAYS: Final = range(222, 225)
_COMPLETED, _FAILED, _STOPPED, _INTERRUPTED = range(4)
STATUSES: Final = ("completed", "failed", "stopped", "interrupted")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def plan_sessions(random: np.random.Generator, number: int, messages: int | None, until: date) -> pd.DataFrame:
    """Return one row per session, ordered by time: ``start`` (Unix seconds), ``agent``, ``model``, ``user`` (positions
    in the word lists), ``saved``, ``deleted``, ``turns``. ``messages`` is how many messages they all have together."""
    first = until - timedelta(days=DAYS)
    days = [first + timedelta(days=offset) for offset in range(DAYS)]
    weights = np.array([_weight(day, place) for place, day in enumerate(days)])
    day = np.sort(random.choice(DAYS, number, p=weights / weights.sum()))
    hour = random.choice(24, number, p=np.array(_HOURS) / sum(_HOURS))
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()
    agent = random.choice(len(AGENTS), number, p=[agent.share for agent in AGENTS])
    sessions = pd.DataFrame(
        {
            "start": begin + day * DAY_SECONDS + hour * 3600 + random.random(number) * 3600,
            "agent": agent,
            "model": random.choice(len(MODELS), number, p=[model.share for model in MODELS]),
            "user": random.choice(len(USERS), number, p=list(USERS.values())),
            "saved": random.random(number) < 0.12,
            "deleted": random.random(number) < 0.004,
            "turns": _turns(random, agent, messages),
        }
    )
    return sessions.sort_values("start", ignore_index=True)


def plan_turns(random: np.random.Generator, sessions: pd.DataFrame, until: date) -> pd.DataFrame:
    """Return one row per turn, ordered by session and time: ``session``, ``at`` (Unix seconds), ``status``, ``topic``,
    ``question``, ``answer``, ``tool`` (whether one is called), ``tool_failed``, ``tool_seconds``, ``wait`` and
    ``seconds`` (until the first word, and until the end), ``query``, ``failure``, ``score`` (1, -1 or 0 for none),
    ``case`` (0, or a number to mention)."""
    counts = sessions["turns"].to_numpy()
    session = np.repeat(np.arange(len(sessions)), counts)
    number = len(session)
    agent, model = sessions["agent"].to_numpy()[session], sessions["model"].to_numpy()[session]
    end = datetime(until.year, until.month, until.day, tzinfo=UTC).timestamp()
    at = _times(random, sessions, session, end)
    waits = np.array([item.first_token for item in MODELS])[model] * random.lognormal(0.0, 0.45, number)
    tokens = 40 + random.gamma(2.0, 60.0, number)
    tool = random.random(number) < np.array([item.tools for item in AGENTS])[agent]
    tool_seconds = np.where(tool, random.lognormal(-1.4, 0.9, number), 0.0)
    status = _statuses(random, model, at, end)
    speed = np.array([item.speed for item in MODELS])[model] * random.lognormal(0.0, 0.2, number)
    return pd.DataFrame(
        {
            "session": session,
            "at": at,
            "status": status,
            "topic": random.integers(0, len(TOPICS), number),
            "question": _popular(random, np.array([len(item.questions) for item in AGENTS])[agent]),
            "answer": random.integers(0, 1 << 30, number) % np.array([len(item.answers) for item in AGENTS])[agent],
            "tool": tool,
            "tool_failed": random.random(number) < 0.07,
            "tool_seconds": tool_seconds,
            "wait": waits + tool_seconds,
            "seconds": waits + tool_seconds + tokens / speed * np.where(status == _STOPPED, 0.4, 1.0),
            "query": random.integers(0, len(QUERIES), number),
            "failure": random.integers(0, len(FAILURES), number),
            "score": random.choice((1, -1, 0), number, p=(0.05, 0.012, 0.938)),
            "case": np.where(random.random(number) < 0.35, random.integers(100, 1_000_000, number), 0),
        }
    )


def _weight(day: date, place: int) -> float:
    growth = 0.35 + 0.65 * place / DAYS
    return growth * _WEEKDAYS[day.weekday()] * (0.15 if (day.month, day.day) in _HOLIDAYS else 1.0)


def _turns(random: np.random.Generator, agent: Ints, messages: int | None) -> Ints:
    """Return the number of turns of each session: most are short, some very long, and the total is as requested."""
    raw = random.lognormal(0.0, 0.8, len(agent)) * np.array([item.turns for item in AGENTS])[agent]
    total = TURNS_A_SESSION * len(agent) if messages is None else messages / 2
    turns: Ints = np.maximum(1, np.rint(raw * total / raw.sum())).astype(np.int64)
    empty = random.random(len(agent)) < 0.01
    return np.where(empty, 0, turns)


def _times(random: np.random.Generator, sessions: pd.DataFrame, session: Ints, end: float) -> Floats:
    """Return when each turn begins. Sessions that would extend beyond the end are moved earlier."""
    number, counts = len(session), sessions["turns"].to_numpy()
    gaps = 25 + random.exponential(80.0, number)
    later = random.random(number) < 0.02
    gaps[later] += random.lognormal(10.5, 1.2, int(later.sum()))
    passed = np.concatenate([[0.0], np.cumsum(gaps)])
    before = passed[np.cumsum(counts) - counts]
    offset = np.minimum(passed[1:] - before[session], LONGEST_TALK_DAYS * DAY_SECONDS + np.arange(number) * 1e-3)
    longest = np.zeros(len(sessions))
    np.maximum.at(longest, session, offset)
    sessions["start"] = np.minimum(sessions["start"].to_numpy(), end - longest - 600)
    at: Floats = sessions["start"].to_numpy()[session] + offset
    return at


def _popular(random: np.random.Generator, choices: Ints) -> Ints:
    """Return a position in a list of ``choices`` items, the first ones far more often."""
    place: Ints = np.floor(random.random(len(choices)) ** 2.2 * choices).astype(np.int64)
    return place


def _statuses(random: np.random.Generator, model: Ints, at: Floats, end: float) -> Ints:
    day = DAYS - np.ceil((end - at) / DAY_SECONDS)
    failing = np.array([item.failures for item in MODELS])[model]
    failing = np.where(np.isin(day, _BAD_DAYS) & (model == 1), 0.3, failing)
    luck = random.random(len(at))
    edges = (luck < failing, luck < failing + 0.015, luck < failing + 0.018)
    return np.select(edges, (_FAILED, _STOPPED, _INTERRUPTED), _COMPLETED).astype(np.int64)
