"""The charts of the page."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from session_store.analytics.behind import Behind, Kind
from session_store.analytics.charts import TERMS_FROM, WEEKDAYS
from session_store.analytics.period import Step
from session_store.analytics.report import Report
from session_store.analytics.zones import day_number
from ui.analytics import drawings
from ui.analytics.card import Card, Point, Style
from ui.analytics.drawings import Drawing
from ui.analytics.names import agent_name
from ui.analytics.numbers import count, money, seconds, share

LONGEST_NAME = 70


def _span(report: Report, point: Point) -> tuple[tuple[int, int], str]:
    """The first and the last day number of a step, and what it is called."""
    first = date.fromisoformat(point["Start"])
    step = report.scope.period.step
    if step is Step.DAY:
        return (day_number(first), day_number(first)), f"{first:%A, %d %B %Y}"
    if step is Step.WEEK:
        return (day_number(first), day_number(first) + 6), f"Week of {first:%d %B %Y}"
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return (day_number(first), day_number(last)), f"{first:%B %Y}"


def _days(report: Report, point: Point) -> tuple[Behind, str]:
    days, name = _span(report, point)
    return Behind(Kind.DAYS, days), name


def _rated(report: Report, point: Point) -> tuple[Behind, str]:
    days, name = _span(report, point)
    return Behind(Kind.RATED_DAYS, (point["What"] == "Positive", *days)), f"{point['What']} feedback: {name}"


def _hour(_: Report, point: Point) -> tuple[Behind, str]:
    day, hour = WEEKDAYS.index(point["Weekday"]), int(point["Hour"])
    return Behind(Kind.HOUR, (day, hour)), f"{point['Weekday']}, {hour}:00 to {hour + 1}:00"


def _model(_: Report, point: Point) -> tuple[Behind, str]:
    return Behind(Kind.MODEL, (point["Model"],)), point["Model"]


def _tool(_: Report, point: Point) -> tuple[Behind, str]:
    if point.get("What") == "Failed":
        return Behind(Kind.TOOL_FAILED, (point["Tool"],)), f"{point['Tool']}: failed"
    return Behind(Kind.TOOL, (point["Tool"],)), point["Tool"]


def _agent(_: Report, point: Point) -> tuple[Behind, str]:
    return Behind(Kind.AGENT, (point["Agent"],)), agent_name(point["Agent"])


def _turns(report: Report, point: Point) -> tuple[Behind, str]:
    table = report.tables["turns"]
    row = table[table["Turns"] == point["Turns"]].iloc[0]
    return Behind(Kind.TURNS, (int(row["_low"]), int(row["_high"]))), f"Turns: {point['Turns']}"


def _question(report: Report, point: Point) -> tuple[Behind, str]:
    table = report.tables["questions"]
    row = table[table["Question"] == point["Question"]].iloc[0]
    return Behind(Kind.QUESTION, (int(row["_question"]),)), _short(point["Question"])


def _term(report: Report, point: Point) -> tuple[Behind, str]:
    table = report.tables["terms"]
    return Behind(Kind.MESSAGES, tuple(table[table["Term"] == point["Term"]].iloc[0]["_messages"])), point["Term"]


def _status(_: Report, point: Point) -> tuple[Behind, str]:
    return Behind(Kind.STATUS, (point["Status"],)), f"Turns: {point['Status']}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1].rstrip() + "…"


def _named(table: pd.DataFrame, names: list[str], values: list[str]) -> pd.DataFrame:
    return table.assign(
        _rank=range(len(table)),
        _label=[f"{name} · {value}" if value else name for name, value in zip(names, values, strict=True)],
    )


def _models(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    if measure == "Cost":
        values = [
            money(cost) + " + unknown" * (rest > 0) if pd.notna(cost) else "price unknown"
            for cost, rest in zip(table["Cost"], table["Tokens without a price"], strict=True)
        ]
    else:
        values = [
            f"{count(given)} in, {count(written)} out"
            for given, written in zip(table["Tokens in"], table["Tokens out"], strict=True)
        ]
    return _named(table, list(table["Model"]), values)


def _tools(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    if measure == "Seconds":
        values = [
            f"median {seconds(half)}, 95 % within {seconds(most)}" if pd.notna(half) else "no answer"
            for half, most in zip(table["Median"], table["95 %"], strict=True)
        ]
    else:
        answered = table["Succeeded"] + table["Failed"]
        values = [
            f"{count(calls)} calls" + (f", {share(failed / answers)} failed" if answers else "")
            for calls, failed, answers in zip(table["Calls"], table["Failed"], answered, strict=True)
        ]
    return _named(table, list(table["Tool"]), values)


AGENT_VALUES = {
    "Chats": count,
    "Turns": count,
    "Tokens": count,
    "First word": seconds,
    "Turn length": seconds,
    "Failed": share,
}


def _agents(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    write = AGENT_VALUES[measure]
    values = [write(value) if pd.notna(value) else "not measured" for value in table[measure]]
    return _named(table, [agent_name(agent) for agent in table["Agent"]], values)


def _questions(table: pd.DataFrame, _: str) -> pd.DataFrame:
    values = [f"{count(times)} times" for times in table["Times"]]
    return _named(table, [_short(question) for question in table["Question"]], values)


def _terms(table: pd.DataFrame, _: str) -> pd.DataFrame:
    values = [f"{count(messages)} messages" for messages in table["Messages"]]
    return _named(table, list(table["Term"]), values)


def _endings(table: pd.DataFrame, _: str) -> pd.DataFrame:
    whole = max(int(table["Turns"].sum()), 1)
    values = [f"{count(turns)}, {share(turns / whole)}" for turns in table["Turns"]]
    return _named(table, list(table["Status"]), values)


def _draw_tools(style: Style, measure: str) -> Drawing:
    if measure == "Seconds":
        return drawings.by_name("Tool", ("Median",), ".1f", dark=style.dark)
    return drawings.by_name("Tool", ("Succeeded", "Failed", "No answer"), "~s", dark=style.dark)


def _draw_models(style: Style, measure: str) -> Drawing:
    if measure == "Cost":
        return drawings.by_name("Model", ("Cost",), "$,.2f", dark=style.dark)
    return drawings.by_name("Model", ("Tokens in", "Tokens out"), "~s", dark=style.dark)


AGENT_FORMATS = {"First word": ".1f", "Turn length": ".1f", "Failed": ".0%"}
NOT_MEASURED = "No turn was measured in this period."

CARDS = (
    Card(
        "activity",
        "How much was going on?",
        lambda style, measure: drawings.over_time(measure, style.step),
        _days,
        "",
        measures=("Chats", "Messages", "Turns"),
    ),
    Card(
        "heat",
        "When do people write?",
        lambda *_: drawings.heat(),
        _hour,
        "Nobody wrote in this period.",
        is_empty=lambda table: not table["Questions"].any(),
    ),
    Card(
        "models",
        "Which models use the tokens, and what do they cost?",
        _draw_models,
        _model,
        "No model reported tokens in this period.",
        measures=("Tokens", "Cost"),
        shown=_models,
    ),
    Card(
        "latency",
        "How long do people wait?",
        lambda style, _: drawings.latency(style.step),
        _days,
        NOT_MEASURED,
        is_empty=lambda table: bool(table.drop(columns="Start").isna().all(axis=None)),
    ),
    Card(
        "tools",
        "Do the tools work?",
        _draw_tools,
        _tool,
        "No tool was called in this period.",
        measures=("Calls", "Seconds"),
        shown=_tools,
    ),
    Card(
        "turns",
        "How long do chats get?",
        lambda *_: drawings.turns(),
        _turns,
        "No chat in this period.",
    ),
    Card(
        "agents",
        "How do the agents compare?",
        lambda style, measure: drawings.by_name("Agent", (measure,), AGENT_FORMATS.get(measure, "~s"), dark=style.dark),
        _agent,
        "No chat in this period.",
        measures=tuple(AGENT_VALUES),
        shown=_agents,
    ),
    Card(
        "questions",
        "What is asked again and again?",
        lambda style, _: drawings.by_name("Question", ("Times",), "~s", dark=style.dark),
        _question,
        "Nothing was asked twice in this period.",
        shown=_questions,
    ),
    Card(
        "terms",
        "Which words come up?",
        lambda style, _: drawings.by_name("Term", ("Messages",), "~s", dark=style.dark),
        _term,
        "No word was written twice in this period.",
        shown=_terms,
        note=f"Of the newest {TERMS_FROM:,} messages that people wrote; small words left out.",
    ),
    Card(
        "endings",
        "How do turns end?",
        lambda style, _: drawings.by_name("Status", ("Turns",), "~s", dark=style.dark),
        _status,
        "No turn in this period.",
        shown=_endings,
    ),
    Card(
        "feedback",
        "Are people content with the answers?",
        lambda style, _: drawings.feedback(style.step),
        _rated,
        "No answer was rated in this period.",
        is_empty=lambda table: not table[["Positive", "Negative"]].any(axis=None),
    ),
)


def draw_ahead() -> None:
    """Make the drawings of a first visit, so that it does not wait for them. They are kept."""
    for made in CARDS:
        for step in Step:
            for dark in (False, True):
                made.draw(Style(step, dark), made.measures[0] if made.measures else "")
