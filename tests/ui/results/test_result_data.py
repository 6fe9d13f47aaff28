"""Which rows of a result the page shows, and how."""

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from colloquy.ui.results.data import _shown, chart_preview

TIMES = pa.timestamp("us")


@pytest.mark.parametrize(
    ("times", "kind"),
    [
        (["2025-01-01", None, "2025-02-01"], pa.date32()),
        (["2025-01-01", "2025-01-01 09:30:00"], TIMES),
        ([None], TIMES),
        ([], TIMES),
    ],
)
def test_months_are_shown_as_days_and_times_as_times(times, kind):
    texts = pa.array(times, pa.string())
    shown = _shown(pa.table({"month": texts.cast(TIMES)})).column("month")
    assert shown.type == kind
    assert shown.combine_chunks().equals(texts.cast(TIMES).cast(kind))


@pytest.mark.parametrize("refused", [{"bin": {"step": 1e-9}}, {"axis": {"tickCount": "second"}}, {"title": "\\"}])
def test_a_stored_chart_that_is_no_longer_allowed_becomes_a_table_with_the_reason(refused):
    """If drawn, it would hang the browser of every user who opens the chat."""
    column = {"field": "n", "type": "quantitative"}
    written = BytesIO()
    pq.write_table(pa.table({"n": [1, 2, 3]}), written)

    def preview(**more):
        return chart_preview(written.getvalue(), {"mark": "bar", "encoding": {"x": column | more, "y": column}})

    assert preview().spec
    shown = preview(**refused)
    assert shown.spec is None
    assert shown.table.num_rows == 3
    assert "in a chart" in shown.problem
