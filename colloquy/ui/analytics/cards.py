"""The charts of the analytics page."""

from __future__ import annotations

from datetime import date, timedelta

from colloquy.ui.agents import agent_name
from colloquy.ui.analytics import drawings
from colloquy.ui.analytics.bars import FAILED, Bars, Row
from colloquy.ui.analytics.card import Card
from colloquy.ui.analytics.drawings import Chart, Point, View
from colloquy.ui.analytics.numbers import count, money, seconds, share
from session_store.analytics.charts import TERMS_FROM, WEEKDAYS
from session_store.analytics.drill_down import DrillDown, Kind
from session_store.analytics.period import Step, day_number
from session_store.analytics.report import Report
from session_store.phrases import counted, day_text

LONGEST_NAME = 70


def _span(report: Report, point: Point) -> tuple[tuple[int, int], str]:
    """Returns the first and last day number of a step, and its name."""
    first = date.fromisoformat(point["Start"])
    step = report.scope.period.step
    if step is Step.DAY:
        return (day_number(first), day_number(first)), f"{first:%A}, {day_text(first)}"
    if step is Step.WEEK:
        return (day_number(first), day_number(first) + 6), f"Week of {day_text(first)}"
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return (day_number(first), day_number(last)), f"{first:%B %Y}"


def _days(report: Report, point: Point) -> tuple[DrillDown, str]:
    days, name = _span(report, point)
    return DrillDown(Kind.DAYS, days), name


def _rated(report: Report, point: Point) -> tuple[DrillDown, str]:
    days, name = _span(report, point)
    return DrillDown(Kind.RATED_DAYS, (point["What"] == "Positive", *days)), f"{point['What']} feedback: {name}"


def _hour(_: Report, point: Point) -> tuple[DrillDown, str]:
    day, hour = WEEKDAYS.index(point["Weekday"]), int(point["Hour"])
    return DrillDown(Kind.HOUR, (day, hour)), f"{point['Weekday']}, {hour}:00 to {hour + 1}:00"


def _model(_: Report, point: Point) -> tuple[DrillDown, str]:
    return DrillDown(Kind.MODEL, (point["Model"],)), point["Model"]


def _tool(_: Report, point: Point) -> tuple[DrillDown, str]:
    if point["What"] == FAILED:
        return DrillDown(Kind.TOOL_FAILED, (point["Tool"],)), f"{point['Tool']}: failed"
    return DrillDown(Kind.TOOL, (point["Tool"],)), point["Tool"]


def _agent(_: Report, point: Point) -> tuple[DrillDown, str]:
    return DrillDown(Kind.AGENT, (point["Agent"],)), agent_name(point["Agent"])


def _turns(report: Report, point: Point) -> tuple[DrillDown, str] | None:
    row = _row_of(report, "turns", "Turns", point)
    if row is None:
        return None
    return DrillDown(Kind.TURNS, (int(row["_low"]), int(row["_high"]))), f"Turns: {point['Turns']}"


def _question(report: Report, point: Point) -> tuple[DrillDown, str] | None:
    row = _row_of(report, "questions", "Question", point)
    if row is None:
        return None
    return DrillDown(Kind.QUESTION, (int(row["_question"]),)), _short(point["Question"])


def _row_of(report: Report, table: str, column: str, point: Point) -> Row | None:
    """Returns the row of a clicked point; None if it was clicked in figures that have changed since."""
    rows = report.tables[table]
    found: list[Row] = rows[rows[column] == point[column]].to_dict("records")
    return found[0] if found else None


def _term(_: Report, point: Point) -> tuple[DrillDown, str]:
    return DrillDown(Kind.TERM, (point["Term"],)), f"“{point['Term']}”"


def _chats(chats: int) -> str:
    return counted(chats, "chat")


def _turns_label(turns: str) -> str:
    return "1 turn" if turns == "1" else f"{turns} turns"


def _status(_: Report, point: Point) -> tuple[DrillDown, str]:
    return DrillDown(Kind.STATUS, (point["Status"],)), f"Turns: {point['Status']}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1].rstrip() + "…"


def _model_value(row: Row, measure: str) -> str:
    if measure != "Cost":
        return f"{count(row['Tokens in'])} in, {count(row['Tokens out'])} out"
    if row["Cost"] is None:
        return "price unknown"
    return f"{money(row['Cost'])} + unknown" if row["Unpriced tokens"] else money(row["Cost"])


