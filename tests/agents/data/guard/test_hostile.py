"""Statements that must never run, against every kind of database: each is refused or cut off with a message, nothing
changes, and the next query is as fast as ever. Each wall also holds alone: the engine's locks stop what the guard
refuses."""

import pytest

from colloquy.agents.data.errors import QueryBoundError, SqlFailedError, SqlRefusedError
from colloquy.agents.data.guard.bounds import Bounds, EngineError
from colloquy.agents.data.guard.guard import Refusal, Statement, check
from colloquy.agents.data.workers import worker
from tests.agents.data.shops import KINDS, ORDERS

EVERYWHERE = [
    "insert into orders values (1, 'x', 1, '2025-01-01')",
    "update orders set amount = 0",
    "delete from orders",
    "drop table orders",
    "DROP TABLE orders;",
    "alter table orders add column x int",
    "create table stolen as select * from orders",
    "create temp table stolen as select 1",
    "create view v as select 1",
    "create index i on orders (id)",
    "truncate orders",
    "select 1; drop table orders",
    "select 1; select 2",
    "select 1;;delete from orders",
    "select 1 /* ; */ ; /* ; */ delete from orders",
    "/* select */ delete from orders",
    "-- select\ndelete from orders",
    "select 1 --\n; delete from orders",
    "delete/**/from/**/orders",
    "with gone as (delete from orders returning *) select * from gone",
    "with new as (insert into customers values (9, 'x') returning *) select * from new",
    "with x as (select 1) delete from orders",
    "with x as (select 1) insert into customers select 1, 'a' from x",
    "explain delete from orders",
    "explain analyze delete from orders",
    "explain explain select 1",
    "(delete from orders)",
    "select * from orders for update",
    "select * into stolen from orders",
    "merge into orders using customers on true when matched then delete",
    "replace into orders values (1, 'x', 1, '2025-01-01')",
    "begin",
    "commit",
    "rollback; delete from orders",
    "savepoint x",
    "vacuum",
    "analyze",
    "attach 'other.db' as other",
    "attach database ':memory:' as other",
    "detach other",
    "copy orders to 'stolen.csv'",
    "copy (select 1) to program 'touch stolen'",
    "copy orders from 'secret.csv'",
    "export database 'stolen'",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "pragma writable_schema = on",
    "set threads = 1",
    "reset all",
    "call pragma_version()",
    "prepare x as delete from orders",
    "execute x",
    "do $$ begin delete from orders; end $$",
    "listen x",
    "grant all on orders to public",
    "use other",
    "checkpoint",
    "kill 1",
    "show all",
    "select read_csv('secret.csv')",
    "select * from read_csv('secret.csv')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/passwd')",
    "select * from \"read_text\"('/etc/passwd')",
    "select * from read_text /* x */ ('/etc/passwd')",
    "select * from main.read_text('/etc/passwd')",
    "with read_text(a) as (select 1) select * from read_text('/etc/passwd')",
    "select * from glob('/*')",
    "select * from 'secret.csv'",
    "select * from orders, 'secret.csv'",
    "select * from orders join '/etc/passwd' on true",
    "select * from (select * from '/etc/passwd')",
    "select pg_read_file('/etc/passwd')",
    "select pg_catalog.pg_read_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select lo_import('/etc/passwd')",
    "select load_extension('x')",
    "select readfile('/etc/passwd'), writefile('stolen', 'x')",
    "select getenv('HOME')",
    "select current_setting('data_directory')",
    "select set_config('statement_timeout', '0', false)",
    "select nextval('numbers')",
    "select setval('numbers', 9)",
    "select pg_sleep(100)",
    "select sleep_ms(100000)",
    "select pg_advisory_lock(1)",
    "select pg_terminate_backend(1)",
    "select * from dblink('host=evil', 'select 1') as t(a int)",
    "select query_to_xml('delete from orders', true, true, '')",
    "select * from query('delete from orders')",
    "select * from query_table('orders')",
    "select fts3_tokenizer('simple')",
    "select randomblob(10), zeroblob(10), sqlite_log(1, 'x')",
    "select * from pragma_table_info('orders')",
    "select * from pragma_database_list",
    "select * from sqlite_dbpage",
    "select * from dbstat",
    "select * from duckdb_settings()",
    "select * from duckdb_secrets()",
    "select * from pg_shadow",
    "select * from pg_catalog.pg_authid",
    "select * from pg_settings",
    "select * from pg_stat_activity",
    "select * from information_schema.user_mapping_options",
    "select twice(2)",
    "select $1",
    "select :name",
    "select ?",
    "select 1 \u037e drop table orders",
    "select\u200b 1",
    "select \u202e1",
    "select\u00a0\uff52\uff45\uff41\uff44_text('x')",
    "select 1\x00; drop table orders",
    "select U&'\\0041'",
    "select E'\\'; drop table orders; --'",
    "select $$ $$; drop table orders; $$ $$",
    "select $x$ ' $x$",
    "",
    "   ;  ",
    "-- nothing",
    "/*",
    "select 'never closed",
    'select "never closed',
    "select " + "(" * 5000 + "1" + ")" * 5000,
    "select " + "(" * 200 + "select 1" + ")" * 200,
    "select " + "[" * 3000 + "]" * 3000,
    "select " + "not " * 20_000 + "true",
    "select " + "- " * 20_000 + "1",
    "select " + "case when true then " * 500 + "1" + " end" * 500,
    "select * from " + "(select * from " * 500 + "orders" + ")" * 500,
    "select " + "x" * 200_000,
    "select 1 in (" + ",".join(map(str, range(40_000))) + ")",
    "with " + ",".join(f"c{i} as (select * from c{i - 1})" for i in range(1, 5000)) + " select 1",
    "hello, can you help me?",
]

