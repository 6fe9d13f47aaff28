"""The figures at the top of the page, with how much each grew since the period before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st

from session_store.analytics.behind import Behind, Kind
from session_store.analytics.figures import Figures
from session_store.analytics.report import Report
from ui.analytics.numbers import MISSING, change, count, money, points, seconds, share
from ui.history.behind import open_list

HERE = Path(__file__).parent
KEY = "figures"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: how to find, write and judge it. ``better`` is 1 where more is good, -1 where it is bad."""

    name: str
    title: str
    value: Callable[[Figures], float | None]
    write: Callable[[float | None], str]
    behind: Callable[[Report], Behind]
    better: int = 0
    changed: Callable[[float | None, float | None], str] = change
    """How the difference to the period before is written."""
    detail: Callable[[Figures], str] = lambda _: ""
    note: str = ""
    listed: Callable[[Report], str] = lambda _: ""
    """What is listed behind it, where that is not all of what it counts."""


def _count(value: float | None) -> str:
    return MISSING if value is None else count(value)


def _all(_: Report) -> Behind:
    return Behind(Kind.ALL)


def _cost_detail(figures: Figures) -> str:
    return f"+ {count(figures.unpriced_tokens)} tokens, price unknown" if figures.unpriced_tokens else ""


def _unpriced(report: Report) -> Behind:
    return Behind(Kind.UNPRICED, report.unpriced) if report.unpriced else Behind(Kind.ALL)


FIGURES = (
    Figure("conversations", "Chats", lambda f: f.conversations, _count, _all, note="Begun or continued in the period"),
    Figure("turns", "Turns", lambda f: f.turns, _count, lambda _: Behind(Kind.TURNS, (1, 1_000_000_000))),
    Figure("messages", "Messages", lambda f: f.messages, _count, _all),
    Figure("users", "Users", lambda f: f.users, _count, _all),
    Figure("input", "Tokens in", lambda f: f.input_tokens, _count, _all, note="What models were given to read"),
    Figure("output", "Tokens out", lambda f: f.output_tokens, _count, _all, note="What models wrote"),
    Figure(
        "cost",
        "Cost",
        lambda f: f.cost,
        money,
        _unpriced,
        detail=_cost_detail,
        note="Where a price is not known, opens the chats with such tokens",
        listed=lambda report: "Tokens without a price" if report.unpriced else "",
    ),
    Figure(
        "wait",
        "Time to first word",
        lambda f: f.wait,
        seconds,
        lambda report: Behind(Kind.SLOW_FIRST_WORD, (report.now.wait_p95 or 0.0,)),
        better=-1,
        detail=lambda f: f"95 % within {seconds(f.wait_p95)}" if f.wait_p95 is not None else "",
        note="Median. Opens the slowest 5 %",
        listed=lambda _: "Time to first word: the slowest 5 %",
    ),
    Figure(
        "seconds",
        "Length of a turn",
        lambda f: f.seconds,
        seconds,
        lambda report: Behind(Kind.SLOW_TURN, (report.now.seconds_p95 or 0.0,)),
        better=-1,
        detail=lambda f: f"95 % within {seconds(f.seconds_p95)}" if f.seconds_p95 is not None else "",
        note="Median. Opens the slowest 5 %",
        listed=lambda _: "Length of a turn: the slowest 5 %",
    ),
    Figure(
        "failures",
        "Failed turns",
        lambda f: f.failures,
        share,
        lambda _: Behind(Kind.STATUS, ("failed",)),
        better=-1,
        changed=points,
        note="Of the turns that are over",
    ),
    Figure(
        "positive",
        "Positive feedback",
        lambda f: f.positive,
        share,
        lambda _: Behind(Kind.RATED, (False,)),
        better=1,
        changed=points,
        note="Share of the scores given. Opens the chats with a negative one",
        listed=lambda _: "Negative feedback",
    ),
)


@st.fragment
def figure_row(report: Report) -> None:
    """Draws the figures; a click opens the conversations behind one."""
    shown = [figure for figure in FIGURES if figure.name != "positive" or report.now.positive is not None]
    mount = st.components.v2.component(
        "colloquy.figures", html=_read("figures.html"), css=_read("figures.css"), js=_read("figures.js")
    )
    mount(
        key=KEY,
        data={"figures": [_drawn(figure, report) for figure in shown]},
        on_picked_change=_picked,
        height="content",
    )
    picked = st.session_state.pop("figure_picked", None)
    for figure in shown:
        if figure.name == picked:
            open_list(report.scope, figure.behind(report), figure.listed(report) or figure.title)


def _drawn(figure: Figure, report: Report) -> dict[str, str]:
    now, before = figure.value(report.now), figure.value(report.before)
    grown = figure.changed(now, before) if report.comparable else ""
    better = figure.better * (1 if grown.startswith(("+", "x")) else -1)
    return {
        "name": figure.name,
        "title": figure.title,
        "value": figure.write(now),
        "change": grown,
        "tone": "good" if better > 0 else "bad" if better < 0 else "plain",
        "detail": figure.detail(report.now),
        "note": ". ".join(filter(None, [figure.note, _comparison(report, figure.write(before))])),
    }


def _comparison(report: Report, before: str) -> str:
    period = report.scope.period.before()
    return f"{period.first} to {period.last}: {before}" if report.comparable else ""


def _picked() -> None:
    st.session_state.figure_picked = st.session_state[KEY].picked


@cache
def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
