"""PostgreSQL, through its own server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psycopg
import pyarrow as pa
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from colloquy.agents.data.engines.base import MAX_TABLES, Row, add_columns, table_row
from colloquy.agents.data.engines.postgres_values import as_arrow, as_texts
from colloquy.agents.data.guard.bounds import MEBIBYTE, Bounds, Cut, Deadline, EngineError, collect, too_big
from colloquy.agents.data.guard.functions import Dialect
from colloquy.agents.data.guard.growth import collects, factor_of
from colloquy.agents.data.guard.guard import Statement
from colloquy.agents.data.workers.memory_limits import bytes_of
from session_store.phrases import counted

_CONNECT_SECONDS: Final = 10
_LOCK_SECONDS: Final = 3
_FIRST_ROWS: Final = 20
_FETCH_BYTES: Final = 4 * MEBIBYTE
_MOST_ROWS_AT_ONCE: Final = 5000
_LOOK_SECONDS: Final = 0.01
_ROW_BYTES: Final = 24
_MOST_COLLECTED: Final = 256 * MEBIBYTE
_READS_EVERYTHING: Final = "pg_read_all_data"

_SYSTEM_SCHEMAS: Final = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
_SCHEMA: Final = "case when not pg_table_is_visible(c.oid) then n.nspname::text end"
_TABLES: Final = f"""
select {_SCHEMA}, c.relname::text,
       case c.relkind when 'v' then 'view' when 'm' then 'view' else 'table' end,
       case when c.reltuples >= 0 and c.relkind <> 'v' then c.reltuples::bigint end,
       obj_description(c.oid, 'pg_class')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition and {_SYSTEM_SCHEMAS}
  and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
order by 1 nulls first, 2 limit {MAX_TABLES}
"""
_COLUMNS: Final = f"""
select {_SCHEMA}, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
       col_description(c.oid, a.attnum)
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition and {_SYSTEM_SCHEMAS}
  and a.attnum > 0 and not a.attisdropped and has_table_privilege(c.oid, 'select')
