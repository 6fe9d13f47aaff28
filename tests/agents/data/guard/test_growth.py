"""Values that a query makes grow on a PostgreSQL server, where no process of the app limits them."""

import pytest

from colloquy.agents.data.errors import DataError, QueryBoundError, SqlRefusedError
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.guard.growth import factor_of
from colloquy.agents.data.guard.guard import Refusal

TOO_MUCH = [
    "select array_fill(0, array[100000000])",
    "select array_fill(0, array[10000, 10000])",
    "select array_fill(0, array[n]) from t",
    "select repeat('x', 300000000)",
    "select pg_catalog.repeat('x', 300000000)",
    "select \"repeat\"('x', 300000000)",
    "select repeat(repeat('x', 10000), 10000)",
    "select repeat(x, 10000) from (select repeat('x', 10000) as x) t",
    "with a as (select repeat('x', 10000) as x) select repeat(x, 10000) from a",
    "select repeat('x', n) from t",
    "select lpad('x', 100000000), rpad('x', 100000000)",
    "select rpad(lpad('x', 10000), 100000000)",
    "select format('%100000000s', 'x')",
    "select format('%*s', 100000000, 'x')",
    "select replace(repeat('x', 10000), 'x', repeat('y', 10000))",
    "select regexp_replace(repeat('x', 100000), 'x', 'yyyyyyyyyyyyyyyyyyyy', 'g')",
    "with recursive r(t) as (select 'x' union all select t || t from r) select length(t) from r",
    "with recursive r(t) as (select 'x' union all select concat(t, t) from r) select length(t) from r",
    "with recursive r(t) as (select 'x' union all select repeat(t, 2) from r) select length(t) from r",
]
COLLECTED = [
    "select string_agg(repeat('x', 1000000), ',') from generate_series(1, 100000)",
    "select array_agg(i) from generate_series(1, 1000000000) i",
    "select json_agg(i) from generate_series(1, 1000000000) i",
    "select cardinality(array(select i from generate_series(1, 1000000000) i))",
]


@pytest.mark.parametrize("sql", TOO_MUCH)
def test_values_that_grow_too_large_are_refused(sql):
    with pytest.raises(Refusal):
        factor_of(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select repeat('#', 40), repeat('#', least(n, 100)::int), lpad(id::text, 8, '0') from t",
        "select format('%s (%10s)', a, b), a || ' ' || b, replace(a, 'x', 'y') from t",
        (
            "with recursive r(id, path) as (select id, name from t union all select t.id, r.path || '/' || t.name "
            "from t join r on t.parent = r.id) select * from r"
        ),
        "select array_fill(0, array[3, 4]), concat(a, b, c), string_agg(a, ', ' order by a) from t group by b",
    ],
)
def test_ordinary_values_pass(sql):
    factor_of(sql)


@pytest.mark.parametrize("sql", TOO_MUCH[:6] + COLLECTED)
def test_oversized_values_are_refused_or_cancelled_and_the_next_query_works(shops, sql):
    database = shops("postgres").database
    with pytest.raises(DataError, match=r"MB|number|characters") as refused:
        database.query(sql, Bounds(seconds=20))
    bounded = "was not run" in str(refused.value) or "more than 512 MB" in str(refused.value)
    assert bounded if sql in COLLECTED else isinstance(refused.value, SqlRefusedError)
    assert database.query("select count(*) from orders").rows == 1


def test_aggregates_of_few_rows_are_run(shops):
    database = shops("postgres").database
    assert database.query("select country, array_agg(id), string_agg(country, ', ') from orders group by 1").rows == 3


def test_a_query_that_uses_too_much_memory_on_a_local_server_is_cancelled(shops):
    """The planner cannot know how many rows this returns."""
    sql = (
        "select cardinality(array_agg(i)) from "
        "(select generate_series(1, (select 300000000 from orders limit 1)) as i) t"
    )
    with pytest.raises(QueryBoundError, match="more than 512 MB"):
        shops("postgres").database.query(sql, Bounds(seconds=60))
