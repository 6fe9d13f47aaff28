"""The format of figures and of their tables."""

import pandas as pd
import pytest

from colloquy.ui.analytics.numbers import change, column_formats, points, rounded

TABLE = pd.DataFrame(
    {
        "Agent": ["assistant"],
        "Tokens": [1_234_567],
        "Cost": [0.000123456789],
        "First word": [0.123456],
        "Failed": [1 / 3],
    }
)


@pytest.mark.parametrize(
    ("now", "before", "written"),
    [
        (0.035, 0.02, "+1.5 points"),
        (0.0, 0.021, "-2.1 points"),
        (0.5, 0.50001, ""),
        (0.1, None, ""),
        (0.2, 0, "+20.0 points"),
    ],
)
def test_changes_of_a_share_are_in_percentage_points(now, before, written):
    assert points(now, before) == written


@pytest.mark.parametrize(
    ("now", "before", "written"), [(15, 10, "+50%"), (5, 10, "-50%"), (10, 10, ""), (200, 10, "x20"), (1, 0, "")]
)
def test_changes_of_a_number_are_in_percent(now, before, written):
    assert change(now, before) == written


def test_columns_of_one_kind_are_formatted_alike():
    formats = {name: config["type_config"]["format"] for name, config in column_formats(TABLE).items()}
    assert formats == {"Tokens": "localized", "Cost": "$%.4f", "First word": "%.2f s", "Failed": "percent"}
    assert column_formats(pd.DataFrame({"Failed": [3]}))["Failed"]["type_config"]["format"] == "localized"


def test_files_have_only_significant_decimals():
    assert rounded(TABLE).to_csv(index=False).splitlines()[1] == "assistant,1234567,0.000123,0.123,0.3333"
