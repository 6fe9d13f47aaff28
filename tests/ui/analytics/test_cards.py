"""What a click on a card of Analytics leads to."""

from types import SimpleNamespace

import pandas as pd
import pytest

from colloquy.ui.analytics.cards import CARDS

REPORT = SimpleNamespace(
    tables={
        "turns": pd.DataFrame({"Turns": ["1"], "_low": [1], "_high": [1]}),
        "questions": pd.DataFrame({"Question": ["why?"], "_question": [7]}),
    }
)


@pytest.mark.parametrize(
    ("table", "point", "expected"), [("turns", {"Turns": "1"}, (1, 1)), ("questions", {"Question": "why?"}, (7,))]
)
def test_a_point_leads_to_its_chats_unless_the_figures_have_changed_since(table, point, expected):
    card = next(card for card in CARDS if card.table == table)
    drill_down, _ = card.drill_down(REPORT, point)
    assert drill_down.values == expected
    assert card.drill_down(REPORT, dict.fromkeys(point, "gone")) is None
