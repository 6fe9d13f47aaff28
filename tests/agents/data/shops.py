"""The same small shop in every kind of database, for tests that apply to all kinds."""

import hashlib
import sqlite3
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import psycopg

from colloquy.agents.data.connection import Connection
from colloquy.agents.data.database import WorkerDatabase

KINDS = ("duckdb", "sqlite", "folder", "postgres")

ORDERS = 1200
COUNTRIES = ("Austria", "France", "Spain")

ROWS = [
    (i, COUNTRIES[i % 3], Decimal(i * 7 % 5000) / 100, str(date(2025, 1, 1) + timedelta(days=i % 365)))
    for i in range(1, ORDERS + 1)
]
TOTAL = sum(row[2] for row in ROWS)


class Shop:
    """A database, and a way to check that nothing in it changed."""

    def __init__(self, connection, state):
        self.connection = connection
        self.database = WorkerDatabase(connection)
        self.state = state


def make_shop(kind, folder, postgres_url=None):
    makers = {"duckdb": _duckdb, "sqlite": _sqlite, "folder": _folder}
    if kind == "postgres":
        return _postgres(postgres_url)
    return makers[kind](folder)


def _state_of(*folders):
    """A checksum of all files below these folders, names included."""

    def state():
        digest = hashlib.sha256()
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                digest.update(str(path).encode() + (path.read_bytes() if path.is_file() else b""))
        return digest.hexdigest()

    return state


def _duckdb(folder):
    path = folder / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table orders (id integer, country varchar, amount decimal(10, 2), day date)")
        connection.executemany("insert into orders values (?, ?, ?, ?)", ROWS)
        connection.execute("create table customers (id integer, name varchar)")
        connection.execute("create sequence numbers")
        connection.execute("create macro twice(x) as x * 2")
        connection.execute("comment on table orders is 'What was sold'")
        connection.execute("comment on column orders.amount is 'In euros'")
    return Shop(Connection.of("duckdb", str(path), "shop"), _state_of(folder))


def _sqlite(folder):
    path = folder / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("create table orders (id integer primary key, country text, amount real, day text)")
    connection.executemany("insert into orders values (?, ?, ?, ?)", [(*r[:2], float(r[2]), r[3]) for r in ROWS])
    connection.execute("create table customers (id integer, name text)")
    connection.commit()
    connection.close()
    return Shop(Connection.of("sqlite", str(path), "shop"), _state_of(folder))


def _folder(folder):
    files = folder / "files"
    files.mkdir()
    (folder / "secret.csv").write_text("secret\n42\n")
    with duckdb.connect() as connection:
        connection.execute("create table orders (id integer, country varchar, amount decimal(10, 2), day date)")
        connection.executemany("insert into orders values (?, ?, ?, ?)", ROWS)
        connection.execute(f"copy orders to '{files / 'orders.parquet'}'")
    (files / "customers.csv").write_text("id,name\n1,Ann\n2,Bo\n")
    (files / "notes.txt").write_text("not a table")
    (files / "broken.parquet").write_text("not a table either")
    return Shop(Connection.of("folder", str(files), "shop"), _state_of(folder))


def _postgres(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop table if exists orders, customers")
        connection.execute("drop sequence if exists numbers")
        connection.execute("create table orders (id int, country text, amount numeric(10, 2), day date)")
        with connection.cursor() as cursor:
            cursor.executemany("insert into orders values (%s, %s, %s, %s)", ROWS)
        connection.execute("create table customers (id int, name text)")
        connection.execute("create sequence numbers")
        connection.execute("comment on table orders is 'What was sold'")
        connection.execute("comment on column orders.amount is 'In euros'")
        connection.execute("analyze")

    def state():
        with psycopg.connect(url) as connection:
            return [
                connection.execute(sql).fetchall()
                for sql in (
                    "select md5(string_agg(o::text, ',' order by id)) from orders o",
                    "select count(*) from customers",
                    "select relname, relkind from pg_class where relnamespace = 'public'::regnamespace order by 1",
                    "select last_value, is_called from numbers",
                    "select rolname, rolsuper from pg_roles order by 1",
                    "select name, setting from pg_settings where source = 'database' or source = 'user'",
                    "select count(*) from pg_largeobject_metadata",
                )
            ]

    return Shop(Connection.of("postgres", url, "shop"), state)
