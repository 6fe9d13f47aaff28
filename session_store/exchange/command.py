"""The command line: ``python -m session_store import | export | backup``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TextIO

from session_store.errors import ColloquyError, StoreLockedError, WorkspaceError
from session_store.exchange.agent_files import FOLDER, AgentFiles
from session_store.exchange.chats.foreign import Owner
from session_store.exchange.conversation import Progress
from session_store.exchange.errors import DamagedFileError, ExportError
from session_store.exchange.exports.backup import backup
from session_store.exchange.exports.exporting import SUFFIXES, Format, export, text
from session_store.exchange.exports.reading import selected, wholes
from session_store.exchange.imports.documents import require_file
from session_store.exchange.imports.importing import Report, Wishes, import_database, import_file
from session_store.files import BadFileError, read_env, require_regular
from session_store.history.filters import HistoryFilter, only
from session_store.phrases import counted
from session_store.store import Store

DATABASE: Final = "colloquy.duckdb"
DATA_DIR: Final = "COLLOQUY_DATA_DIR"
FAILED, IN_USE, INTERRUPTED = 1, 3, 130
_CODES: Final = (
    "Exit codes: 0: success. 1: failure; the message says why, and nothing was changed. 2: invalid arguments. "
    "3: Colloquy is running and has the database open."
)

EVERY_SECONDS = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code."""
    chosen = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], None] = chosen.run
    try:
        run(chosen)
    except StoreLockedError as error:
        _say(f"{error}\nIf that is Colloquy, stop it (Ctrl+C in its terminal), run this again, and start it again.")
        return IN_USE
    except ColloquyError as error:
        _say(f"{error} The option is --skip-damaged." if isinstance(error, DamagedFileError) else str(error))
        return FAILED
    except KeyboardInterrupt:
        _say("Interrupted. The chats imported so far are complete; import the file again to get the rest.")
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m session_store",
        description="Import, export and back up Colloquy conversations. Stop Colloquy first: only one process "
        "at a time can use its database.",
        epilog=f"Run a command with --help to see its options. {_CODES}",
    )
    commands = parser.add_subparsers(title="commands", metavar="{import,export,backup}", required=True)
    where = argparse.ArgumentParser(add_help=False)
    place = where.add_mutually_exclusive_group()
    place.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help=f"Colloquy's data folder (default: {DATA_DIR} from the environment or .env, else data)",
    )
    place.add_argument(
        "--database",
        type=Path,
        metavar="FILE",
        help=f"path of the database, instead of {DATABASE} in the data folder",
    )
    _add_import(commands.add_parser, where)
    _add_export(commands.add_parser, where)
    _add_backup(commands.add_parser, where)
    return parser


