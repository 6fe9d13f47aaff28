"""DuckDB files, and folders of Parquet and CSV files read through DuckDB."""

from __future__ import annotations

import gzip
import re
import stat
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from colloquy.agents.data.engines.base import MAX_TABLES, Row, add_columns, quoted, require_file, table_row
from colloquy.agents.data.guard.bounds import Bounds, Cut, Deadline, EngineError, collect, too_big
from colloquy.agents.data.guard.functions import Dialect
from colloquy.agents.data.guard.guard import Statement
from colloquy.agents.data.own_files import OwnFiles
from session_store.files import BadFileError, entries, open_regular
from session_store.phrases import counted

MOST_ENTRIES: Final = 200_000
"""The most entries of a folder that are examined."""

MOST_FILE_COLUMNS: Final = 1_000
"""The most columns of a text file. With several thousand, sniffing alone takes all the memory that a query has."""

_BATCH_ROWS: Final = 2048
_HEAD_BYTES: Final = 256 * 1024
_HEAD_LINES: Final = 10
_NO_DELIMITERS: Final = re.compile(rb'"[^"]*"|\[[^\[\]]*\]|\{[^{}]*\}')
"""The quoted texts, lists and objects in a line of a text file."""

_DELIMITERS: Final = (b",", b";", b"\t", b"|")

_OUT_OF_MEMORY: Final = re.compile("Out of Memory Error|Memory allocation failure|std::bad_alloc")
_NOT_SAID: Final = re.compile(
    r"""\n\s*LINE\ \d+:.*              # the picture of the line
    | \s*(Stack\ Trace:|This\ error\ signals\ an\ assertion\ failure).*
    | [^.!?\n]*\bSET\ +["'`]?\w+\s*(=|TO\b)[^\n]*  # advice to change a setting, which is locked here
    | \s*Did\ you\ mean\ "(pg_|duckdb_|sqlite_|information_schema)[^"]*"\?
    """,
    re.DOTALL | re.VERBOSE,
)
_SUFFIXES: Final = {".parquet": "read_parquet", ".csv": "read_csv", ".tsv": "read_csv", ".csv.gz": "read_csv"}
_LISTS_TABLES: Final = re.compile(r"\b(show|information_schema|(duckdb|pg|sqlite)_\w+)\b", re.IGNORECASE)
"""Matches queries about the tables themselves, which mention none of them by name."""

_TABLES: Final = """
select nullif(schema_name, 'main'), table_name, kind, rows, comment
from (select schema_name, table_name, 'table' as kind, estimated_size as rows, comment from duckdb_tables()
      where not internal and not temporary and database_name = current_database()
      union all
      select schema_name, view_name, 'view', null, comment from duckdb_views()
      where not internal and not temporary and database_name = current_database())
order by schema_name, table_name limit $1
"""
_COLUMNS: Final = """
select nullif(schema_name, 'main'), table_name, column_name, data_type, comment
from duckdb_columns() where not internal and database_name = current_database()
order by schema_name, table_name, column_index
"""


def configuration(memory_mib: int, threads: int) -> dict[str, str | bool | int | float | list[str]]:
    """The settings that every database is opened with; ``lock`` follows once everything is set up."""
    return {
        "memory_limit": f"{memory_mib}MB",
        "threads": threads,
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "allow_persistent_secrets": False,
        "python_enable_replacements": False,
    }


def tables_of(cursor: duckdb.DuckDBPyConnection) -> list[Row]:
    """The tables and views of the current database."""
    tables = [
        table_row(schema, name, kind, rows, comment, exact=rows is not None)
        for schema, name, kind, rows, comment in cursor.execute(_TABLES, [MAX_TABLES]).fetchall()
    ]
    return add_columns(tables, cursor.execute(_COLUMNS).fetchall())


def run_on(
    cursor: duckdb.DuckDBPyConnection, statement: Statement, bounds: Bounds, memory_mib: int
) -> tuple[pa.Table, Cut | None]:
    """Run a statement that the guard let pass, in a transaction that only reads and is rolled back.

    Raises:
        EngineError
    """
    deadline = Deadline(bounds.seconds)
    timer = threading.Timer(bounds.seconds, cursor.interrupt)
    timer.daemon = True
    timer.start()
    try:
        _check_kind(cursor, statement.sql)
        cursor.execute("begin transaction read only")
        # A relation streams; execute() would copy the whole result first.
        with cursor.sql(statement.sql).to_arrow_reader(_BATCH_ROWS) as reader:
            table, cut = collect(reader, reader.schema, bounds)
    except duckdb.InterruptException as error:
        raise deadline.error() from error
    except (duckdb.OutOfMemoryException, MemoryError, pa.ArrowMemoryError) as error:
        raise EngineError("memory", too_big(memory_mib)) from error
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if deadline.has_passed:
            raise deadline.error() from error
        if _OUT_OF_MEMORY.search(str(error)):  # errors found while rows are handed over have another type
            raise EngineError("memory", too_big(memory_mib)) from error
        raise EngineError("failed", plain(error)) from error
    finally:
        timer.cancel()
        _end(cursor)
    return table, cut


