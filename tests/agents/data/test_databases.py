"""Every kind of database can be queried in the same way."""

import gzip
import os
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import duckdb
import psycopg
import pyarrow as pa
import pytest

from colloquy.agents.data.connection import Connection
from colloquy.agents.data.database import WorkerDatabase, describe
from colloquy.agents.data.engines.duckdb_engine import plain
from colloquy.agents.data.errors import (
    ConnectionInvalidError,
    ConnectionUnavailableError,
    DataError,
    QueryBoundError,
    QueryStoppedError,
    SqlFailedError,
    UnknownTableError,
)
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.workers.cancellation import Cancellation
from colloquy.agents.data.workers.pool import Workers
from colloquy.runtime.application import own_files
from tests.agents.data.postgres import PASSWORD, URL_PASSWORD
from tests.agents.data.shops import COUNTRIES, ORDERS, ROWS, TOTAL
from tests.support.bad_files import BAD_FILES

ENDLESS = "with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) from r"


def test_testing_a_connection_reports_what_was_found(shop):
    found = shop.database.test()
    assert "table" in found
    assert {"duckdb": "DuckDB", "sqlite": "SQLite", "folder": "folder", "postgres": "PostgreSQL"}[
        shop.connection.kind
    ] in found


def test_a_superuser_connection_gives_a_warning(shops):
    assert "superuser" in shops("postgres").database.test()


def test_tables_are_listed_with_their_columns_and_rows(shop):
    tables = {table.name: table for table in shop.database.tables()}
    assert {"orders", "customers"} <= set(tables)
    assert [column.name for column in tables["orders"].columns] == ["id", "country", "amount", "day"]
    assert tables["orders"].rows == ORDERS


def test_catalog_queries_find_all_tables(shop):
    asked = ["show tables", "SHOW TABLES;", "select table_name from information_schema.tables"]
    if shop.connection.kind == "sqlite":
        asked[-1] = "select name from sqlite_master"
    elif shop.connection.kind != "postgres":
        asked += ["select view_name from duckdb_views union all select table_name from duckdb_tables"]
    listed = {table.name for table in shop.database.tables() if "cannot be read" not in table.comment}
    for sql in asked[:2]:
        assert set(shop.database.query(sql).table.column("name").to_pylist()) == listed
    for sql in asked[2:]:
        assert {"orders", "customers"} <= set(shop.database.query(sql).table.column(0).to_pylist())


def test_comments_are_included(shops):
    for kind in ("duckdb", "postgres"):
        orders = next(table for table in shops(kind).database.tables() if table.name == "orders")
        assert orders.comment == "What was sold"
        assert orders.columns[2].comment == "In euros"


def test_a_broken_file_in_a_folder_is_listed_and_does_not_affect_others(shops):
    database = shops("folder").database
    broken = next(table for table in database.tables() if table.name == "broken")
    assert "cannot be read" in broken.comment
    assert database.query("select count(*) from customers").rows == 1
    with pytest.raises(SqlFailedError, match=r"broken\.parquet"):
        database.query("select * from broken")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("kind", ["pipe", "folder", "links in a circle"])
def test_special_files_in_a_folder_are_named_and_do_not_block(tmp_path, kind):
    make, told = BAD_FILES[kind]
    make(tmp_path / "odd.csv")
    (tmp_path / "good.csv").write_text("odd\n1\n")
    with closing(WorkerDatabase(Connection.of("folder", str(tmp_path)))) as database:
        assert told in database.test()
        [good, odd] = [table for table in database.tables() if table.name in ("good", "odd")]
        assert (good.comment, odd.name) == ("good.csv", "odd")
        assert "odd.csv cannot be read" in odd.comment
        assert told in odd.comment
        assert database.query("select odd from good").rows == 1
        with pytest.raises(SqlFailedError, match=told):
            database.query("select * from odd")


