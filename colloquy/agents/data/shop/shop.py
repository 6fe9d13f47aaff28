"""The sample shop: a believable online shop over three years, identical on every machine.

It is created on first use, in a second or two. Every figure comes from integer arithmetic on counters (no library's
random generator, no floating point), so that its sums are the same with every version and on every system.
"""

from __future__ import annotations

import os
import uuid
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from colloquy.agents.data.shop.words import (
    BRANDS,
    CATEGORIES,
    CHANNELS,
    COMMENTS,
    COUNTRIES,
    FIRST_NAMES,
    LAST_NAMES,
    PAYMENTS,
    RETURN_REASONS,
    REVIEW_TEXTS,
    TABLES,
)

FIRST_DAY: Final = date(2023, 1, 1)
LAST_DAY: Final = date(2025, 12, 31)
FILE_NAME: Final = "sample_shop_v1.duckdb"

CUSTOMERS: Final = 18_000
ORDERS: Final = 120_000

_DAYS: Final = (LAST_DAY - FIRST_DAY).days + 1
_EPOCH_DAY: Final = (FIRST_DAY - date(1970, 1, 1)).days
_MONTH_WEIGHTS: Final = (88, 82, 92, 95, 98, 94, 86, 84, 97, 105, 141, 158)
_WEEKDAY_WEIGHTS: Final = (104, 100, 98, 97, 101, 98, 112)  # Monday first
_HOUR_WEIGHTS: Final = (2, 1, 1, 1, 1, 2, 5, 9, 13, 16, 18, 19, 20, 18, 17, 17, 18, 20, 24, 29, 31, 27, 16, 7)

Ints = npt.NDArray[np.int64]


def sample_shop(folder: Path) -> Path:
    """The path of the shop's database in this folder, which is created if it does not exist yet."""
    path = folder / FILE_NAME
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{FILE_NAME}.{uuid.uuid4().hex}"
        try:
            _write(unfinished)
            os.replace(unfinished, path)  # noqa: PTH105 - atomic, even if another process just created the file
        finally:
            unfinished.unlink(missing_ok=True)
    return path


def _numbers(stream: int, count: int) -> npt.NDArray[np.uint64]:
    """Uniformly distributed 64-bit numbers (splitmix64), the same everywhere for the same stream."""
    with np.errstate(over="ignore"):
        value = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(stream * 1_000_003)) * np.uint64(
            0x9E3779B97F4A7C15
        )
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


def _below(stream: int, count: int, end: int | Ints) -> Ints:
    """Integers from 0 up to, but not including, ``end``."""
    return ((_numbers(stream, count) >> np.uint64(11)) % np.asarray(end, dtype=np.uint64)).astype(np.int64)


def _weighted(stream: int, count: int, weights: Ints | tuple[int, ...]) -> Ints:
    """Positions in ``weights``, each as often as its weight says."""
    sums = np.cumsum(np.asarray(weights, dtype=np.int64))
    return np.searchsorted(sums, _below(stream, count, int(sums[-1])), side="right").astype(np.int64)


def _picked(words: tuple[str, ...], positions: Ints) -> pa.Array:
    return pa.array(words).take(pa.array(positions))


def _cents(values: Ints) -> pa.Array:
    """Whole cents; SQL converts them to decimals in euros."""
    return pa.array(values, pa.int64())


def _day_weights() -> Ints:
    """How many orders each day attracts: growth over the years, seasons, weekdays, and the late-November sales."""
    weights = np.empty(_DAYS, dtype=np.int64)
    for day in range(_DAYS):
        when = date.fromordinal(FIRST_DAY.toordinal() + day)
        growth = 1000 + 1100 * day // _DAYS
        weight = growth * _MONTH_WEIGHTS[when.month - 1] * _WEEKDAY_WEIGHTS[when.weekday()] // 10_000
        if when.month == 11 and 23 <= when.day <= 30 and when.weekday() in (0, 4):
            weight *= 3
        weights[day] = weight
    return weights


def _sign_up_days() -> Ints:
    """When each customer signed up, in order of customer number; the first ones some weeks before the first order."""
    return np.sort(_weighted(5, CUSTOMERS, _day_weights() + 400)) - 60