def _check_kind(cursor: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Check how DuckDB's own parser reads the query: COPY could overwrite a file that may be read."""
    kinds = [statement.type for statement in cursor.extract_statements(sql)]
    if len(kinds) != 1 or kinds[0] not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        raise EngineError(
            "failed",
            "To DuckDB this is more than one query, so it was not run. PIVOT needs its values: ON column IN (…).",
        )


def plain(error: Exception) -> str:
    """The engine's error message, without its excerpt of the line, stack traces, advice that cannot be followed here
    and references to its own tables."""
    message = _NOT_SAID.sub("", str(error))
    return re.sub(r"\n\s*\n+", "\n", message).strip()[:1500]


def _end(cursor: duckdb.DuckDBPyConnection) -> None:
    try:
        cursor.execute("rollback")
    except duckdb.Error:
        return  # the transaction had not begun, or the error had already ended it


class DuckDbEngine:
    """A DuckDB file."""

    dialect: Dialect = "duckdb"

    def __init__(self, setup: dict[str, Any]) -> None:
        self._path: str = setup["address"]
        self._memory: int = setup["memory_mib"]
        self._threads: int = setup["threads"]

    @contextmanager
    def _opened(self, sql: str) -> Iterator[duckdb.DuckDBPyConnection]:  # noqa: ARG002 - the folder needs it
        require_file(Path(self._path), ".wal")
        try:
            connection = duckdb.connect(self._path, read_only=True, config=configuration(self._memory, self._threads))
        except duckdb.Error as error:
            raise not_opened(self._path, error) from error
        with connection:
            lock(connection, [])
            yield connection

    def summary(self) -> str:
        """See Engine."""
        tables = self.tables()
        return f"A DuckDB database with {counted(len(tables), 'table')}."

    def tables(self) -> list[Row]:
        """See Engine."""
        with self._opened("") as connection:
            return tables_of(connection)

    def run(self, statement: Statement, bounds: Bounds) -> tuple[pa.Table, Cut | None]:
        """See Engine."""
        with self._opened(statement.sql) as connection:
            return run_on(connection, statement, bounds, self._memory)

    def cancel(self) -> None:
        """See Engine."""


class FolderEngine(DuckDbEngine):
    """A folder: each Parquet or CSV file in it is a table named after the file. A file that cannot be read as a table
    is listed with the reason and does not affect the others."""

    def __init__(self, setup: dict[str, Any]) -> None:
        super().__init__(setup)
        self._own = OwnFiles.of_json(setup["own"]) if setup.get("own") else None
        self._problems: dict[str, str] = {}
        """Why files cannot be read, by file name, as of the last call."""

    @contextmanager
    def _opened(self, sql: str) -> Iterator[duckdb.DuckDBPyConnection]:
        files, self._problems = self._files()
        about_all = not sql or _LISTS_TABLES.search(sql)
        mentioned = {name: path for name, path in files.items() if about_all or name.lower() in sql.lower()}
        with duckdb.connect(":memory:", config=configuration(self._memory, self._threads)) as connection:
            for name, path in mentioned.items():
                if problem := _add_view(connection, name, path):
                    self._problems[path.name] = problem
            # Views name their files, which stay readable; nothing else on the disk does.
            lock(connection, list(mentioned.values()))
            yield connection

    def summary(self) -> str:
        """See Engine."""
        files, problems = self._files()
        found = f"A folder with {counted(len(files), 'table')} in Parquet or CSV files."
        unusable = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        return f"{found} Files that cannot be read: {unusable}." if problems else found

    def tables(self) -> list[Row]:
        """See Engine."""
        with self._opened("") as connection:
            found = []
            files, _ = self._files()
            for table in tables_of(connection):
                path = files.get(table["name"])
                if path is None:
                    continue
                table |= {"kind": "file", "rows": None, "comment": path.name}
                if path.suffix.lower() == ".parquet":  # its footer has the count
                    table["rows"] = connection.execute(f"select count(*) from {table['sql']}").fetchall()[0][0]
                    table["exact"] = True
                found.append(table)
            for name, problem in self._problems.items():
                found.append(table_row(None, _stem(name) or name, "file", None, f"{name} cannot be read: {problem}"))
            return sorted(found, key=lambda table: str(table["name"]))

    def run(self, statement: Statement, bounds: Bounds) -> tuple[pa.Table, Cut | None]:
        """See Engine."""
        try:
            return super().run(statement, bounds)
        except EngineError as error:
            asked = [name for name in self._problems if _stem(name) and _stem(name).lower() in statement.sql.lower()]
            problems = [f"{name} cannot be read: {self._problems[name]}" for name in asked]
            if error.kind != "failed" or not problems:
                raise
            raise EngineError("failed", "\n".join([*problems, str(error)])) from error

    def _files(self) -> tuple[dict[str, Path], dict[str, str]]:
        """The files by table name, and by file name the reason why others are not tables."""
        folder = Path(self._path)
        try:
            found, _ = entries(folder, MOST_ENTRIES)
        except FileNotFoundError:
            raise EngineError("unavailable", f"There is no folder {self._path}.") from None
        except BadFileError as error:
            raise EngineError("unavailable", f"{self._path} cannot be used: {error}.") from error
        files: dict[str, Path] = {}
        problems: dict[str, str] = {}
        for path in sorted(path for path in found if _suffix(path)):
            if len(files) + len(problems) >= MAX_TABLES:
                break
            try:
                self._check_file(path)
            except FileNotFoundError:
                continue  # deleted meanwhile
            except BadFileError as error:
                problems[_as_text(path.name)] = str(error)
            else:
                stem, suffix = _stem(path.name), _suffix(path) or ""
                files[stem if stem not in files else stem + suffix.replace(".", "_")] = path.resolve()
        return files, problems

    def _check_file(self, path: Path) -> None:
        try:
            path.name.encode()
        except UnicodeEncodeError:
            raise BadFileError("its name is not text in UTF-8; rename it") from None
        if not _stem(path.name):
            raise BadFileError("its name is nothing but an ending; rename it")
        open_regular(path).close()
        self._check_link(path)

    def _check_link(self, path: Path) -> None:
        """Links within the folder are followed; links out of it would expose files that nobody meant to connect."""
        facts = path.lstat()
        is_link = stat.S_ISLNK(facts.st_mode)
        if (is_link or facts.st_nlink > 1) and self._own and self._own.include(path):
            raise BadFileError("it leads to a file of Colloquy's own; remove the link")
        if is_link and not path.resolve().is_relative_to(Path(self._path).resolve()):
            raise BadFileError("it is a link that leads out of this folder; put a copy of the file here")


def _suffix(path: Path) -> str | None:
    return next((suffix for suffix in _SUFFIXES if path.name.lower().endswith(suffix)), None)


def _stem(name: str) -> str:
    return name[: -len(_suffix(Path(name)) or "")]


def _as_text(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _add_view(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> str | None:
    """Add a view that reads a file as a table. Returns the reason if that fails."""
    reader = _SUFFIXES[_suffix(path) or ".csv"]
    if reader == "read_csv" and _is_wide(path):
        return f"it has more than {MOST_FILE_COLUMNS:,} columns; split it, or make it a Parquet file"
    try:
        connection.execute(f"create view {quoted(name)} as from {reader}({text(_literally(str(path)))})")
    except duckdb.Error as error:
        return plain(error)
    return None


def _is_wide(path: Path) -> bool:
    """Whether a text file begins with a line of too many columns. Any other problem is left for the engine to
    report."""
    try:
        with open_regular(path) as file, gzip.open(file) if path.suffix.lower() == ".gz" else file as text_file:
            head = text_file.read(_HEAD_BYTES)
    except (OSError, EOFError, zlib.error, BadFileError):
        return False
    lines = (_NO_DELIMITERS.sub(b"", line) for line in head.splitlines()[:_HEAD_LINES])
    return any(line.count(delimiter) >= MOST_FILE_COLUMNS for line in lines for delimiter in _DELIMITERS)


def _literally(path: str) -> str:
    """A path as DuckDB's readers expect it, with glob characters escaped."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def lock(connection: duckdb.DuckDBPyConnection, readable: list[Path]) -> None:
    """Lock the engine down: no files except these and those already open, no extensions, no network, and no way to
    change that."""
    allowed = ", ".join(text(str(path)) for path in readable)
    connection.execute(f"set allowed_paths = [{allowed}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def text(value: str) -> str:
    """A text quoted for SQL, whatever it contains."""
    return "'" + value.replace("'", "''") + "'"


def not_opened(path: str, error: duckdb.Error) -> EngineError:
    """The error that says why a file is not a DuckDB database, or cannot be opened."""
    if "lock" in str(error).lower():
        message = f"{path} is in use by another program that writes to it. Close that program or connect to a copy."
    else:
        message = f"{path} could not be opened as a DuckDB database: {plain(error)}"
    return EngineError("unavailable", message)