order by 1, 2, a.attnum
"""


class PostgresEngine:
    """A PostgreSQL database, given by its URL. Every call is one read-only transaction that is rolled back."""

    dialect: Dialect = "postgres"

    def __init__(self, setup: dict[str, Any]) -> None:
        self._url: str = setup["address"]
        self._memory: int = setup["memory_mib"]
        self._is_too_big = False
        self._connection: psycopg.Connection[Any] | None = None

    @contextmanager
    def _opened(self, seconds: float) -> Iterator[psycopg.Connection[Any]]:
        try:
            connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=_CONNECT_SECONDS,
                client_encoding="utf8",
                application_name="Colloquy",
            )
        except psycopg.Error as error:
            raise EngineError("unavailable", f"The server did not accept the connection: {_plain(error)}") from error
        try:
            self._lock(connection, seconds)
            self._connection = connection
            yield connection
        finally:
            self._connection = None
            connection.close()  # without a commit the server rolls back

    def _lock(self, connection: psycopg.Connection[Any], seconds: float) -> None:
        settings = {
            "statement_timeout": f"{int(seconds * 1000) + 1000}ms",
            "lock_timeout": f"{_LOCK_SECONDS}s",
            "idle_in_transaction_session_timeout": f"{int(seconds) + 30}s",
            "standard_conforming_strings": "on",
            "work_mem": "32MB",
            "max_parallel_workers_per_gather": "0",
            "jit": "off",
            "datestyle": "ISO, YMD",
            "intervalstyle": "postgres",
            "timezone": "UTC",
            "bytea_output": "hex",
        }
        if connection.info.server_version >= 140_000:
            settings["client_connection_check_interval"] = "500ms"
        is_superuser = connection.info.parameter_status("is_superuser") == "on"
        if is_superuser:
            settings["temp_file_limit"] = "1GB"
        try:
            connection.execute("begin transaction isolation level repeatable read read only")
            for name, value in settings.items():
                connection.execute(f"set local {name} = '{value}'")
            if is_superuser and connection.info.server_version >= 140_000:
                # A superuser can reach the server's files and programs; this role can only read its tables.
                connection.execute(f"set local role {_READS_EVERYTHING}")
        except psycopg.Error as error:
            raise EngineError(
                "unavailable", f"The server did not open a read-only transaction: {_plain(error)}"
            ) from error

    def summary(self) -> str:
        """See Engine."""
        with self._opened(_CONNECT_SECONDS) as connection:
            version = connection.info.server_version
            user = connection.info.user
            # The connection's own parameter describes the role that the queries run as.
            asked = connection.execute("select rolsuper from pg_roles where rolname = session_user").fetchone()
            is_superuser = asked is not None and asked[0]
            found = f"PostgreSQL {version // 10000} with {counted(len(self._tables(connection)), 'readable table')}."
        if is_superuser:
            found += (
                f" The user {user} is a superuser, whose rights reach beyond the data. Queries are kept to reading, "
                "but give Colloquy a role of its own: create role reader login password '…'; "
                "grant pg_read_all_data to reader."
            )
        return found

    def tables(self) -> list[Row]:
        """See Engine. Row counts are the estimates that the server keeps."""
        with self._opened(_CONNECT_SECONDS) as connection:
            return self._tables(connection)

    def _tables(self, connection: psycopg.Connection[Any]) -> list[Row]:
        try:
            tables = [table_row(*row) for row in connection.execute(_TABLES).fetchall()]
            return add_columns(tables, connection.execute(_COLUMNS).fetchall())
        except psycopg.Error as error:
            raise EngineError("unavailable", f"The list of tables could not be read: {_plain(error)}") from error

    def run(self, statement: Statement, bounds: Bounds) -> tuple[pa.Table, Cut | None]:
        """See Engine."""
        deadline = Deadline(bounds.seconds)
        factor = factor_of(statement.sql) if statement.is_rows else 1
        with self._opened(bounds.seconds) as connection, self._watched(connection):
            if statement.is_rows and collects(statement.sql):
                _check_collected(connection, statement.sql, factor)
            timer = threading.Timer(bounds.seconds, connection.cancel_safe)
            timer.daemon = True
            timer.start()
            try:
                if statement.is_rows:
                    return _fetch(connection, statement.sql, bounds, deadline)
                return _whole(_exec(connection, statement.sql), bounds)
            except (psycopg.errors.QueryCanceled, psycopg.errors.IdleInTransactionSessionTimeout) as error:
                if self._is_too_big:
                    raise EngineError("memory", too_big(self._memory)) from error
                raise deadline.error() from error
            except (psycopg.Error, pa.ArrowException, UnicodeDecodeError) as error:
                raise EngineError("failed", _plain(error)) from error
            finally:
                timer.cancel()

    @contextmanager
    def _watched(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        """Where the server runs on this machine, watch its memory during the query, and cancel the query if it needs
        too much."""
        server = connection.info.backend_pid
        if not _is_here(connection, server):
            yield
            return
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_LOOK_SECONDS):
                if bytes_of(server) > self._memory * MEBIBYTE:
                    self._is_too_big = True
                    self.cancel()

        threading.Thread(target=watch, name="memory of the server", daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def cancel(self) -> None:
        """See Engine."""
        connection = self._connection
        if connection is not None:
            with suppress(psycopg.Error):  # it has ended meanwhile
                connection.cancel_safe()


def _is_here(connection: psycopg.Connection[Any], server: int) -> bool:
    """Whether the process that serves a connection runs on this machine."""
    if connection.info.hostaddr not in ("", "127.0.0.1", "::1"):
        return False
    try:
        return Path(f"/proc/{server}/comm").read_text(encoding="utf-8").startswith("postgres")
    except OSError:
        return False


def _check_collected(connection: psycopg.Connection[Any], sql: str, factor: float) -> None:
    """Refuse a query that collects more rows into single values than the server's memory allows, by the planner's
    estimate."""
    try:
        with connection.transaction():
            [plan] = connection.execute(f"explain (format json) {sql}".encode()).fetchone() or [None]
    except psycopg.Error:
        return  # running the query will report what is wrong with it
    most = max((rows * (width * factor + _ROW_BYTES) for rows, width in _steps(plan)), default=0)
    if most > _MOST_COLLECTED:
        raise EngineError(
            "memory",
            f"The query was not run: the server estimates that it would collect about {most / MEBIBYTE:,.0f} MB into "
            f"single values, and the limit is {_MOST_COLLECTED // MEBIBYTE} MB. Collect fewer rows, or aggregate "
            "differently.",
        )


def _steps(plan: Any) -> Iterator[tuple[float, float]]:  # noqa: ANN401 - JSON of the server
    """The rows, and their width in bytes, of every step of a plan that feeds another step."""
    if isinstance(plan, list):
        for one in plan:
            yield from _steps(one)
    elif isinstance(plan, dict):
        for one in plan.get("Plans", ()):
            yield float(one.get("Plan Rows", 0)), float(one.get("Plan Width", 0))
        for one in (plan.get("Plan"), plan.get("Plans")):
            yield from _steps(one)


def _exec(connection: psycopg.Connection[Any], sql: str) -> PGresult:
    """Run through the protocol that accepts exactly one statement. Returns the values as the server wrote them."""
    with connection.cursor() as cursor:
        cursor.execute(sql.encode(), prepare=True)
        result = cursor.pgresult
    if result is None or result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        raise EngineError("failed", "The server gave no result.")
    return result


def _fetch(
    connection: psycopg.Connection[Any], sql: str, bounds: Bounds, deadline: Deadline
) -> tuple[pa.Table, Cut | None]:
    _exec(connection, f"declare rows_of_query no scroll cursor for {sql}")
    result = _exec(connection, f"fetch forward {min(_FIRST_ROWS, bounds.rows + 1)} from rows_of_query")
    kept = [as_texts(result)]
    rows, size = result.ntuples, kept[0].nbytes
    while result.ntuples and rows <= bounds.rows and size <= bounds.result_bytes:
        if deadline.has_passed:
            raise deadline.error()
        wanted = max(1, min(_MOST_ROWS_AT_ONCE, _FETCH_BYTES * rows // max(size, 1), bounds.rows + 1 - rows))
        result = _exec(connection, f"fetch forward {wanted} from rows_of_query")
        kept.append(as_texts(result))
        rows, size = rows + result.ntuples, size + kept[-1].nbytes
    table, cut = collect(kept, kept[0].schema, bounds)
    return as_arrow(table, result), cut


def _whole(result: PGresult, bounds: Bounds) -> tuple[pa.Table, Cut | None]:
    batch = as_texts(result)
    table, cut = collect([batch], batch.schema, bounds)
    return as_arrow(table, result), cut


def _plain(error: Exception) -> str:
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        hint = f" {error.diag.message_hint}" if error.diag.message_hint else ""
        return f"{error.diag.message_primary}.{hint}"
    return str(error).strip()[:1500]