def made_csv(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.mark.parametrize(
    ("name", "delimiter", "before"),
    [("wide.csv", ",", ""), ("wide.csv.gz", ";", ""), ("wide.tsv", "\t", ""), ("wide.csv", "|", "A report\n\n")],
)
def test_a_file_with_too_many_columns_does_not_hide_others(tmp_path, name, delimiter, before):
    names, row = delimiter.join(f"c{i}" for i in range(20_000)), delimiter.join(["1"] * 20_000)
    made_csv(tmp_path / name, f"{before}{names}\n{row}\n")
    (tmp_path / "ok.csv").write_text('a,embedding\n1,"[' + ", ".join(["0.5"] * 1_536) + ']"\n')
    with closing(WorkerDatabase(Connection.of("folder", str(tmp_path)))) as database:
        for sql in ("show tables", "select table_name as name from information_schema.tables"):
            assert database.query(sql).table.column("name").to_pylist() == ["ok"]
        assert database.query("select a, embedding from ok").rows == 1
        [ok, wide] = database.tables()
        assert (ok.name, len(ok.columns), wide.name) == ("ok", 2, "wide")
        assert f"{name} cannot be read: it has more than 1,000 columns" in wide.comment
        with pytest.raises(SqlFailedError, match=f"{name} cannot be read: it has more than 1,000 columns"):
            database.query("select c1 from wide")


@pytest.mark.parametrize("name", [".csv", ".parquet", ".csv.gz"])
def test_a_file_named_only_by_its_extension_is_reported_in_the_list(tmp_path, name):
    made_csv(tmp_path / name, "a\n1\n")
    (tmp_path / "ok.csv").write_text("a\n1\n")
    with closing(WorkerDatabase(Connection.of("folder", str(tmp_path)))) as database:
        assert {name, "ok"} == {table.name for table in database.tables()}
        assert f"{name}: its name is nothing but an ending" in database.test()
        with pytest.raises(SqlFailedError) as failed:
            database.query("select nothing from ok")
        assert "cannot be read" not in str(failed.value)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
@pytest.mark.parametrize(
    ("link", "told"),
    [
        (lambda link, own, elsewhere: link.symlink_to(own / "secrets.json"), "Colloquy's own"),
        (lambda link, own, elsewhere: link.hardlink_to(own / "secrets.json"), "Colloquy's own"),
        (lambda link, own, elsewhere: link.hardlink_to(own / "colloquy.duckdb.wal"), "Colloquy's own"),
        (lambda link, own, elsewhere: link.symlink_to(own / "artifacts" / "told.csv"), "Colloquy's own"),
        (lambda link, own, elsewhere: link.symlink_to(elsewhere / "told.csv"), "out of this folder"),
        (lambda link, own, elsewhere: link.symlink_to(elsewhere.parent / "way" / "told.csv"), "out of this folder"),
    ],
    ids=["link to passwords", "passwords", "log of the database", "a file of an agent", "elsewhere", "by another link"],
)
@pytest.mark.parametrize("is_inside", [True, False], ids=["data folder within", "data folder elsewhere"])
def test_a_link_in_a_folder_exposes_nothing_outside_it(tmp_path, link, told, is_inside):
    folder, elsewhere = tmp_path / "connected", tmp_path / "elsewhere"
    own = (folder if is_inside else tmp_path) / "data"
    for place in (folder, folder / "below", elsewhere, own, own / "artifacts", own / "snapshots"):
        place.mkdir()
    (tmp_path / "way").symlink_to(elsewhere)
    for place in (
        own / "secrets.json",
        own / "colloquy.duckdb.wal",
        own / "artifacts" / "told.csv",
        elsewhere / "told.csv",
        folder / "below" / "good.csv",
        own / "snapshots" / "kept.csv",
    ):
        place.write_text("password\nhunter2\n")
    link(folder / "odd.csv", own, elsewhere)
    (folder / "good.csv").symlink_to("below/good.csv")
    (folder / "twice.csv").hardlink_to(folder / "below" / "good.csv")
    (folder / "kept.csv").hardlink_to(own / "snapshots" / "kept.csv")
    connection = Connection.of("folder", str(folder))
    with closing(WorkerDatabase(connection, own=own_files(own))) as database:
        comments = {table.name: table.comment for table in database.tables()}
        assert told in comments.pop("odd")
        assert comments == {name: f"{name}.csv" for name in ("good", "kept", "twice")}
        for name in comments:
            assert database.query(f"select password from {name}").rows == 1
        with pytest.raises(SqlFailedError, match=told) as failed:
            database.query("select * from odd")
        assert "hunter2" not in str(failed.value)


@pytest.mark.skipif(sys.platform != "linux", reason="only there may names be any bytes")
def test_half_characters_in_a_folder_do_not_affect_other_files(tmp_path):
    (tmp_path / os.fsdecode(b"half\xff.csv")).write_text("x\n1\n")
    (tmp_path / "words.csv").write_bytes(b"x\n\xed\xa0\x80\n" * 3)
    (tmp_path / "good.csv").write_text("x\n1\n")
    with closing(WorkerDatabase(Connection.of("folder", str(tmp_path)))) as database:
        comments = {table.name: table.comment for table in database.tables()}
        assert "rename it" in comments["half\ufffd"]
        assert "words.csv" in comments["words"]
        assert database.query("select sum(x) from good").rows == 1


def test_a_table_is_described_with_count_sample_and_common_values(shop):
    found = describe(shop.database, "Orders")
    assert (found.table.rows, found.table.is_exact) == (ORDERS, True)
    assert found.sample.num_rows == 5
    assert found.values["country"] == COUNTRIES


def test_an_unknown_table_is_answered_with_the_existing_ones(shop):
    with pytest.raises(UnknownTableError, match="customers"):
        describe(shop.database, "order")


def test_a_query_returns_its_rows(shop):
    result = shop.database.query(
        "select country, count(*) as n, sum(amount) as total from orders group by 1 order by 1"
    )
    assert result.columns == ("country", "n", "total")
    assert result.table.column("country").to_pylist() == list(COUNTRIES)
    assert sum(result.table.column("n").to_pylist()) == ORDERS
    assert float(sum(result.table.column("total").to_pylist())) == pytest.approx(float(TOTAL))
    assert result.cut is None
    assert result.seconds > 0


def test_a_query_without_rows_still_has_its_columns(shop):
    result = shop.database.query("select id, country from orders where id < 0")
    assert (result.rows, result.columns) == (0, ("id", "country"))


def test_values_keep_their_types(shops):
    row = shops("postgres").database.query(
        "select true as b, 1::bigint as i, 1.50::numeric as n, 'x'::text as t, date '2025-01-02' as d, "
        "timestamptz '2025-01-02 03:04:05+02' as z, null::int as e, '\\x00ff'::bytea as y, array[1, 2] as a, "
        "'infinity'::date as f, 'NaN'::float8 as q"
    )
    assert [str(kind) for kind in row.table.schema.types][:6] == [
        "bool",
        "int64",
        "decimal128(38, 2)",
        "string",
        "date32[day]",
        "timestamp[us, tz=UTC]",
    ]
    values = row.table.to_pylist()[0]
    assert (values["e"], values["y"], values["a"], values["f"]) == (None, b"\x00\xff", "{1,2}", "infinity")
    assert values["z"].hour == 1


def test_a_sqlite_column_of_mixed_types_becomes_text(shops):
    result = shops("sqlite").database.query("select 1 as x union all select 'a' union all select x'ff'")
    assert result.table.column("x").to_pylist() == ["1", "a", "ff"]


def test_rows_over_the_limit_are_cut_and_the_result_says_so(shop):
    result = shop.database.query("select * from orders", Bounds(rows=100))
    assert (result.rows, result.cut) == (100, "rows")
    assert "100 rows" in result.note


def test_rows_exactly_at_the_limit_are_not_reported_as_cut(shop):
    result = shop.database.query("select * from orders", Bounds(rows=ORDERS))
    assert (result.rows, result.cut, result.note) == (ORDERS, None, "")


def test_bytes_over_the_limit_are_cut_and_the_result_says_so(shop):
    result = shop.database.query("select * from orders", Bounds(result_bytes=10_000))
    assert 0 < result.rows < ORDERS
    assert result.table.nbytes <= 10_000
    assert result.cut == "bytes"


def test_a_million_rows_are_returned_if_allowed(shops):
    result = shops("duckdb").database.query("select i, i * 2 from range(1000000) t(i)", Bounds(rows=2_000_000))
    assert (result.rows, result.cut) == (1_000_000, None)


def test_a_query_that_takes_too_long_is_stopped_and_the_next_one_runs(shop):
    with pytest.raises(QueryBoundError, match="seconds"):
        shop.database.query(ENDLESS, Bounds(seconds=0.5))
    assert shop.database.query("select 1").rows == 1


def test_a_query_can_be_stopped_from_another_thread(shop):
    cancellation = Cancellation()
    threading.Timer(0.3, cancellation.cancel).start()
    with pytest.raises(QueryStoppedError):
        shop.database.query(ENDLESS, cancellation=cancellation)
    with pytest.raises(QueryStoppedError):
        shop.database.query("select 1", cancellation=cancellation)
    assert shop.database.query("select 1").rows == 1


def test_queries_run_in_parallel(shop):
    with ThreadPoolExecutor(8) as pool:
        counts = list(
            pool.map(lambda _: shop.database.query("select count(*) from orders").table[0][0].as_py(), range(8))
        )
    assert counts == [ORDERS] * 8


def test_an_engine_error_becomes_a_sentence(shop):
    with pytest.raises(SqlFailedError, match="nothing_like_it"):
        shop.database.query("select * from nothing_like_it")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select list_transform([1], x -> x + 1)", "Please transition to the new lambda syntax"),
        ("select (select i from range(2) t(i))", "More than one row returned by a subquery"),
        ("select string_agg(x, ',' order by 'a') from (values ('b')) t(x)", "ORDER BY"),
        ("select * from nothing_here", "nothing_here does not exist"),
    ],
)
def test_an_error_gives_no_useless_advice(shops, sql, said):
    with pytest.raises(DataError) as failed:
        shops("duckdb").database.query(sql)
    assert said in str(failed.value)
    assert "SET " not in str(failed.value)
    assert "Did you mean" not in str(failed.value)


