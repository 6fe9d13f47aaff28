"""Queries for models that cannot call tools: prompts for a single query under a schema, and detects messages that are
already SQL.

All of it is text in and text out; other modules ask the model and run the query.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from colloquy.agents.data.cells import json_rows
from colloquy.agents.data.guard.functions import Dialect
from colloquy.agents.data.results import QueryResult, TableInfo
from session_store.phrases import counted

SQL_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"sql": {"type": "string", "minLength": 8, "maxLength": 2000}},
    "required": ["sql"],
    "additionalProperties": False,
}
"""The JSON schema of the model's answer."""

_MIDNIGHT: Final = "T00:00:00"
_MOST_TABLES: Final = 30
_MOST_COLUMNS: Final = 40
_MOST_VALUES: Final = 8
_COMMAND: Final = re.compile(r"/(sql|chart)(?=\s|$)", re.IGNORECASE)
_DIALECT_NAMES: Final[dict[Dialect, str]] = {"duckdb": "DuckDB", "sqlite": "SQLite", "postgres": "PostgreSQL"}
_MONTHS: Final[dict[Dialect, str]] = {
    "duckdb": "date_trunc('month', sold_at)",
    "sqlite": "strftime('%Y-%m', sold_at)",
    "postgres": "date_trunc('month', sold_at)",
}
_EXAMPLE_TABLES: Final = "shops(shop_id, name, city)\nsales(sale_id, shop_id, sold_at, amount, state)"
_BEST_SHOPS: Final = (
    "SELECT s.name, sum(x.amount) AS sold FROM sales x JOIN shops s ON s.shop_id = x.shop_id "
    "WHERE x.state <> 'cancelled' GROUP BY s.name ORDER BY sold DESC LIMIT 5"
)
_FENCE: Final = re.compile(r"```(?:sql|\w+)?\s*\n?(.*?)```", re.DOTALL | re.IGNORECASE)
_SQL_START: Final = re.compile(
    r"(?:select|with|from|values|explain|describe|summarize|show|table)\b", re.DOTALL | re.IGNORECASE
)
_SQL_SHAPES: Final = (
    r"select\b.*(?:\bfrom\b|[\d*'(,])",
    r"with\s+(?:recursive\s+)?[\w\"]+\s*(?:\([^)]*\)\s*)?as\s*(?:(?:not\s+)?materialized\s*)?\(",
    r"from\s+[\w.\"]+\s*(?:;|$|\b(?:select|where|group|order|limit|join|left|inner|cross)\b)",
    r"values\s*\(",
    r"explain\s+(?:analyze\s+|query\s+plan\s+)?(?:select|with|from|values)\b",
    r"(?:describe|desc|summarize|table)\s+[\w.\"]+\s*;?\s*$",
    r"show\s+(?:all\s+)?tables\s*;?\s*$",
)
_IS_SQL: Final = re.compile(r"\(*\s*(?:" + "|".join(_SQL_SHAPES) + ")", re.DOTALL | re.IGNORECASE)
_PROSE: Final = re.compile(
    r"\?\s*$|^\s*(?:select|from|with|show|describe)\s+(?:the|a|an|all\s+the|me|my|your|some)\s", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a message to an agent with data asks for. ``text`` excludes the command.

    ``is_sql`` says whether the text is to be run unchanged; ``chart`` whether ``/chart`` asked for a chart.
    """

    text: str
    is_sql: bool
    chart: bool = False


def request_of(message: str) -> Request:
    """Parse a message. Text after ``/sql`` is SQL, and so is any other text that reads as a query."""
    text = message.strip()
    command = _COMMAND.match(text)
    if command:
        text = text[command.end() :].strip()
    fenced = _FENCE.fullmatch(text)
    text = (fenced[1] if fenced else text).strip()
    kind = command[1].lower() if command else ""
    return Request(text, kind == "sql" or is_query(text), kind == "chart")


def has_command(message: str) -> bool:
    """Whether a message begins with one of the commands that only agents with data understand."""
    return bool(_COMMAND.match(message.strip()))


def is_query(text: str) -> bool:
    """Whether a text reads as a query rather than as words about one."""
    return bool(_IS_SQL.match(text, _start(text))) and not _PROSE.search(text)


def sql_prompt(
    question: str,
    tables: Iterable[TableInfo],
    dialect: Dialect = "duckdb",
    values: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    failed: tuple[str, str] | None = None,
) -> str:
    """The prompt that asks for one query as ``{"sql": …}`` (see SQL_SCHEMA).

    ``values`` gives, by table and column, the values of text columns with only a few, as ``describe`` finds them;
    ``failed`` is a first answer and what was wrong with it.
    """
    lines = [_table_line(table, (values or {}).get(table.name, {})) for table in tables]
    examples = "\n\n".join(
        f"Question: {asked}\nAnswer: {json.dumps({'sql': sql})}" for asked, sql in _examples(dialect)
    )
    shown = "\n".join(lines[:_MOST_TABLES])
    again = f" {json.dumps({'sql': failed[0]})}\nThat is wrong: {failed[1]}\nRight answer:" if failed else ""
    return f"""You write one {_DIALECT_NAMES[dialect]} SELECT query that answers a question. \
Answer with JSON only: {{"sql": "…"}}. Use only the tables and columns that are listed.

Tables:
{_EXAMPLE_TABLES}

{examples}

Now other tables:
{shown}

Question: {" ".join(question.split())}
Answer:{again}"""


def parse_answer(text: str) -> str | None:
    """The query in a model's answer: from its JSON, a fenced block or a bare query; None if there is none."""
    for candidate in _objects(text):
        sql = candidate.get("sql")
        if isinstance(sql, str) and _SQL_START.match(sql, _start(sql)):
            return _first_statement(sql)
    for found in [*_FENCE.findall(text), text]:
        if _SQL_START.match(found, _start(found)) and is_query(found.strip()):
            return _first_statement(found)
    return None


def _first_statement(sql: str) -> str:
    """The first of several statements: small models tend to write more than they were asked for."""
    try:
        ends = (token.start for token in sqlglot.tokenize(sql) if token.token_type is TokenType.SEMICOLON)
        return sql[: next(ends, len(sql))].strip()
    except SqlglotError:  # the guard reports what is wrong with it
        return sql.strip()


def answer_text(result: QueryResult, *, charted: bool = False) -> str:
    """What a query found, in a sentence or two. Code writes it, so it contains no figure that the query did not return.

    Rows are not listed: the reader has the table beside it, and the chart if they were ``charted``.
    """
    if result.rows == 0:
        return "The query returned no rows."
    if result.rows == 1 and len(result.columns) == 1:
        found = f"**{_cell(result.columns[0])}**: {_cell(json_rows(result.table, 1)[0][0])}"
    else:
        found = f"{counted(result.rows, 'row')}, shown {'as a table and a chart' if charted else 'in the table'}."
    as_of = "" if result.as_of is None else f"As of {datetime.fromtimestamp(result.as_of, UTC):%H:%M:%S} UTC."
    return " ".join(filter(None, (found, result.note, as_of)))


def _start(text: str) -> int:
    """Where a text begins after whitespace and SQL comments. Avoids regular expressions, which can take extremely long
    on some texts."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text.startswith("--", at):
            at = _behind(text, "\n", at)
        elif text.startswith("/*", at):
            at = _behind(text, "*/", at + 2)
        else:
            break
    return at


def _behind(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)


def _examples(dialect: Dialect) -> tuple[tuple[str, str], ...]:
    month = _MONTHS[dialect]
    return (
        ("How many shops are there in Rome?", "SELECT count(*) AS shops FROM shops WHERE city = 'Rome'"),
        ("Which 5 shops sold most?", _BEST_SHOPS),
        (
            "Sales by month",
            f"SELECT {month} AS month, sum(amount) AS sold FROM sales GROUP BY {month} ORDER BY month",
        ),
    )


def _table_line(table: TableInfo, values: Mapping[str, tuple[str, ...]]) -> str:
    columns = []
    for column in table.columns[:_MOST_COLUMNS]:
        few = values.get(column.name, ())
        hint = f" in ({', '.join(repr(value) for value in few)})" if 0 < len(few) <= _MOST_VALUES else ""
        columns.append(f"{column.name} {column.type.lower()}{hint}")
    notes = [table.comment, *(f"{c.name}: {c.comment}" for c in table.columns[:_MOST_COLUMNS] if c.comment)]
    note = "; ".join(note for note in notes if note)
    return f"{table.name}({', '.join(columns)})" + (f" -- {note}" if note else "")


def _objects(text: str) -> Iterable[dict[str, Any]]:
    decoder = json.JSONDecoder(strict=False)
    for start in (match.start() for match in re.finditer(r"\{", text)):
        try:
            found, _ = decoder.raw_decode(text, start)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4g}"
    text = value.removesuffix(_MIDNIGHT) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return re.sub(r"([\\`*_\[\]<>|$~#])", r"\\\1", " ".join(text.split()))