def _tool_value(row: Row, measure: str) -> str:
    if measure != "Seconds":
        return counted(row["Calls"], "call")
    if row["Median"] is None:
        return "no answer"
    return f"median {seconds(row['Median'])}, p95 {seconds(row['p95'])}"


def _tool_failures(row: Row, measure: str) -> str:
    if measure == "Seconds" or not row["Failed"]:
        return ""
    return f"{share(row['Failed'] / (row['Succeeded'] + row['Failed']))} failed"


TOOL_CALLS = ("Succeeded", FAILED, "No answer")
AGENT_VALUES = {
    "Chats": count,
    "Turns": count,
    "Tokens": count,
    "First word": seconds,
    "Turn duration": seconds,
    "Failed": share,
}


def _agent_value(row: Row, measure: str) -> str:
    return AGENT_VALUES[measure](row[measure]) if row[measure] is not None else "not measured"


NOT_MEASURED = "No turns were measured in this period."

CARDS = (
    Card(
        "activity",
        "Activity",
        Chart(lambda view: drawings.over_time(view.measure, view.step)),
        _days,
        "",
        measures=("Chats", "Messages", "Turns"),
    ),
    Card(
        "spending",
        "Token usage and cost",
        Chart(lambda view: drawings.spending(view.measure, view.step)),
        _days,
        "No model reported tokens in this period.",
        measures=("Tokens", "Cost"),
        is_empty=lambda table: not table[["Tokens in", "Tokens out"]].any(axis=None),
    ),
    Card(
        "heat",
        "Busiest hours",
        Chart(lambda _: drawings.heat()),
        _hour,
        "No messages in this period.",
        is_empty=lambda table: not table["Questions"].any(),
    ),
    Card(
        "models",
        "Usage by model",
        Bars("Model", _model_value, {"Tokens": ("Tokens in", "Tokens out"), "Cost": ("Cost",)}),
        _model,
        "No model reported tokens in this period.",
        measures=("Tokens", "Cost"),
    ),
    Card(
        "latency",
        "Response times",
        Chart(lambda view: drawings.latency(view.step)),
        _days,
        NOT_MEASURED,
        is_empty=lambda table: bool(table.drop(columns="Start").isna().all(axis=None)),
    ),
    Card(
        "tools",
        "Tool calls",
        Bars("Tool", _tool_value, {"Calls": TOOL_CALLS, "Seconds": ("Median",)}, failures=_tool_failures),
        _tool,
        "No tools were called in this period.",
        measures=("Calls", "Seconds"),
    ),
    Card(
        "turns",
        "Turns per chat",
        Bars("Turns", lambda row, _: _chats(row["Chats"]), {"": ("Chats",)}, label=_turns_label),
        _turns,
        "No chats in this period.",
    ),
    Card(
        "agents",
        "Agents compared",
        Bars("Agent", _agent_value, {measure: (measure,) for measure in AGENT_VALUES}, label=agent_name),
        _agent,
        "No chats in this period.",
        measures=tuple(AGENT_VALUES),
    ),
    Card(
        "questions",
        "Repeated questions",
        Bars("Question", lambda row, _: counted(row["Times"], "time"), {"": ("Times",)}, label=_short),
        _question,
        "No question was asked more than once in this period.",
    ),
    Card(
        "terms",
        "Frequent words",
        Bars("Term", lambda row, _: counted(row["Messages"], "message"), {"": ("Messages",)}),
        _term,
        "No word was used more than once in this period.",
        note=f"From the newest {TERMS_FROM:,} user messages, without common words.",
    ),
    Card(
        "endings",
        "Turn outcomes",
        Bars(
            "Status",
            lambda row, _: f"{count(row['Turns'])}, {share(row['Share'])}",
            {"": ("Turns",)},
            label=str.capitalize,
        ),
        _status,
        "No turns in this period.",
    ),
    Card(
        "feedback",
        "Feedback on answers",
        Chart(lambda view: drawings.feedback(view.step)),
        _rated,
        "No answers were rated in this period.",
        is_empty=lambda table: not table[["Positive", "Negative"]].any(axis=None),
    ),
)


def preload_charts() -> None:
    """Builds and caches the drawings of a first visit, so that it does not wait for them."""
    for made in CARDS:
        if isinstance(made.picture, Chart):
            for step in Step:
                made.picture.draw(View(made.measures[0] if made.measures else "", step))