def _customers(joined: Ints) -> pa.Table:
    numbers = np.arange(1, CUSTOMERS + 1)
    first, last = _below(1, CUSTOMERS, len(FIRST_NAMES)), _below(2, CUSTOMERS, len(LAST_NAMES))
    country = _weighted(3, CUSTOMERS, tuple(weight for _, weight, _ in COUNTRIES))
    city = _below(4, CUSTOMERS, 1 << 30)
    cities = [COUNTRIES[c][2][n % len(COUNTRIES[c][2])] for c, n in zip(country.tolist(), city.tolist(), strict=True)]
    names = [
        (FIRST_NAMES[a], LAST_NAMES[b], f"{FIRST_NAMES[a]}.{LAST_NAMES[b]}{n}@example.com".lower())
        for a, b, n in zip(first.tolist(), last.tolist(), numbers.tolist(), strict=True)
    ]
    return pa.table(
        {
            "customer_id": pa.array(numbers, pa.int32()),
            "first_name": [name[0] for name in names],
            "last_name": [name[1] for name in names],
            "email": [name[2] for name in names],
            "country": _picked(tuple(name for name, _, _ in COUNTRIES), country),
            "city": cities,
            "signed_up_on": pa.array((joined + _EPOCH_DAY).astype(np.int32)).cast(pa.date32()),
            "is_newsletter": pa.array(_below(6, CUSTOMERS, 100) < 37),
        }
    )


