"""Limits how large values may grow on a server, whose memory our own limits do not cover. The text of the query
decides, before the server sees it.

This bounds functions that make long values out of short ones, including nested calls, subqueries and table expressions.
How many rows a function collects into one value is left to the estimate of the server's planner.
"""

from __future__ import annotations

import math
import re
from typing import Final

import sqlglot
from sqlglot import exp

from colloquy.agents.data.guard.guard import Refusal

LONGEST: Final = 1_000_000
"""How many times larger than a column's value, or how many characters long, a value may become."""

_COLUMN: Final = 100
"""How many characters a column is assumed to hold where its whole value is repeated."""

_COLLECTING: Final = (
    exp.GroupConcat,
    exp.ArrayAgg,
    exp.JSONArrayAgg,
    exp.JSONObjectAgg,
    exp.JSONBObjectAgg,
)
_COLLECTING_NAMES: Final = frozenset(
    {"string_agg", "array_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg"}
)
_WIDTH: Final = re.compile(r"%(?:\d+\$)?-?(\*|\d+)")
_JOINING: Final = (exp.Concat, exp.ConcatWs, exp.ArrayConcat)
_CALLS: Final[tuple[tuple[type[exp.Expr], str, tuple[str, ...]], ...]] = (
    (exp.Repeat, "repeat", ("this", "times")),
    (exp.Pad, "lpad", ("this", "expression")),
    (exp.Replace, "replace", ("this", "expression", "replacement")),
    (exp.RegexpReplace, "replace", ("this", "expression", "replacement")),
    (exp.ArrayToString, "array_to_string", ("this", "expression")),
)
_BY_NAME: Final = {"rpad": "lpad", "regexp_replace": "replace"}
_KNOWN: Final = frozenset({"repeat", "lpad", "replace", "array_fill", "format", "array_to_string"})


def factor_of(sql: str) -> float:
    """How many times larger than its inputs a value in a query can become.

    Raises:
        Refusal: too many times, or the number cannot be determined.
    """
    tree = sqlglot.parse_one(re.sub(r"^\s*explain\s+(analyze\s+)?", "", sql, flags=re.IGNORECASE), dialect="postgres")
    factor = _Growth().of(tree)
    if factor > LONGEST:
        raise Refusal(
            f"The query makes values of more than {LONGEST:,} characters in the server's memory. Repeat or join less."
        )
    return factor


def collects(sql: str) -> bool:
    """Whether a query collects rows into one value."""
    tree = sqlglot.parse_one(sql, dialect="postgres")
    return any(
        isinstance(node, _COLLECTING)
        or (isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) and node.name.lower() in _COLLECTING_NAMES)
        or (isinstance(node, exp.Array) and any(isinstance(one, exp.Query) for one in node.expressions))
        for node in tree.walk()
    )


class _Growth:
    """Walks a query and tracks the factor of each table expression."""

    def __init__(self) -> None:
        self._tables: dict[str, float] = {}

    def of(self, node: exp.Expr) -> float:
        """The factor of a node and everything in it."""
        if (with_ := node.args.get("with_") or node.args.get("with")) is not None:
            for one in with_.expressions:
                self._tables[one.alias.lower()] = 1
                self._tables[one.alias.lower()] = self.of(one.this)
                if with_.args.get("recursive"):
                    _check_recursion(one)
        if isinstance(node, exp.Select):
            return self._of_select(node)
        if isinstance(node, exp.Table):
            return self._tables.get(node.name.lower(), 1) * self._within(node)
        return _own(node) * self._within(node)

    def _of_select(self, select: exp.Select) -> float:
        """A select multiplies the growth of its expressions by that of its sources."""
        sources = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or ())]
        given = max((self.of(source) for source in sources if source is not None), default=1)
        made = [
            self.of(child)
            for child in select.iter_expressions()
            if child not in sources and not isinstance(child, exp.With)
        ]
        return given * max(made, default=1)

    def _within(self, node: exp.Expr) -> float:
        return max((self.of(child) for child in node.iter_expressions() if not isinstance(child, exp.With)), default=1)


