"""The rows of a query as a chart: a suggested one, or the one that the user chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from colloquy.agents.data.charts import chart_spec
from colloquy.agents.data.errors import ChartInvalidError
from colloquy.agents.data.suggestions import SuggestedChart, suggested_chart
from colloquy.runtime.sql_queries import QueryAnswer
from colloquy.ui import state
from colloquy.ui.formatting import plain_markdown
from colloquy.ui.results.data import CHART_ROWS, chart_preview, chart_rows, with_rows
from colloquy.ui.state import Part

MARKS: Final = {"bar": "Bars", "line": "Line", "area": "Area", "point": "Points"}
NONE: Final = "None"


def chart(answer: QueryAnswer) -> None:
    """Draws the rows as a chart, below the options."""
    rows = chart_rows(answer.data)
    names = [name for name in rows.column_names if rows.column_names.count(name) == 1]
    numbers = [name for name in names if _is_number(rows.schema.field(name).type)]
    if rows.num_rows == 0 or len(names) < 2 or not numbers:
        st.info(
            "These rows cannot be charted: a chart needs an X axis column and a numeric column.",
            icon=":material/bar_chart_off:",
        )
        return
    mark, encoding = _choice(answer.id, names, numbers, suggested_chart(rows, wanted=True))
    try:
        spec = chart_spec("", rows, mark, encoding)
    except ChartInvalidError as error:
        st.error(plain_markdown(str(error)), icon=":material/error:")
        return
    preview = chart_preview(answer.data, spec)
    if preview.spec is None:
        st.error(plain_markdown(preview.problem), icon=":material/error:")
        return
    st.vega_lite_chart(
        with_rows(preview.spec, preview.table), width="stretch", alt=f"{MARKS[mark]} chart of the query result"
    )
    if answer.rows > CHART_ROWS:
        st.caption(f"Showing the first {CHART_ROWS:,} of {answer.rows:,} rows.")


def _choice(
    answer_id: str, names: Sequence[str], numbers: Sequence[str], suggested: SuggestedChart | None
) -> tuple[str, dict[str, Any]]:
    """Returns the mark and the encoding; the defaults are the suggested ones."""
    given = suggested.encoding if suggested else {}
    along = _field(given.get("x"), names[0])
    up = _field(given.get("y"), next((name for name in numbers if name != along), numbers[0]))
    with st.container(horizontal=True, key="chart-choice"):
        mark = _select("Chart", list(MARKS), suggested.mark if suggested else "bar", "mark", answer_id)
        x = _select("X axis", names, along, "x", answer_id)
        y = _select("Y axis", numbers, up, "y", answer_id)
        color = _select("Color", [NONE, *names], _field(given.get("color"), NONE), "color", answer_id)
    encoding: dict[str, Any] = {"x": given["x"] if given and x == along else x, "y": y}
    if color != NONE:
        encoding["color"] = color
    return mark, encoding


def _select(name: str, options: Sequence[str], default: str, what: str, answer_id: str) -> str:
    return str(
        st.selectbox(
            name,
            options,
            index=options.index(default) if default in options else 0,
            format_func=lambda option: MARKS.get(option, option) if what == "mark" else option,
            key=f"chart-{what}-{answer_id}",
            on_change=state.touch,
            args=(Part.PAGE,),
        )
    )


def _field(wanted: str | dict[str, Any] | None, otherwise: str) -> str:
    if isinstance(wanted, dict):
        return str(wanted["field"])
    return wanted or otherwise


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