def test_an_internal_engine_error_reveals_nothing_about_the_installation(shops):
    with pytest.raises(QueryBoundError, match="needed more than 512 MB"):
        shops("duckdb").database.query("select reservoir_quantile(i, 0.5, 100000000) from range(10) t(i)")
    inside = duckdb.InternalException(
        "INTERNAL Error: Attempted to access index 3\n\nStack Trace:\n\n/usr/lib/python3/duckdb.so(+0x1) [0x7f]\n"
        "\nThis error signals an assertion failure within DuckDB."
    )
    assert plain(inside) == "INTERNAL Error: Attempted to access index 3"


def test_a_missing_database_is_explained(tmp_path):
    for kind in ("duckdb", "sqlite", "folder"):
        with pytest.raises(ConnectionUnavailableError, match="There is no"):
            WorkerDatabase(Connection.of(kind, str(tmp_path / "none"))).test()
    junk = tmp_path / "junk"
    junk.write_bytes(b"this is no database, however one looks at it" * 100)
    for kind in ("duckdb", "sqlite"):
        with pytest.raises(ConnectionUnavailableError, match="could not be opened"):
            WorkerDatabase(Connection.of(kind, str(junk))).test()
    with pytest.raises(ConnectionUnavailableError, match="did not accept"):
        WorkerDatabase(Connection.of("postgres", "postgresql://u:p@127.0.0.1:1/x")).test()