def _own(node: exp.Expr) -> float:  # noqa: PLR0911 - one for each kind
    """The factor that a node adds by itself."""
    if isinstance(node, exp.DPipe):
        return 1 if isinstance(node.parent, exp.DPipe) else max(1, len(_operands(node)))
    if isinstance(node, _JOINING):
        return max(1, sum(not isinstance(one, exp.Literal) for one in node.iter_expressions()))
    name, arguments = _call(node)
    if name not in _KNOWN:
        return 1
    first = arguments[0] if arguments else None
    if name == "repeat":
        size = len(first.name) if isinstance(first, exp.Literal) else _COLUMN
        return max(1, size * _number(arguments, name))
    if name == "lpad":
        return max(1, _number(arguments, name))
    if name == "array_fill":
        return 8 * _product(arguments[1] if len(arguments) > 1 else None)
    if name == "format":
        return _widest(first)
    text = arguments[-1] if arguments else None
    return max(1, len(text.name)) if isinstance(text, exp.Literal) else 1_000


def _operands(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.DPipe):
        return _operands(node.this) + _operands(node.expression)
    return [] if isinstance(node, exp.Literal) else [node]


def _call(node: exp.Expr) -> tuple[str, list[exp.Expr]]:
    for kind, name, names in _CALLS:
        if isinstance(node, kind):
            return name, [node.args[one] for one in names if node.args.get(one) is not None]
    if isinstance(node, exp.Format):
        return "format", [node.this, *node.expressions]
    if isinstance(node, exp.Anonymous):
        name = node.name.lower()
        return _BY_NAME.get(name, name), list(node.expressions)
    return "", []


def _number(arguments: list[exp.Expr], name: str) -> float:
    """The number given as the second argument."""
    value = _constant(arguments[1] if len(arguments) > 1 else None)
    if value is None:
        raise Refusal(
            f"The count or length in {name}() must be a number written in the query, or least(…, 1000): nothing else "
            "limits the memory that it takes on the server."
        )
    return value


def _constant(node: exp.Expr | None) -> float | None:
    while isinstance(node, exp.Cast | exp.Paren):
        node = node.this
    if isinstance(node, exp.Neg):
        return 0
    if isinstance(node, exp.Literal) and not node.is_string:
        return float(node.this)
    if isinstance(node, exp.Least):
        return min((one for one in map(_constant, [node.this, *node.expressions]) if one is not None), default=None)
    return None


def _product(array: exp.Expr | None) -> float:
    sizes = [_constant(one) for one in array.expressions] if isinstance(array, exp.Array) else [None]
    if None in sizes:
        raise Refusal("The sizes in array_fill() must be numbers written in the query, for instance ARRAY[3, 4].")
    return math.prod(size for size in sizes if size is not None)


def _widest(template: exp.Expr | None) -> float:
    if not isinstance(template, exp.Literal):
        raise Refusal("The first argument of format() must be a text written in the query.")
    widths = _WIDTH.findall(template.name)
    if "*" in widths:
        raise Refusal("Write the widths in format() as numbers in its text.")
    return max([1, template.name.count("%"), *map(float, widths)])


def _check_recursion(table: exp.CTE) -> None:
    """A recursive table grows with every iteration: by appending, which is allowed, or by doubling, which is not."""
    for node in table.this.walk():
        columns = [one.name.lower() for one in _operands(node) if isinstance(one, exp.Column)]
        doubles = isinstance(node, exp.DPipe) and len(columns) != len(set(columns))
        if isinstance(node, _JOINING):
            names = [one.name.lower() for one in node.find_all(exp.Column)]
            doubles = len(names) != len(set(names))
        name, arguments = _call(node)
        if doubles or (name in {"repeat", "replace"} and arguments and not isinstance(arguments[0], exp.Literal)):
            raise Refusal(
                "A text that grows by itself within a recursion has no bound. Add to it, but do not double it."
            )