HEAVY = {
    "everywhere": [
        "with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) from r",
        "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r, orders",
        "select count(*) from orders a, orders b, orders c, orders d, orders e",
        "select a.id from orders a, orders b, orders c order by a.amount * b.amount - c.amount desc",
    ],
    "duckdb": [
        "select count(*) from range(100000000) a, range(100000000) b",
        "select length(repeat('x', 1000000000)) from range(100)",
        "select repeat('x', 100000000) from range(100)",
        "select range(2000000000)",
        "select list(i) from range(10000000000) t(i)",
        "select lpad('x', 2000000000, 'y')",
        "select printf('%2000000000d', 1)",
        "select levenshtein(repeat('a', 300000), repeat('b', 300000))",
        "select string_agg(repeat('x', 1000000), ',') from range(100000)",
    ],
    "sqlite": [
        "select hex(zeroblob(8000000)) from orders a, orders b",
        "select zeroblob(1000000000)",
        "select group_concat(hex(zeroblob(1000000))) from orders a, orders b",
        "with recursive r(s) as (select 'x' union all select s || s from r) select length(s) from r",
    ],
    "postgres": [
        "select count(*) from generate_series(1, 100000000) a, generate_series(1, 100000000) b",
        "select repeat('x', 300000000) from generate_series(1, 100)",
        "select string_agg(repeat('x', 1000000), ',') from generate_series(1, 100000)",
        "select array_agg(i) from generate_series(1, 10000000000) i",
    ],
}
HEAVY["folder"] = HEAVY["duckdb"][:3]

