"""Keeps queries to the tables of one schema, where a database also has tables that are nobody's business."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import sqlglot
from sqlglot import exp

from agents.data.guard import Refusal, Statement

_EXPLAIN: Final = re.compile(r"explain\s+(?:analyze\s+|query\s+plan\s+)?", re.IGNORECASE)
_INSPECTED: Final = re.compile(r"(?:describe|desc|summarize)\s+(.+)", re.IGNORECASE | re.DOTALL)
_CATALOG: Final = re.compile(r"(?:pg|duckdb|sqlite|pragma)_.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scope:
    """A schema, and the names of all tables in others. Lower case."""

    schema: str
    others: frozenset[str]

    def check(self, statement: Statement) -> None:
        """Let a statement pass that the guard let pass, if it reads nothing outside of the schema.

        Raises:
            Refusal: names the table.
        """
        if inspected := _INSPECTED.match(statement.sql):
            self._check_name(inspected[1].replace('"', "").lower().split("."))
        elif statement.is_rows or _EXPLAIN.match(statement.sql):
            tree = sqlglot.parse_one(_EXPLAIN.sub("", statement.sql, count=1), dialect="duckdb")
            for table in tree.find_all(exp.Table):
                self._check_name([part.name.lower() for part in table.parts if isinstance(part, exp.Identifier)])

    def _check_name(self, parts: list[str]) -> None:
        """Names of others are refused without a schema too, also as names that the query gives: which of the two is
        meant depends on where it stands."""
        if not parts:
            return
        is_outside = parts[-2] != self.schema if len(parts) > 1 else parts[0] in self.others
        if is_outside or _CATALOG.fullmatch(parts[-1]):
            raise Refusal(f"The table {'.'.join(parts)[:80]} is not open here. Use the tables that are listed.")
