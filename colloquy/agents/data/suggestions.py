"""Suggests a chart for rows when nobody said how to draw them: a line over time, bars over categories, or none."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

MOST_BARS: Final = 120
MOST_POINTS: Final = 1_500
_MOST_COLOURS: Final = 12
_LOOKED_AT_ROWS: Final = 5_000
_LONGEST_TITLE: Final = 60
_LONGEST_READ: Final = 5_000
_MOST_BRACKETS: Final = 40

_DATE: Final = r"^\d{4}(-\d{2}(-\d{2})?|-?Q[1-4]|-W\d{2})?$"
_TIME_NAMES: Final = re.compile(r"(?:.*_)?(?:year|quarter|month|week|day|weekday|hour)(?:_.*)?", re.IGNORECASE)
_ID_NAMES: Final = re.compile(r"id|.*_id|.*Id", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SuggestedChart:
    """The arguments for ``chart_spec``."""

    title: str
    mark: str
    encoding: dict[str, Any] = field(hash=False)


def suggested_chart(table: pa.Table, *, wanted: bool = False) -> SuggestedChart | None:
    """Suggest how to draw rows whose first column is a time or a category and that have numbers beside it.

    ``wanted`` means that a chart was asked for: then rows that make a poor chart are drawn too.
    """
    rows = table.num_rows
    table = table.slice(0, _LOOKED_AT_ROWS)
    names = table.column_names
    if len(set(names)) < len(names) or len(names) < 2 or rows < (1 if wanted else 2):
        return None
    first, rest = names[0], names[1:]
    y = next((name for name in rest if _is_measure(name, table)), None)
    over_time = _is_time(first, table)
    is_name = _is_category(first, table) and not _ID_NAMES.fullmatch(first)
    if y is None or not (over_time or wanted or is_name):
        return None
    colour = next(
        (name for name in rest if _is_category(name, table) and _distinct(table, name) <= _MOST_COLOURS), None
    )
    places = [first, colour] if colour else [first]
    is_clear = table.group_by(places).aggregate([]).num_rows == table.num_rows
    is_readable = rows <= (MOST_POINTS if over_time else MOST_BARS)
    if not (wanted or (is_clear and is_readable)):
        return None
    encoding: dict[str, Any] = {"x": first, "y": y}
    if _is_number(table.schema.field(first).type):
        encoding["x"] = {"field": first, "type": "ordinal" if over_time or not wanted else "quantitative"}
    if colour:
        encoding["color"] = colour
    return SuggestedChart(chart_title(y, *places), "line" if over_time else "bar", encoding)


def chart_title(measure: str, *places: str) -> str:
    """A title such as ``Revenue by month and country``."""
    return _sentence(f"{measure} by {' and '.join(places)}")


def title_of_query(sql: str) -> str:
    """A title for the rows of a query, from the names of its columns or tables, else the query itself; empty if the
    query cannot be parsed, or parsing it could take long."""
    if len(sql) > _LONGEST_READ or sql.count("(") > _MOST_BRACKETS:
        return ""
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # SHOW TABLES is not a query, but deserves no warning
    try:
        tree = sqlglot.parse_one(sql)
    except (SqlglotError, RecursionError):
        return ""
    selected = tree.selects if isinstance(tree, exp.Query) else []
    names = [one.alias_or_name for one in selected if isinstance(one, exp.Alias | exp.Column) and not one.is_star]
    if len(names) == 2:
        return chart_title(names[1], names[0])
    tables = list(dict.fromkeys(table.name for table in tree.find_all(exp.Table) if table.name))
    return _sentence(", ".join(names[:4] or tables[:3])) or (sql.strip() if len(sql) <= _LONGEST_TITLE else "")


def _sentence(text: str) -> str:
    words = " ".join(text.replace("_", " ").split())
    return (words[:1].upper() + words[1:])[:_LONGEST_TITLE]


def _is_time(name: str, table: pa.Table) -> bool:
    kind = table.schema.field(name).type
    if pa.types.is_temporal(kind):
        return not pa.types.is_duration(kind)
    if pa.types.is_integer(kind):
        return bool(_TIME_NAMES.fullmatch(name))
    return _is_text(kind) and _all(pc.match_substring_regex(_plain(table.column(name)), _DATE))


def _is_category(name: str, table: pa.Table) -> bool:
    kind = table.schema.field(name).type
    return _is_text(kind) or pa.types.is_boolean(kind)


def _is_measure(name: str, table: pa.Table) -> bool:
    return _is_number(table.schema.field(name).type) and not _ID_NAMES.fullmatch(name)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _distinct(table: pa.Table, name: str) -> int:
    return len(pc.unique(table.column(name)))


def _all(values: Iterable[Any]) -> bool:
    return bool(pc.all(values, skip_nulls=False).as_py())
