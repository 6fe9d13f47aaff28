"""Computes everything on the page in one pass."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import duckdb
import pandas as pd

from session_store.analytics import charts
from session_store.analytics.figures import Figures, figures
from session_store.analytics.rollups import Rollups
from session_store.analytics.scope import Scope, scoped_cursor
from session_store.store import Store

_reader = ThreadPoolExecutor(1, "analytics-terms")


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Figures of the period and of the one before, and the tables behind the charts (see ``charts``)."""

    scope: Scope
    now: Figures
    before: Figures
    comparable: bool
    """Whether the history covers all of the period before."""
    tables: dict[str, pd.DataFrame] = field(hash=False)
    unpriced: tuple[str, ...] = ()
    """The models with tokens without a known price, sorted."""


def report(store: Store, rollups: Rollups, scope: Scope) -> Report:
    """Compute a report. Reads only texts from ``store``: those of the most frequent questions, and for terms."""
    cursor = scoped_cursor(store, rollups, scope)
    try:
        # This queries another database and is the slowest part: the queries of the facts run meanwhile.
        terms = _reader.submit(charts.terms(cursor, store, scope.period))
        now, before = figures(cursor)
        comparable = rollups.first is not None and rollups.first <= scope.period.before().begin
        tables = {chart.name: _table(chart, cursor, scope) for chart in charts.CHARTS}
        tables["questions"] = charts.questions(cursor, store, scope.period)
        tables["terms"] = terms.result()
        return Report(scope, now, before, comparable, tables, _unpriced(cursor) if now.unpriced_tokens else ())
    finally:
        cursor.close()


def _table(chart: charts.Chart, cursor: duckdb.DuckDBPyConnection, scope: Scope) -> pd.DataFrame:
    return chart.table(cursor, scope.period)


def _unpriced(cursor: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    found = cursor.execute(
        """
        select distinct model from activity_in_scope
        where in_period and cost is null and input_tokens + output_tokens > 0 order by model
        """
    ).fetchall()
    return tuple(model for (model,) in found)
