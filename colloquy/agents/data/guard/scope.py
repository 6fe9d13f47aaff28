"""A stricter check for queries on Colloquy's own conversations, ahead of the process that runs them.

It limits queries to the tables of one schema, because the others are internal, and refuses functions that make long
texts out of short ones, which no question about conversations needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from colloquy.agents.data.guard.guard import Refusal, Statement

_EXPLAIN: Final = re.compile(r"explain\s+(?:analyze\s+|query\s+plan\s+)?", re.IGNORECASE)
_INSPECTED: Final = re.compile(r"(?:describe|desc|summarize)\s+(.+)", re.IGNORECASE | re.DOTALL)
_SHOW: Final = re.compile(r"show\s+(?P<all>all\s+)?tables", re.IGNORECASE)
_NESTED: Final = re.compile(r"\(\s*(?:show|describe|desc|summarize)\b", re.IGNORECASE)
"""As a table within a query, where some SQL parsers take these words for names."""
_GROWING: Final = frozenset({"repeat", "lpad", "rpad", "printf", "format", "bar", "array_to_string", "list_aggregate"})
_JOINING: Final = frozenset({"replace", "regexp_replace", "concat", "concat_ws"})
_MOST_JOINS: Final = 6
_LONGEST_LITERAL: Final = 1_000
_LISTED: Final = "Use the tables that are listed."
_HINT: Final = re.compile(r'\s*Did you mean "([^"]*)"\??')
_CATALOG: Final = re.compile(r"(?:pg|duckdb|sqlite|pragma)_.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scope:
    """A schema, the names of all tables in other schemas, and the names of all databases. All in lower case."""

    schema: str
    others: frozenset[str]
    databases: frozenset[str]

    def check(self, statement: Statement) -> None:
        """Accept a statement that passed the guard if it reads nothing outside the schema.

        Raises:
            Refusal: names the table.
        """
        _check_growth(statement.sql)
        self._check_databases(statement.sql)
        if not _SHOW.match(statement.sql) and _NESTED.search(statement.sql):
            raise Refusal(f"SHOW and DESCRIBE stand alone here, not within another query. {_LISTED}")
        if inspected := _INSPECTED.match(statement.sql):
            self._check_name(inspected[1].replace('"', "").lower().split("."))
        elif statement.is_rows or _EXPLAIN.match(statement.sql):
            tree = sqlglot.parse_one(_EXPLAIN.sub("", statement.sql, count=1), dialect="duckdb")
            for table in tree.find_all(exp.Table):
                self._check_name([part.name.lower() for part in table.parts if isinstance(part, exp.Identifier)])

    def listing(self, statement: Statement) -> Statement:
        """The statement to run in place of one that lists tables: it lists only those of the schema."""
        shown = _SHOW.fullmatch(statement.sql)
        if shown is None:
            return statement
        columns = "*" if shown["all"] else "name"
        return Statement(
            f"select {columns} from (show all tables) where schema = '{self.schema}' and database = current_database()",
            is_rows=False,
        )

    def without_hints(self, message: str) -> str:
        """An error message of the engine, without hints at tables that are not available."""

        def kept(hint: re.Match[str]) -> str:
            parts = hint[1].lower().split(".")
            return "" if self._is_outside(parts) else hint[0]

        return _HINT.sub(kept, message)

    def _check_databases(self, sql: str) -> None:
        """Refuse database names in front of a dot. However a query is parsed, a name without one cannot leave the
        database."""
        tokens = sqlglot.tokenize(sql, dialect="duckdb")
        for token, after in pairwise(tokens):
            if after.token_type is TokenType.DOT and token.text.lower() in self.databases:
                raise Refusal(f"Write names without {token.text[:80]!r} in front: {_LISTED}")

    def _check_name(self, parts: list[str]) -> None:
        """Refuse names of tables in other schemas even without a schema in front, and even where the query defines them
        itself: which one is meant depends on where the name appears."""
        if not parts:
            return
        if self._is_outside(parts):
            raise Refusal(f"The table {'.'.join(parts)[:80]} is not available here. {_LISTED}")

    def _is_outside(self, parts: list[str]) -> bool:
        is_outside = parts[:-1] != [self.schema] if len(parts) > 1 else parts[0] in self.others
        return is_outside or bool(_CATALOG.fullmatch(parts[-1]))


def _check_growth(sql: str) -> None:
    tokens = sqlglot.tokenize(sql, dialect="duckdb")
    joins = 0
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        name = token.text.lower()
        is_call = after is not None and after.token_type is TokenType.L_PAREN
        if is_call and name in _GROWING:
            raise Refusal(f"The function {name}() is not among those that may be called here. Leave it out.")
        if token.token_type is TokenType.RECURSIVE:
            raise Refusal("Recursion is not available here. Write the query without it.")
        if token.token_type is TokenType.STRING and len(token.text) > _LONGEST_LITERAL:
            raise Refusal(f"A text in a query may have {_LONGEST_LITERAL:,} characters here. Shorten it.")
        joins += token.token_type is TokenType.DPIPE or (is_call and name in _JOINING)
    if joins > _MOST_JOINS:
        raise Refusal(f"Texts may be joined or replaced at most {_MOST_JOINS} times in a query here. Do it less often.")
