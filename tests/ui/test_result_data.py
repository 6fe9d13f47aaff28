"""What of a result's rows the page shows, and how."""

import pyarrow as pa
import pytest

from colloquy.ui.results.data import _shown

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
