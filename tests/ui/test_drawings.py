"""What the browser is told about the charts of the analytics page."""

import pandas as pd

from ui.analytics import drawings
from ui.analytics.card import _drawn
from ui.analytics.cards import _named


def test_bars_stand_in_the_order_of_their_table_whatever_was_drawn_before():
    table = _named(pd.DataFrame({"Term": ["case", "write"], "Messages": [465, 343]}), ["case", "write"], ["", ""])
    assert list(_drawn(table)["_rank"]) == [0, 1]
    for layer in drawings.by_name("Term", ("Messages",), "~s", dark=False)["layer"]:
        assert layer["encoding"]["y"]["sort"] == {"field": "_rank", "op": "min"}


def test_what_failed_is_red():
    colours = drawings.by_name("Tool", ("Succeeded", "Failed"), "~s", dark=True)["layer"][0]["encoding"]["color"][
        "scale"
    ]
    assert dict(zip(colours["domain"], colours["range"], strict=True)) == {"Succeeded": "#818cf8", "Failed": "#f87171"}