def test_a_changed_file_is_read_again(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    database = WorkerDatabase(Connection.of("folder", str(tmp_path)))
    assert database.query("select sum(x) from a").table[0][0].as_py() == 1
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    (tmp_path / "b.csv").write_text("y\n5\n")
    assert database.query("select sum(x) from a").table[0][0].as_py() == 3
    assert database.query("select y from b").rows == 1
    database.close()


def test_a_sqlite_database_in_wal_mode_can_be_read_during_writes(tmp_path):
    writer = sqlite3.connect(tmp_path / "wal.db")
    writer.execute("pragma journal_mode = wal")
    writer.execute("create table t (x)")
    writer.execute("insert into t values (1)")
    writer.commit()
    database = WorkerDatabase(Connection.of("sqlite", str(tmp_path / "wal.db")))
    assert database.query("select x from t").rows == 1
    database.close()
    writer.close()


def test_a_duckdb_file_is_not_locked_between_queries(tmp_path):
    path = tmp_path / "own.duckdb"
    duckdb.connect(str(path)).execute("create table t (x int)").close()
    database = WorkerDatabase(Connection.of("duckdb", str(path)))
    assert database.query("select * from t").rows == 0
    with duckdb.connect(str(path)) as writer:
        writer.execute("insert into t values (1)")
        with pytest.raises(ConnectionUnavailableError, match="in use"):
            database.query("select * from t")
    assert database.query("select * from t").rows == 1
    database.close()


def test_the_worker_does_not_see_the_keys_of_the_app(shops, monkeypatch):
    monkeypatch.setenv("GOOGLE_API_KEY", "very-secret")
    workers = Workers()
    database = WorkerDatabase(shops("duckdb").connection, workers=workers)
    database.test()
    [process] = workers._idle
    if os.path.exists(f"/proc/{process.pid}/environ"):  # noqa: PTH110
        with open(f"/proc/{process.pid}/environ", "rb") as environment:  # noqa: PTH123
            assert b"very-secret" not in environment.read()
    workers.close()
    assert not process.is_alive


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("oracle", "x"),
        ("duckdb", "  "),
        ("postgres", "mysql://a:topsecret@b/c"),
        ("postgres", "postgresql://a:top@se:cret@b:x/c"),
    ],
)
def test_an_invalid_description_is_refused_without_its_password(kind, address):
    with pytest.raises(ConnectionInvalidError) as caught:
        Connection.of(kind, address)
    assert "secret" not in str(caught.value)
    assert "se:cret" not in str(caught.value)