BEHIND_THE_GUARD = [
    "insert into orders values (1, 'x', 1, '2025-01-01')",
    "delete from orders",
    "update orders set amount = 0",
    "drop table orders",
    "create table stolen as select 1",
    "alter table orders add column x int",
    "attach '{elsewhere}/other.db' as other",
    "copy (select 1) to '{elsewhere}/stolen.csv'",
    "copy (select 1) to '{elsewhere}/files/orders.parquet'",
    "copy (select 1) to '{elsewhere}/files/customers.csv' (use_tmp_file false)",
    "copy (select 1) to program 'touch {elsewhere}/stolen'",
    "vacuum into '{elsewhere}/stolen'",
    "export database '{elsewhere}/stolen'",
    "select * from read_csv('{elsewhere}/secret.csv')",
    "select * from '{elsewhere}/secret.csv'",
    "select * from read_text('/etc/passwd')",
    "select pg_read_file('/etc/passwd')",
    "select lo_import('/etc/passwd')",
    "select nextval('numbers')",
    "select load_extension('x')",
    "set enable_external_access = true",
    "set allowed_directories = ['/']",
    "set session characteristics as transaction read write",
    "pragma query_only = off",
    "pragma writable_schema = on",
    "install httpfs",
    "load httpfs",
    "select * from pragma_database_list",
]
HARMLESS = {
    # These have no effect that outlives the query and reveal only the path of the file.
    ("duckdb", "select * from pragma_database_list"),
    ("folder", "select * from pragma_database_list"),
    ("postgres", "set session characteristics as transaction read write"),
}


@pytest.fixture(scope="module")
def states(shops):
    """The state of every shop before the first hostile statement."""
    return {}


@pytest.fixture
def unchanged(shop, states):
    before = states.setdefault(shop.connection.kind, shop.state())
    yield shop
    assert shop.database.query("select count(*) from orders", Bounds(seconds=5)).table[0][0].as_py() == ORDERS
    assert shop.state() == before


@pytest.mark.parametrize("sql", EVERYWHERE, ids=lambda sql: sql[:60].encode("unicode_escape").decode())
def test_hostile_statements_are_refused_and_change_nothing(unchanged, sql):
    with pytest.raises((SqlRefusedError, SqlFailedError, QueryBoundError)) as caught:
        unchanged.database.query(sql, Bounds(seconds=3))
    assert len(str(caught.value)) > 15
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "sql"),
    [(kind, sql) for kind in KINDS for sql in HEAVY["everywhere"] + HEAVY[kind]],
    ids=lambda value: value[:60],
)
def test_endless_queries_are_cut_off_with_a_message(shops, kind, sql):
    shop = shops(kind)
    with pytest.raises((QueryBoundError, SqlFailedError, SqlRefusedError)) as caught:
        shop.database.query(sql, Bounds(seconds=1))
    assert any(word in str(caught.value) for word in ("second", "memory", "MB"))
    assert shop.database.query("select count(*) from orders", Bounds(seconds=5)).table[0][0].as_py() == ORDERS


def test_endless_queries_return_their_first_rows_if_available(shops):
    for kind, sql in (
        ("duckdb", "select * from range(1000000000000)"),
        ("sqlite", "select a.id from orders a, orders b, orders c"),
    ):
        result = shops(kind).database.query(sql)
        assert (result.rows, result.cut) == (10_000, "rows")


@pytest.mark.parametrize("sql", BEHIND_THE_GUARD, ids=lambda sql: sql[:60])
def test_the_engine_alone_blocks_hostile_statements(shop, sql):
    """The second wall alone: the statement goes to the engine as if the guard had passed it."""
    kind = shop.connection.kind.value
    address = shop.connection.address.get_secret_value()
    elsewhere = address.rpartition("/")[0] if kind != "postgres" else "/tmp"
    before = shop.state()
    setup = {"kind": kind, "address": address, "memory_mib": 512, "threads": 2}
    engine = worker.engine_of(setup)
    statement = Statement(sql.replace("{elsewhere}", elsewhere), is_rows=False)
    if (kind, sql) in HARMLESS:
        engine.run(statement, Bounds(seconds=5))
    else:
        with pytest.raises(EngineError):
            engine.run(statement, Bounds(seconds=5))
    assert shop.state() == before


def test_a_refusal_says_what_to_write_instead():
    for sql, hint in {
        "drop table orders": "SELECT",
        "select 1; select 2": "one by one",
        "select read_text('x')": "read_text()",
        "select * from 'x.csv'": "listed tables",
        "select * into y from x": "Leave INTO out",
        "select ?": "values",
    }.items():
        with pytest.raises(Refusal, match=hint):
            check(sql, "duckdb")