def _products() -> tuple[pa.Table, Ints, Ints]:
    """The products, with their prices in cents and how well each sells."""
    rows: list[tuple[int, str, str, str]] = []
    price_ranges: list[tuple[int, int]] = []
    for category_id, (_, low, high, things) in enumerate(CATEGORIES, start=1):
        for thing in things:
            for variant in range(4):
                brand = BRANDS[(len(rows) * 7 + variant * 3) % len(BRANDS)]
                rows.append((category_id, f"{brand} {thing}", brand, f"{category_id:02d}-{len(rows) + 1:04d}"))
                price_ranges.append((low, high))
    count = len(rows)
    low_prices, high_prices = (np.array(ends, dtype=np.int64) for ends in zip(*price_ranges, strict=True))
    prices = (low_prices + _below(10, count, high_prices - low_prices)) // 100 * 100 - 1
    sells = 20 + _below(11, count, 100) * _below(12, count, 100) // 25
    margins = 42 + _below(13, count, 26)
    table = pa.table(
        {
            "product_id": pa.array(range(1, count + 1), pa.int32()),
            "category_id": pa.array([row[0] for row in rows], pa.int32()),
            "name": [row[1] for row in rows],
            "brand": [row[2] for row in rows],
            "sku": [row[3] for row in rows],
            "price": _cents(prices),
            "cost": _cents(prices * margins // 100),
            "is_active": pa.array(_below(14, count, 100) < 92),
        }
    )
    return table, prices, sells


def _orders(joined: Ints) -> tuple[pa.Table, Ints]:
    """The orders as they came in, with the day of each (counted from the first day)."""
    hours = _weighted(21, ORDERS, _HOUR_WEIGHTS)
    moments = np.sort((_weighted(20, ORDERS, _day_weights()) * 24 + hours) * 3600 + _below(22, ORDERS, 3600))
    days = moments // 86_400
    # Customers must have signed up before the order; earlier ones and some regulars order more often.
    known = np.searchsorted(joined, days, side="left").astype(np.int64)
    two = np.minimum(_below(23, ORDERS, known), _below(24, ORDERS, known))
    regulars = _below(25, ORDERS, np.maximum(1, known // 12)) * 12 % known
    customers = np.where(_below(26, ORDERS, 100) < 28, regulars, two) + 1
    channels = np.where(
        _below(27, ORDERS, 1000) < 180 + 320 * days // _DAYS, 1, _weighted(28, ORDERS, (70, 0, 18, 12))
    ).astype(np.int64)
    age = _DAYS - 1 - days
    fate = _below(29, ORDERS, 1000)
    status = np.where(fate < 31, 3, np.where((age < 3) & (fate < 800), 0, np.where((age < 9) & (fate < 700), 1, 2)))
    shipping = np.where(_below(30, ORDERS, 100) < 35, 0, 490)
    table = pa.table(
        {
            "order_id": pa.array(np.arange(1, ORDERS + 1), pa.int32()),
            "customer_id": pa.array(customers, pa.int32()),
            "ordered_at": pa.array(_EPOCH_DAY * 86_400 + moments).cast(pa.timestamp("s")),
            "status": _picked(("pending", "shipped", "completed", "cancelled"), status.astype(np.int64)),
            "channel": _picked(CHANNELS, channels),
            "payment_method": _picked(PAYMENTS, _weighted(31, ORDERS, (46, 27, 15, 12))),
            "shipping_fee": _cents(shipping.astype(np.int64)),
        }
    )
    return table, days


def _items(days: Ints, prices: Ints, sells: Ints) -> tuple[pa.Table, Ints, Ints]:
    """The lines of all orders, with the position of each line's order and product."""
    lines = 1 + _weighted(40, ORDERS, (44, 27, 15, 8, 4, 2))
    order = np.repeat(np.arange(ORDERS), lines)
    count = len(order)
    product = _weighted(41, count, sells)
    quantity = 1 + _weighted(42, count, (82, 12, 4, 2))
    year = days[order] // 365
    price = prices[product] * (100 + 3 * year) // 100
    discount = np.where(_below(43, count, 100) < 18, 5 + 5 * _below(44, count, 4), 0)
    table = pa.table(
        {
            "order_item_id": pa.array(np.arange(1, count + 1), pa.int32()),
            "order_id": pa.array(order + 1, pa.int32()),
            "product_id": pa.array(product + 1, pa.int32()),
            "quantity": pa.array(quantity, pa.int32()),
            "unit_price": _cents(price),
            "discount_percent": pa.array(discount, pa.int32()),
        }
    )
    return table, order, product


def _returns(days: Ints, order: Ints, product: Ints) -> pa.Table:
    """About one line in fifteen is returned, shoes and clothes more often, within six weeks."""
    lines = len(order)
    is_clothing = np.isin(product // (len(CATEGORIES[0][3]) * 4), (1, 2))
    came_back = _below(50, lines, 1000) < np.where(is_clothing, 128, 46)
    position = np.flatnonzero(came_back)
    day = days[order[position]] + 4 + _below(51, len(position), 38)
    is_in_time = day < _DAYS
    position, day = position[is_in_time], day[is_in_time]
    count = len(position)
    return pa.table(
        {
            "return_id": pa.array(np.arange(1, count + 1), pa.int32()),
            "order_item_id": pa.array(position + 1, pa.int32()),
            "returned_on": pa.array((day + _EPOCH_DAY).astype(np.int32)).cast(pa.date32()),
            "reason": _picked(RETURN_REASONS, _weighted(52, count, (34, 24, 18, 14, 10))),
        }
    )


def _reviews(days: Ints, order: Ints, product: Ints) -> pa.Table:
    position = np.flatnonzero(_below(60, len(order), 1000) < 105)
    day = days[order[position]] + 6 + _below(61, len(position), 30)
    is_in_time = day < _DAYS
    position, day = position[is_in_time], day[is_in_time]
    count = len(position)
    quality = product[position] * 7 % 10  # some products are simply better
    rating = 5 - np.where(
        quality < 2, _weighted(62, count, (14, 22, 26, 20, 18)), _weighted(63, count, (52, 29, 10, 5, 4))
    )
    text = rating * 3 + _below(64, count, 3) - 3
    return pa.table(
        {
            "review_id": pa.array(np.arange(1, count + 1), pa.int32()),
            "order_item_id": pa.array(position + 1, pa.int32()),
            "product_id": pa.array(product[position] + 1, pa.int32()),
            "rating": pa.array(rating, pa.int32()),
            "comment": _picked(REVIEW_TEXTS, text),
            "written_on": pa.array((day + _EPOCH_DAY).astype(np.int32)).cast(pa.date32()),
        }
    )


def _write(path: Path) -> None:
    products, prices, sells = _products()
    joined = _sign_up_days()
    orders, days = _orders(joined)
    items, order, product = _items(days, prices, sells)
    rows = {
        "categories": pa.table(
            {
                "category_id": pa.array(range(1, len(CATEGORIES) + 1), pa.int32()),
                "name": [category[0] for category in CATEGORIES],
            }
        ),
        "products": products,
        "customers": _customers(joined),
        "orders": orders,
        "order_items": items,
        "returns": _returns(days, order, product),
        "reviews": _reviews(days, order, product),
    }
    with duckdb.connect(str(path)) as connection:
        for name, columns in TABLES.items():
            declared = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            connection.execute(f"create table {name} ({declared})")
            connection.register("new_rows", rows[name])
            values = ", ".join(
                f"({column} / 100)::{kind}" if kind.startswith("decimal") else column
                for column, kind in columns.items()
            )
            connection.execute(f"insert into {name} select {values} from new_rows")
            connection.unregister("new_rows")
        for what, comment in COMMENTS.items():
            kind = "column" if "." in what else "table"
            connection.execute(f"comment on {kind} {what} is '{comment}'")
        connection.execute("checkpoint")
