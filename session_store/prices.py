"""Token prices: a table that the user can edit, with the day from which each price applies."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from session_store.errors import ColloquyError
from session_store.files import BadFileError, read_text
from session_store.json_safe import joined

FILE_NAME: Final = "prices.json"
LARGEST: Final = 10_000_000
FOREVER: Final = 2**31 - 1
"""The end of the prices that still apply, as a number of days or of quarters of an hour."""
"""Maximum size of the file, in bytes."""


class PricesInvalidError(ColloquyError):
    """The price table is not valid."""


@dataclass(frozen=True, slots=True)
class Price:
    """Price in US dollars per million tokens, from a given day on (UTC). ``model`` may contain ``*`` for any
    characters.

    ``cached`` is the price of input that the provider had cached, if it differs.
    """

    model: str
    since: date
    input: float
    output: float
    cached: float | None = None

    @property
    def of_cached(self) -> float:
        """The price of cached input."""
        return self.input if self.cached is None else self.cached


DEFAULTS: Final = (
    Price("embedded", date(2024, 1, 1), 0.0, 0.0),
    Price("gguf/*", date(2024, 1, 1), 0.0, 0.0),
    Price("gemini-2.5-flash", date(2025, 6, 17), 0.30, 2.50, 0.03),
    Price("gemini-2.5-pro", date(2025, 6, 17), 1.25, 10.0, 0.125),
)
"""Local models cost nothing. The others are list prices for prompts of up to 200,000 tokens; whoever pays should check
them."""


def price_list(folder: Path) -> tuple[Price, ...]:
    """Return the prices saved in this folder, or the defaults.

    Raises:
        PricesInvalidError: the file is not a price table; the message says what to do.
    """
    path = folder / FILE_NAME
    try:
        rows = json.loads(read_text(path, LARGEST))
        return tuple(_price(row) for row in rows)
    except FileNotFoundError:
        return DEFAULTS
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PricesInvalidError(
            f"{path} is not a price table. Repair it, or delete it to get the default prices back."
        ) from error
    except BadFileError as error:
        raise PricesInvalidError(f"{path} cannot be read: {error}.") from error


def keep_prices(folder: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Save a price table, given as rows with the fields of ``Price`` (``since`` as a date or ISO text).

    Raises:
        PricesInvalidError: a row is not a price, or the file cannot be written; nothing is saved.
    """
    try:
        prices = [_price(row) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise PricesInvalidError(
            "The prices were not saved. Each needs a model, a date, and amounts of 0 or more (the cached input price "
            "is optional)."
        ) from error
    kept = [asdict(price) | {"since": price.since.isoformat()} for price in prices]
    unfinished = folder / f".{FILE_NAME}.unfinished"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        unfinished.replace(folder / FILE_NAME)
    except OSError as error:
        raise PricesInvalidError(
            f"The prices were not saved, because {folder / FILE_NAME} cannot be written: {error.strerror}."
        ) from error


def prices_of(names: Sequence[str], prices: Iterable[Price]) -> list[Price]:
    """Return a model's prices, ordered by day. The first of its ``names`` that has prices decides. For a name, an exact
    entry wins, then the longest pattern."""
    known = list(prices)
    for name in names:
        patterns = sorted({price.model for price in known if fnmatchcase(name, price.model)}, key=_exactness)
        if patterns:
            return sorted((price for price in known if price.model == patterns[0]), key=lambda price: price.since)
    return []


def _exactness(pattern: str) -> tuple[bool, int]:
    return "*" in pattern, -len(pattern)


def _price(row: dict[str, Any]) -> Price:
    model, since = joined(str(row["model"] or "")).strip(), row["since"]
    given, written, cached = float(row["input"]), float(row["output"]), _optional(row.get("cached"))
    if not model:
        raise ValueError("a model has no name")
    if not all(0 <= amount < math.inf for amount in (given, written, cached or 0)):
        raise ValueError(f"an amount of {model} is not 0 or more")
    day = since if isinstance(since, date) else date.fromisoformat(str(since)[:10])
    return Price(model, day, given, written, cached)


def _optional(amount: float | str | None) -> float | None:
    """Parse an optional amount. An empty table cell is NaN."""
    return None if amount is None or math.isnan(float(amount)) else float(amount)
