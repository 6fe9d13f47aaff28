"""The sample shop is the same everywhere, believable, and created completely or not at all."""

import duckdb
import pytest

from colloquy.agents.data.connection import Connection
from colloquy.agents.data.database import WorkerDatabase, describe
from colloquy.agents.data.shop import shop as shop_module
from colloquy.agents.data.shop.shop import sample_shop

REVENUE = "quantity * unit_price * (100 - discount_percent)"

RETURNED_TOO_EARLY = """
select count(*) from returns join order_items using (order_item_id) join orders using (order_id)
where returned_on <= ordered_at::date
"""
COUNTS = {
    "categories": 8,
    "customers": 18000,
    "order_items": 247998,
    "orders": 120000,
    "products": 192,
    "returns": 16148,
    "reviews": 25044,
}
REVENUE_SUM = "4872209663.25"
PRODUCT_SUMS = ["29623.08", "16306.73"]
ORDER_SUMS = (60261383, 5994068295, 488754, 3626)
REVIEW_SUMS = (98837, 536493)
FRANCE = (3053, 86332)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return sample_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def ask(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        yield lambda sql: connection.execute(sql).fetchall()


def test_the_shop_is_deterministic(ask):
    counts = {name: ask(f"select count(*) from {name}")[0][0] for (name,) in ask("show tables")}
    assert counts == COUNTS
    assert ask(f"select sum({REVENUE})::varchar from order_items") == [(REVENUE_SUM,)]
    assert [str(value) for value in ask("select sum(price), sum(cost) from products")[0]] == PRODUCT_SUMS
    sums = ask(
        "select sum(customer_id * 31 % 1009), sum(epoch(ordered_at) % 100003)::bigint, sum(length(channel)), "
        "count(*) filter (where status = 'cancelled') from orders"
    )
    assert sums == [ORDER_SUMS]
    assert ask("select sum(rating), sum(length(comment)) from reviews") == [REVIEW_SUMS]
    assert ask("select count(*), sum(length(email)) from customers where country = 'France'") == [FRANCE]


def test_the_tables_of_the_shop_are_consistent(ask):
    assert ask("select min(ordered_at)::date::varchar, max(ordered_at)::date::varchar from orders") == [
        ("2023-01-01", "2025-12-31")
    ]
    for broken in (
        "select count(*) from orders anti join customers using (customer_id)",
        "select count(*) from order_items anti join orders using (order_id)",
        "select count(*) from orders anti join order_items using (order_id)",
        "select count(*) from order_items anti join products using (product_id)",
        "select count(*) from returns anti join order_items using (order_item_id)",
        "select count(*) from reviews anti join order_items using (order_item_id, product_id)",
        "select count(*) from orders join customers using (customer_id) where ordered_at < signed_up_on",
        RETURNED_TOO_EARLY,
        "select count(*) from products where cost >= price or price <= 0",
        "select count(*) - count(distinct email) from customers",
    ):
        assert ask(broken) == [(0,)], broken


def test_sales_have_growth_seasons_and_returns(ask):
    years = ask(
        f"select sum({REVENUE}) from order_items join orders using (order_id) "
        "group by year(ordered_at) order by year(ordered_at)"
    )
    assert years[0] < years[1] < years[2]
    months = dict(ask("select month(ordered_at), count(*) from orders group by 1"))
    assert max(months, key=months.get) == 12
    returned = dict(
        ask(
            "select c.name, count(return_id) / count(*) from order_items join products using (product_id) "
            "join categories c using (category_id) left join returns using (order_item_id) group by 1"
        )
    )
    assert returned["Shoes"] > 2 * returned["Toys"]


def test_the_shop_can_be_queried_like_any_database_and_has_comments(path):
    database = WorkerDatabase(Connection.of("duckdb", str(path)))
    orders = describe(database, "orders")
    assert orders.table.rows == shop_module.ORDERS
    assert orders.values["status"] == ("cancelled", "completed", "pending", "shipped")
    assert "country" not in orders.values
    assert all(table.comment for table in database.tables())
    database.close()


def test_the_shop_is_created_once(path):
    before = path.stat().st_mtime_ns
    assert sample_shop(path.parent) == path
    assert path.stat().st_mtime_ns == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_failed_creation_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(shop_module, "COMMENTS", {"no_such_table": "x"})
    with pytest.raises(duckdb.Error):
        sample_shop(tmp_path)
    assert list(tmp_path.iterdir()) == []
