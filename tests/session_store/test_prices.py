"""The price table: dated, editable, and never guessing."""

from __future__ import annotations

from datetime import date

import pytest

from session_store.prices import (
    DEFAULTS,
    FILE_NAME,
    Price,
    PricesInvalidError,
    keep_prices,
    price_list,
    prices_of,
)

ROW = {"model": "m", "since": date(2026, 1, 1), "input": 1.0, "output": 2.0}


def test_default_prices_exist(tmp_path):
    assert price_list(tmp_path) == DEFAULTS


def test_saved_prices_are_loaded_again(tmp_path):
    keep_prices(tmp_path / "new", [ROW, ROW | {"since": "2026-02-01", "input": 0}])
    assert price_list(tmp_path / "new") == (
        Price("m", date(2026, 1, 1), 1.0, 2.0),
        Price("m", date(2026, 2, 1), 0, 2.0),
    )


@pytest.mark.parametrize(
    "change", [{"model": " "}, {"since": None}, {"input": -1}, {"output": None}, {"input": float("nan")}]
)
def test_an_invalid_price_is_refused_and_nothing_is_saved(tmp_path, change):
    keep_prices(tmp_path, [ROW])
    with pytest.raises(PricesInvalidError, match="not saved"):
        keep_prices(tmp_path, [ROW | change])
    assert len(price_list(tmp_path)) == 1


@pytest.mark.parametrize("text", ["{", "[1]", '[{"model": "m"}]'])
def test_a_damaged_file_is_named_with_advice(tmp_path, text):
    (tmp_path / FILE_NAME).write_text(text, "utf-8")
    with pytest.raises(PricesInvalidError, match=r"prices\.json.*delete it"):
        price_list(tmp_path)


def test_exact_names_precede_patterns_and_longer_patterns_precede_shorter_ones():
    day = date(2026, 1, 1)
    prices = [Price(model, day, number, 0) for number, model in enumerate(["*", "gem*", "gem-2*", "gem-2-pro"])]
    assert [price.model for price in prices_of(["gem-2-pro"], prices)] == ["gem-2-pro"]
    assert [price.model for price in prices_of(["gem-2-flash"], prices)] == ["gem-2*"]
    assert [price.model for price in prices_of(["other"], prices[1:])] == []
    assert [price.model for price in prices_of(["other", "gem-1"], prices[1:])] == ["gem*"]


def test_an_unusable_file_is_named(tmp_path):
    (tmp_path / FILE_NAME).mkdir()
    for use in (lambda: price_list(tmp_path), lambda: keep_prices(tmp_path, [ROW])):
        with pytest.raises(PricesInvalidError, match=FILE_NAME):
            use()