def test_the_password_appears_nowhere(shops, caplog):
    connection = shops("postgres").connection
    wrong = Connection.of("postgres", connection.address.get_secret_value().replace("/postgres", "/no_such_database"))
    seen = [str(connection), repr(connection), connection.shown_address, f"{connection}"]
    for database in (
        WorkerDatabase(wrong),
        WorkerDatabase(Connection.of("postgres", "postgresql://x:hid%20den@127.0.0.1:1/y")),
    ):
        with pytest.raises(DataError) as caught:
            database.test()
        seen += [str(caught.value), repr(caught.value), repr(database.connection)]
        database.close()
    seen.append(caplog.text)
    for text in seen:
        for secret in (PASSWORD, URL_PASSWORD, "hid%20den", "hid den"):
            assert secret not in text
    in_query = Connection.of("postgres", "postgresql://h/d?user=u&password=topsecret&sslmode=require")
    assert "topsecret" not in in_query.shown_address
    assert "sslmode=require" in in_query.shown_address
    assert "topsecret" not in in_query.redacted("connection failed: password topsecret is wrong")


def test_a_reader_without_superuser_rights_is_enough(shops, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("drop role if exists reader")
        owner.execute("create role reader login password 'r'")
        owner.execute("grant select on orders to reader")
    shops("postgres")
    address = postgres_url.replace(f"owner:{URL_PASSWORD}", "reader:r")
    database = WorkerDatabase(Connection.of("postgres", address))
    assert "superuser" not in database.test()
    assert [table.name for table in database.tables()] == ["orders"]
    assert database.query("select count(*) from orders").table[0][0].as_py() == len(ROWS)
    database.close()
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("drop owned by reader")
        owner.execute("drop role reader")


def test_unusual_columns_are_returned(shops):
    result = shops("duckdb").database.query(
        "select {'a': [1, 2]} as s, map {'k': 1} as m, uuid() as u, interval 1 day as i, 'x'::enum('x', 'y') as e, "
        "1::hugeint as h, '101'::bit as b, time '10:00' as t, 'NaN'::double as n, 1 as a, 2 as a"
    )
    assert result.rows == 1
    assert result.columns[-2:] == ("a", "a")
    assert isinstance(result.table, pa.Table)
