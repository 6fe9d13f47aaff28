"""The command line: ``python -m session_store import | export | backup``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TextIO, TypeVar

import click

from session_store.errors import ColloquyError, StoreLockedError, WorkspaceError
from session_store.exchange.agent_files import FOLDER, AgentFiles
from session_store.exchange.conversation import Owner, Progress
from session_store.exchange.documents import require_file
from session_store.exchange.errors import DamagedFileError, ExportError
from session_store.exchange.exports.backup import backup
from session_store.exchange.exports.exporting import SUFFIXES, Format, export, text
from session_store.exchange.exports.reading import selected, wholes
from session_store.exchange.imports.importing import Report, Wishes, import_database, import_file
from session_store.files import BadFileError, read_env, require_regular
from session_store.history.filters import HistoryFilter, only
from session_store.phrases import counted, size_text
from session_store.store import Store

DATABASE: Final = "colloquy.duckdb"
DATA_DIR: Final = "COLLOQUY_DATA_DIR"
FAILED, IN_USE, INTERRUPTED = 1, 3, 130
_CODES: Final = (
    "Exit codes: 0: success. 1: failure; the message says why, and nothing was changed. 2: invalid arguments. "
    "3: Colloquy is running and has the database open."
)
_EVERY_SECONDS: Final = 0.1
_PATH: Final = click.Path(path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., None])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code."""
    try:
        return int(commands.main(arguments, "python -m session_store", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except StoreLockedError as error:
        _say(f"{error}\nIf that is Colloquy, stop it (Ctrl+C in its terminal), run this again, and start it again.")
        return IN_USE
    except ColloquyError as error:
        _say(f"{error} The option is --skip-damaged." if isinstance(error, DamagedFileError) else str(error))
        return FAILED
    except click.Abort:
        _say("Interrupted. The chats imported so far are complete; import the file again to get the rest.")
        return INTERRUPTED


@click.group(epilog=f"Run a command with --help to see its options. {_CODES}")
def commands() -> None:
    """Import, export and back up Colloquy conversations. Stop Colloquy first: only one process at a time can use its
    database."""


def _where(command: _Command) -> _Command:
    """Add the options that say where the database is."""
    for option in (
        click.option(
            "--database", type=_PATH, metavar="FILE", help=f"Path of the database, instead of {DATABASE} in --data."
        ),
        click.option(
            "--data",
            type=_PATH,
            metavar="FOLDER",
            help=f"Colloquy's data folder (default: {DATA_DIR} from the environment or .env, else data).",
        ),
    ):
        command = option(command)
    return command


@commands.command("import", epilog=_CODES)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_where
@click.option(
    "--user",
    metavar="ID",
    help="Owner of the imported conversations (default: the user named in the file; local for conversations from other "
    "programs). Colloquy shows the conversations of COLLOQUY_USER (default: local).",
)
@click.option(
    "--agent",
    default="assistant",
    metavar="ID",
    help="Agent to continue conversations from other programs with (default: assistant).",
)
@click.option("--workspace", metavar="NAME", help="Workspace to put all of them in, by name or id.")
@click.option("--skip-damaged", is_flag=True, help="Skip damaged conversations instead of refusing the file.")
def _import(
    files: tuple[str, ...],
    user: str | None,
    agent: str,
    workspace: str | None,
    *,
    skip_damaged: bool,
    **where: Path | None,
) -> None:
    """Import conversations from files.

    Imports conversations that are not in the database yet. The file type is detected: a session exported as JSON by
    Colloquy, adk web or adk run; a ZIP archive or JSON Lines file from Colloquy; the session database of an ADK project
    (a SQLite file, or a SQLite or PostgreSQL URL in the form ADK uses); ChatGPT's conversations.json, or the ZIP
    archive that contains it; an export from Open WebUI.

    Importing a file again adds only what is new. If a file is damaged, nothing is imported. The report lists everything
    that was left out or changed.
    """
    path = _database(**where)
    is_new = not os.path.exists(path)  # noqa: PTH110 - the store reports what is wrong with the path
    # Check all files first, so that no file is imported before a later one turns out to be missing.
    for file in files:
        if "://" not in file:
            require_file(Path(file))
    store = Store(path)
    try:
        if is_new:
            _say(f"{path} was not there and is made now.")
        wishes = Wishes(
            owner=Owner(agent, user or "local"),
            user_id=user,
            workspace_id=_workspace(store, workspace),
            skip_damaged=skip_damaged,
        )
        agent_files = AgentFiles(path.parent / FOLDER)
        for file in files:
            with _ProgressLine(sys.stderr) as progress:
                report = _imported(store, file, wishes, agent_files, progress)
            _tell(file, report)
    finally:
        store.close()


def _imported(store: Store, file: str, wishes: Wishes, files: AgentFiles, progress: Progress) -> Report:
    if "://" in file:
        return import_database(store, file, wishes, progress=progress)
    return import_file(store, Path(file), wishes, files=files, progress=progress)


@commands.command("export", epilog=_CODES)
@click.argument("ids", nargs=-1, metavar="[ID]...")
@_where
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in Format]),
    metavar="FORMAT",
    help=f"{', '.join(Format)} (default: taken from the file extension of --output).",
)
@click.option("--output", "-o", type=_PATH, metavar="PATH", help="A file, or a folder (default: standard output).")
@click.option("--user", metavar="ID", help="Only conversations of this user.")
@click.option("--agent", metavar="ID", help="Only conversations with this agent.")
@click.option("--saved", is_flag=True, help="Only saved conversations.")
@click.option("--overwrite", is_flag=True, help="Overwrite existing files.")
def _export(
    ids: tuple[str, ...],
    form: str | None,
    output: Path | None,
    user: str | None,
    agent: str | None,
    *,
    saved: bool,
    overwrite: bool,
    **where: Path | None,
) -> None:
    """Write conversations to files.

    Writes the conversations with these IDs, as shown after ?session= in the page URL, or all of them, to a file, to a
    folder (one file per conversation), or to the terminal. Formats: markdown, for reading; json, ADK's complete session
    format; adk-web, the same without what ADK's own import rejects (actions and ADK's internal function calls); jsonl,
    one line per event; zip, everything including results and workspaces, for import elsewhere; parquet, the whole
    history as tables.
    """
    chosen = _format(form, output)
    if output is None and chosen not in (Format.MARKDOWN, Format.JSON, Format.ADK_WEB, Format.JSON_LINES):
        raise ExportError(f"Name with --output where the {chosen} is to be written.")
    store = Store(_present(**where))
    try:
        wanted = HistoryFilter(users=only(user), agents=only(agent), saved=saved or None)
        keys = selected(store, wanted, session_ids=ids)
        if not keys and chosen is not Format.PARQUET:
            raise ExportError("There are no such conversations.")
        if output is None:
            sys.stdout.writelines(text(wholes(store, keys), chosen))
            return
        with _ProgressLine(sys.stderr) as progress:
            made = AgentFiles(store.path.parent / FOLDER)
            files = export(store, keys, chosen, output, files=made, overwrite=overwrite, progress=progress)
    finally:
        store.close()
    what = "The whole history" if chosen is Format.PARQUET else counted(len(keys), "conversation")
    written_to = files[0] if len(files) == 1 else f"{counted(len(files), 'file')} in {output}"
    _say(f"{what} written to {written_to}.")


