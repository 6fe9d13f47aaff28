"""What the browser receives to draw named bars."""

import pandas as pd
import pytest

from colloquy.ui.analytics.cards import CARDS

BARS = {card.table: card.picture for card in CARDS}
TOOLS = pd.DataFrame(
    {
        "Tool": ["run_sql", "chart"],
        "Calls": [12, 4],
        "Succeeded": [6, 4],
        "Failed": [2, 0],
        "No answer": [4, 0],
        "Median": [0.5, None],
        "p95": [2.0, None],
    }
)
MODELS = pd.DataFrame(
    {
        "Model": ["large", "small", "free"],
        "Tokens in": [6_000, 90, 0],
        "Tokens out": [3_000, 10, 0],
        "Cost": [1.5, None, 0.0],
        "Unpriced tokens": [7, 100, 0],
    }
)


def test_segments_are_shares_of_the_longest_bar_in_table_order():
    told = BARS["tools"].drawn(TOOLS, "Calls")
    assert told["parts"] == ["Succeeded", "Failed", "No answer"]
    assert [(row["name"], row["parts"]) for row in told["rows"]] == [
        ("run_sql", [6 / 12, 2 / 12, 4 / 12]),
        ("chart", [4 / 12, 0, 0]),
    ]
    assert told["rows"][0]["note"] == "Succeeded: 6\nFailed: 2\nNo answer: 4"


def test_failures_are_a_separate_segment():
    told = BARS["tools"].drawn(TOOLS, "Calls")
    assert [(row["value"], row["failures"]) for row in told["rows"]] == [("12 calls", "25.0% failed"), ("4 calls", "")]


@pytest.mark.parametrize(
    ("card", "table", "measure", "expected"),
    [
        ("tools", TOOLS, "Seconds", [("median 0.5 s, p95 2.0 s", [1.0]), ("no answer", [0.0])]),
        (
            "models",
            MODELS,
            "Tokens",
            [("6,000 in, 3,000 out", [6 / 9, 3 / 9]), ("90 in, 10 out", [0.01, 1 / 900]), ("0 in, 0 out", [0.0, 0.0])],
        ),
        ("models", MODELS, "Cost", [("$1.50 + unknown", [1.0]), ("price unknown", [0.0]), ("$0.00", [0.0])]),
    ],
)
def test_unmeasured_values_are_named_without_a_length(card, table, measure, expected):
    rows = BARS[card].drawn(table, measure)["rows"]
    for row, (value, parts) in zip(rows, expected, strict=True):
        assert (row["value"], row["parts"]) == (value, pytest.approx(parts))


def test_empty_bars_have_no_length():
    told = BARS["models"].drawn(MODELS[2:], "Tokens")
    assert told["rows"][0]["parts"] == [0.0, 0.0]