def _add_import(add: Callable[..., argparse.ArgumentParser], where: argparse.ArgumentParser) -> None:
    parser = add(
        "import",
        parents=[where],
        help="import conversations from files",
        description="Import conversations that are not in the database yet. The file type is detected: a session "
        "exported as JSON by Colloquy, adk web or adk run; a ZIP archive or JSON Lines file from Colloquy; the "
        "session database of an ADK project (a SQLite file, or a SQLite or PostgreSQL URL in the form ADK uses); "
        "ChatGPT's conversations.json, or the ZIP archive that contains it; an export from Open WebUI.",
        epilog="Importing a file again adds only what is new. If a file is damaged, nothing is imported. The report "
        "lists everything that was left out or changed. " + _CODES,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file or database URL to import")
    parser.add_argument(
        "--user",
        metavar="ID",
        help="owner of the imported conversations (default: the user named in the file; local for conversations "
        "from other programs). Colloquy shows the conversations of COLLOQUY_USER (default: local)",
    )
    parser.add_argument(
        "--agent",
        default="assistant",
        metavar="ID",
        help="agent to continue conversations from other programs with (default: assistant)",
    )
    parser.add_argument("--workspace", metavar="NAME", help="workspace to put all of them in, by name or id")
    parser.add_argument(
        "--skip-damaged", action="store_true", help="skip damaged conversations instead of refusing the file"
    )
    parser.set_defaults(run=_import)


def _add_export(add: Callable[..., argparse.ArgumentParser], where: argparse.ArgumentParser) -> None:
    parser = add(
        "export",
        parents=[where],
        help="write conversations to files",
        description="Write conversations to a file, to a folder (one file per conversation), or to the terminal. "
        "Formats: markdown, for reading; json, ADK's complete session format; adk-web, the same without what ADK's "
        "own import rejects (actions and ADK's internal function calls); jsonl, one line per event; zip, everything "
        "including results and workspaces, for import elsewhere; parquet, the whole history as tables.",
        epilog=_CODES,
    )
    parser.add_argument(
        "ids",
        nargs="*",
        metavar="ID",
        help="ids of the conversations, as shown after ?session= in the page URL (default: all)",
    )
    parser.add_argument(
        "--format",
        type=Format,
        choices=list(Format),
        metavar="FORMAT",
        help=", ".join(Format) + " (default: taken from the file extension of --output)",
    )
    parser.add_argument(
        "--output", "-o", type=Path, metavar="PATH", help="a file, or an existing folder (default: standard output)"
    )
    parser.add_argument("--user", metavar="ID", help="only conversations of this user")
    parser.add_argument("--agent", metavar="ID", help="only conversations with this agent")
    parser.add_argument("--saved", action="store_true", help="only saved conversations")
    parser.add_argument("--overwrite", action="store_true", help="overwrite existing files")
    parser.set_defaults(run=_export)


def _add_backup(add: Callable[..., argparse.ArgumentParser], where: argparse.ArgumentParser) -> None:
    parser = add(
        "backup",
        parents=[where],
        help="copy the database",
        description="Make a consistent copy of the database, opened once to check it. To restore it, stop Colloquy, "
        f"replace {DATABASE} in the data folder with the copy, and delete {DATABASE}.wal if it exists. Files made by "
        "agents and passwords of connections are stored next to the database: copy the data folder to keep them too.",
        epilog=_CODES,
    )
    parser.add_argument("target", type=Path, metavar="FILE", help="the copy")
    parser.add_argument("--overwrite", action="store_true", help="overwrite the file if it exists")
    parser.set_defaults(run=_backup)


def _import(chosen: argparse.Namespace) -> None:
    path = _database(chosen)
    is_new = not os.path.exists(path)  # noqa: PTH110 - the store reports what is wrong with the path
    # Check all files first, so that no file is imported before a later one turns out to be missing.
    for file in chosen.files:
        if "://" not in file:
            require_file(Path(file))
    store = Store(path)
    try:
        if is_new:
            _say(f"{path} was not there and is made now.")
        wishes = Wishes(
            owner=Owner(chosen.agent, chosen.user or "local"),
            user_id=chosen.user,
            workspace_id=_workspace(store, chosen.workspace),
            skip_damaged=chosen.skip_damaged,
        )
        files = AgentFiles(path.parent / FOLDER)
        for file in chosen.files:
            with ProgressLine(sys.stderr) as progress:
                report = _taken(store, file, wishes, files, progress)
            _tell(file, report)
    finally:
        store.close()


def _taken(store: Store, file: str, wishes: Wishes, files: AgentFiles, progress: Progress) -> Report:
    if "://" in file:
        return import_database(store, file, wishes, progress=progress)
    return import_file(store, Path(file), wishes, files=files, progress=progress)


def _export(chosen: argparse.Namespace) -> None:
    form, output = _form(chosen), chosen.output
    if output is None and form not in (Format.MARKDOWN, Format.JSON, Format.ADK_WEB, Format.JSON_LINES):
        raise ExportError(f"Name with --output where the {form} is to be written.")
    store = Store(_present(chosen))
    try:
        wanted = HistoryFilter(users=only(chosen.user), agents=only(chosen.agent), saved=chosen.saved or None)
        keys = selected(store, wanted, session_ids=chosen.ids)
        if not keys and form is not Format.PARQUET:
            raise ExportError("There are no such conversations.")
        if output is None:
            sys.stdout.writelines(text(wholes(store, keys), form))
            return
        with ProgressLine(sys.stderr) as progress:
            made = AgentFiles(store.path.parent / FOLDER)
            files = export(store, keys, form, output, files=made, overwrite=chosen.overwrite, progress=progress)
    finally:
        store.close()
    what = "The whole history" if form is Format.PARQUET else counted(len(keys), "conversation")
    _say(f"{what} written to {files[0] if len(files) == 1 else f'{len(files):,} files in {output}'}.")


def _backup(chosen: argparse.Namespace) -> None:
    source = _present(chosen)
    size = backup(source, chosen.target, overwrite=chosen.overwrite)
    _say(f"{chosen.target} is a copy of {source} ({size / 1e6:,.1f} MB). It was opened once to check it.")


def _form(chosen: argparse.Namespace) -> Format:
    if chosen.format is not None:
        return Format(chosen.format)
    suffix = chosen.output.suffix.lower() if chosen.output else ""
    found = next((form for form, known in SUFFIXES.items() if known == suffix), None)
    if found is None:
        raise ExportError(f"Say with --format what to write: {', '.join(Format)}.")
    return found


def _database(chosen: argparse.Namespace) -> Path:
    if chosen.database is not None:
        return Path(chosen.database)
    try:
        folder = chosen.data or os.environ.get(DATA_DIR) or read_env(Path(".env")).get(DATA_DIR) or "data"
    except BadFileError as error:
        raise ExportError(f".env cannot be read: {error}. Name Colloquy's data folder with --data.") from error
    return Path(folder) / DATABASE


def _present(chosen: argparse.Namespace) -> Path:
    path = _database(chosen)
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
    found = [workspace for workspace in store.list_workspaces() if name in (workspace.id, workspace.name)]
    if len(found) == 1:
        return found[0].id
    if not found:
        known = ", ".join(workspace.name for workspace in store.list_workspaces())
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
    sys.stderr.write(line + "\n")


class ProgressLine:
    """Shows progress on a terminal and writes nothing elsewhere. Use it as a context manager, and call it with the
    progress."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shows = stream.isatty()
        self._next = 0.0
        self._written = False

    def __enter__(self) -> ProgressLine:
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
        self._next = now + EVERY_SECONDS
        of = "" if total is None else f" of {total:,} ({100 * done // total if total else 100} %)"
        self._stream.write(f"\r\x1b[K{doing}: {done:,}{of}")
        self._stream.flush()
        self._written = True