@commands.command("backup", epilog=_CODES)
@click.argument("target", type=_PATH, metavar="FILE")
@_where
@click.option("--overwrite", is_flag=True, help="Overwrite the file if it exists.")
def _backup(target: Path, *, overwrite: bool, **where: Path | None) -> None:
    """Copy the database.

    Makes a consistent copy of the database, opened once to check it. To restore it, stop Colloquy, replace
    colloquy.duckdb in the data folder with the copy, and delete colloquy.duckdb.wal if it exists. Files made by agents
    and passwords of connections are stored next to the database: copy the data folder to keep them too.
    """
    source = _present(**where)
    size = backup(source, target, overwrite=overwrite)
    _say(f"{target} is a copy of {source} ({size_text(size)}). It was opened once to check it.")


def _format(form: str | None, output: Path | None) -> Format:
    if form is not None:
        return Format(form)
    suffix = output.suffix.lower() if output else ""
    found = next((form for form, known in SUFFIXES.items() if known == suffix), None)
    if found is None:
        raise ExportError(f"Say with --format what to write: {', '.join(Format)}.")
    return found


def _database(data: Path | None, database: Path | None) -> Path:
    if data is not None and database is not None:
        raise click.UsageError("Name the database with either --data or --database.")
    if database is not None:
        return database
    try:
        folder = data or os.environ.get(DATA_DIR) or read_env(Path(".env")).get(DATA_DIR) or "data"
    except BadFileError as error:
        raise ExportError(f".env cannot be read: {error}. Name Colloquy's data folder with --data.") from error
    return Path(folder) / DATABASE


def _present(data: Path | None, database: Path | None) -> Path:
    path = _database(data, database)
    try:
        require_regular(path)
    except FileNotFoundError:
        raise ExportError(
            f"There is no database {path}. Name Colloquy's data folder with --data, or run this in Colloquy's folder."
        ) from None
    except BadFileError as error:
        raise ExportError(f"The database {path} cannot be used: {error}.") from error
    return path


def _workspace(store: Store, name: str | None) -> str | None:
    if name is None:
        return None
    found = [workspace for workspace in store.workspaces.list() if name in (workspace.id, workspace.name)]
    if len(found) == 1:
        return found[0].id
    if not found:
        known = ", ".join(workspace.name for workspace in store.workspaces.list())
        raise WorkspaceError(f"There is no workspace {name!r}. There are: {known}.")
    ids = ", ".join(workspace.id for workspace in found)
    raise WorkspaceError(f"{len(found)} workspaces are called {name!r}. Name one of them by its id: {ids}.")


def _tell(file: str, report: Report) -> None:
    name = "The database" if "://" in file else file
    skipped = f" Skipped {len(report.skipped):,}." if report.skipped else ""
    _say(f"{name} ({report.kind}): {report.summary}{skipped}")
    for line in report.remarks:
        _say(f"  {line}")
    for line in report.reasons:
        _say(f"  Skipped {line}.")
    if report.users:
        whose = ", ".join(f"{user} ({number:,})" for user, number in report.users.items())
        _say(f"  The chats belong to {whose}. Colloquy shows those of COLLOQUY_USER (local by default).")


def _say(line: str) -> None:
    click.echo(line, err=True)


class _ProgressLine:
    """Shows progress on a terminal and writes nothing elsewhere. Use it as a context manager, and call it with the
    progress."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shows = stream.isatty()
        self._next = 0.0
        self._written = False

    def __enter__(self) -> _ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._written:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __call__(self, doing: str, done: int, total: int | None) -> None:
        """Show the progress."""
        now = time.monotonic()
        if not self._shows or (now < self._next and done != total):
            return
        self._next = now + _EVERY_SECONDS
        of = "" if total is None else f" of {total:,} ({100 * done // total if total else 100}%)"
        self._stream.write(f"\r\x1b[K{doing}: {done:,}{of}")
        self._stream.flush()
        self._written = True
