"""Recognizes by content what kind of file is to be imported, and opens it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

from session_store.exchange import json_lines
from session_store.exchange.adk import json_files as adk_json
from session_store.exchange.adk.sqlite import MAGIC, AdkSqlite
from session_store.exchange.adk.tables import AdkTables
from session_store.exchange.adk.urls import database_at
from session_store.exchange.agent_files import AgentFile, checked
from session_store.exchange.archive import FORMAT, MANIFEST, VERSION, Archive
from session_store.exchange.chats.enclosed import Enclosed
from session_store.exchange.chats.programs import PROGRAMS, program_of
from session_store.exchange.conversation import ImportedConversation, Owner
from session_store.exchange.documents import load, parse, unreadable
from session_store.exchange.errors import DamagedError, ImportRefusedError
from session_store.exchange.fields import Fields
from session_store.exchange.notes import DEEPEST, Notes, quoted, shallow
from session_store.exchange.own_records import made, result_of, workspaces_of
from session_store.files import BadFileError, open_regular
from session_store.models import Result, SessionKey, Workspace

_ZIP: Final = b"PK"
_DUCKDB: Final = b"DUCK"
_LISTS: Final = ("conversations", "chats", "items", "data")
"""Names of the list of conversations in an object around it."""
Damaged = Callable[[str, str], None]
Alive = Callable[[], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is being imported."""

    kind: str
    """What kind of file it is, in words."""
    total: int | None
    """How many conversations or events it has."""
    counts_events: bool
    conversations: Iterator[ImportedConversation]
    workspaces: dict[str, Workspace]
    """Filled while the conversations are read."""
    all_workspaces: bool = False
    """Whether to create all of them, even those that no conversation needs."""
    notes: Notes = field(default_factory=Notes)
    """What could not be imported unchanged from the file itself. Filled while the conversations are read."""
    odd: list[tuple[str, str]] = field(default_factory=list)
    """Entries of a list of conversations that are something else: their names, and why. Only they are left out. Filled
    while the conversations are read."""


@contextlib.contextmanager
def opened_database(url: str, alive: Alive) -> Iterator[Source]:
    """Open the session database of an ADK project, given its URL in the form of SQLAlchemy and ADK. ``alive`` is called
    repeatedly while it is read.

    Raises:
        ImportRefusedError: it cannot be read or imported. No message contains a password.
    """
    with database_at(url, alive) as database:
        yield _database(database)


@contextlib.contextmanager
def opened(path: Path, owner: Owner, damaged: Damaged, alive: Alive) -> Iterator[Source]:
    """Open a file of any kind that can be imported.

    Args:
        path: the file.
        owner: the owner of conversations from other programs.
        damaged: called with the name of a conversation that cannot be imported, and why.
        alive: called repeatedly while a database is read; an exception from it ends the reading.

    Raises:
        ImportRefusedError: it cannot be read or imported.
    """
    with ExitStack() as stack:
        if _head(path).startswith(MAGIC):
            yield _database(stack.enter_context(AdkSqlite(path, alive)))
        else:
            yield _source(path, owner, damaged, stack)


def _source(path: Path, owner: Owner, damaged: Damaged, stack: ExitStack) -> Source:
    head = _head(path)
    notes = Notes()
    if head.startswith(_ZIP):
        return _archive(stack.enter_context(Archive(path)), path, owner, damaged, notes)
    if head[8:12] == _DUCKDB:
        raise ImportRefusedError(
            f"{path} is a DuckDB database, such as a backup of Colloquy. It is not imported but used as it is: make it "
            "colloquy.duckdb in the data folder. To join it with what is there, export it with --database and import "
            "that."
        )
    if json_lines.begin_so(head):
        lines = json_lines.conversations(path, damaged, notes)
        return Source("Colloquy JSON Lines", None, False, lines, {}, notes=notes)
    if not head.strip(b"\0 \t\r\n"):
        what = "holds nothing but zeros where a text would begin" if head.strip() else "is empty"
        raise ImportRefusedError(f"{path} {what}. Nothing was imported.")
    return _json(load(path, notes), str(path), owner, notes)


def _database(database: AdkTables) -> Source:
    odd: list[tuple[str, str]] = []
    sessions = database.conversations(_to(odd))
    return Source("ADK session database", database.events, True, sessions, {}, notes=database.notes, odd=odd)


def _head(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(64)
    except (FileNotFoundError, BadFileError) as error:
        raise unreadable(path, error) from error
    except OSError as error:
        raise ImportRefusedError(f"{path} cannot be read: {error.strerror or error}.") from error


def _json(document: object, what: str, owner: Owner, notes: Notes, enclosed: Enclosed | None = None) -> Source:
    documents = _listed(document, notes)
    if not documents:
        raise ImportRefusedError(f"{what} has no chats. Nothing was imported.")
    workspaces: dict[str, Workspace] = {}
    odd: list[tuple[str, str]] = []
    if program := program_of(documents):
        chats = _each(documents, lambda one: program.conversation_of(one, owner, enclosed or Enclosed()), _to(odd))
        source = Source(f"{program.name} export", len(documents), False, chats, workspaces)
    elif any(map(adk_json.is_session, documents)):
        sessions = _each(documents, lambda one: _session(one, owner, workspaces), _to(odd))
        source = Source("ADK session", len(documents), False, sessions, workspaces)
    else:
        programs = " or ".join(f"{program.name} (with {program.mark})" for program in PROGRAMS)
        raise ImportRefusedError(
            f"{what} is JSON, but has no chats that can be imported: it is neither an ADK session (with events) nor an "
            f"export of {programs}. Nothing was imported."
        )
    return replace(source, notes=notes, odd=odd)


def _listed(document: object, notes: Notes) -> list[Any]:
    """Returns the conversations of a file: a list of them, a single one, or a list in an object around it."""
    if isinstance(document, list):
        return document
    fields = Fields(document, notes)
    for name in _LISTS:
        if isinstance(document, dict) and isinstance(document.get(name), list):
            listed: list[Any] = fields.whole(name)
            if program_of(listed):
                fields.finish()
                return listed
    return [document]


def _to(odd: list[tuple[str, str]]) -> Damaged:
    return lambda name, why: odd.append((name, why))


def _session(document: object, owner: Owner, workspaces: dict[str, Workspace]) -> ImportedConversation:
    conversation = adk_json.conversation_of(document, owner)
    workspaces.update(workspaces_of(adk_json.carried_workspaces(document)))
    return conversation


def _each(
    documents: list[Any], read: Callable[[Any], ImportedConversation], damaged: Damaged
) -> Iterator[ImportedConversation]:
    for number, document in enumerate(documents, start=1):
        try:
            try:
                yield read(document)
            except RecursionError:
                notes = Notes()
                conversation = read(shallow(document, DEEPEST, notes))
                conversation.notes.update(notes)
                yield conversation
        except DamagedError as error:
            damaged(_name(document, f"conversation {number}"), str(error))


def _name(document: object, place: str) -> str:
    title = document.get("title") or document.get("id") if isinstance(document, dict) else None
    return f"{place} ({title[:60]!r})" if isinstance(title, str) else place


def _archive(archive: Archive, path: Path, owner: Owner, damaged: Damaged, notes: Notes) -> Source:
    if archive.is_ours:
        return _own_archive(archive, path, damaged, notes)
    entries = archive.conversation_files
    if not entries:
        programs = " or ".join(f"{one.name} (with {one.file_in_archives})" for one in PROGRAMS if one.file_in_archives)
        raise ImportRefusedError(
            f"{path} is a ZIP archive, but neither one that Colloquy exported (with {MANIFEST}) nor one of {programs}. "
            "Nothing was imported."
        )
    documents: list[Any] = []
    odd: list[tuple[str, str]] = []
    for entry in entries:
        try:
            documents += _listed(parse(archive.bytes_of(entry), notes), notes)
        except DamagedError as error:
            odd.append((entry.filename, str(error)))
    if odd and not documents:
        name, why = odd[0]
        raise ImportRefusedError(f"{path} was not imported: {name}: {why}. Nothing was changed.")
    enclosed = Enclosed(archive.other_files, archive.bytes_of)
    source = _json(documents, str(path), owner, notes, enclosed)
    source.odd.extend(odd)
    return replace(source, conversations=_noting_others(source.conversations, enclosed, notes))


def _noting_others(
    conversations: Iterator[ImportedConversation], enclosed: Enclosed, notes: Notes
) -> Iterator[ImportedConversation]:
    """Returns the conversations of an archive and then notes the files that belong to none of them."""
    yield from conversations
    for name in enclosed.unclaimed:
        notes.left_out(
            f"file {quoted(name)}" if name.endswith(".json") else f"files {quoted('*' + PurePosixPath(name).suffix)}"
        )


def _own_archive(archive: Archive, path: Path, damaged: Damaged, notes: Notes) -> Source:
    notes.replaced("files of one name in the archive with the last of them", archive.doubles)
    try:
        manifest = archive.document(MANIFEST, notes)
    except DamagedError as error:
        raise ImportRefusedError(f"{path} was not imported: {error}. Nothing was changed.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ImportRefusedError(
            f"{MANIFEST} in {path} is not the one of an archive of Colloquy. Nothing was imported."
        )
    if manifest.get("version") != VERSION:
        raise ImportRefusedError(
            f"{path} was written by a newer version of this program. Update it. Nothing was imported."
        )
    listed = manifest.get("conversations")
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise ImportRefusedError(f"{MANIFEST} in {path} lists no conversations. Nothing was imported.")
    try:
        workspaces = workspaces_of(manifest.get("workspaces"))
    except DamagedError as error:
        raise ImportRefusedError(f"{MANIFEST} in {path} is damaged: {error}. Nothing was imported.") from error
    conversations = _archived(archive, listed, damaged, notes)
    return Source("Colloquy archive", len(listed), False, conversations, workspaces, all_workspaces=True, notes=notes)


def _archived(
    archive: Archive, listed: list[dict[str, Any]], damaged: Damaged, notes: Notes
) -> Iterator[ImportedConversation]:
    for number, entry in enumerate(listed, start=1):
        name = str(entry.get("file"))
        try:
            conversation = adk_json.conversation_of(archive.document(name, notes))
        except DamagedError as error:
            damaged(name or f"conversation {number}", str(error))
            continue
        except RecursionError:
            damaged(name, "it is nested too deeply")
            continue
        results = _items(entry, "results", name, partial(_result, archive, conversation.about.key), damaged)
        files = _items(entry, "files", name, partial(_file, archive), damaged)
        yield replace(conversation, about=replace(conversation.about, results=results), files=files)


def _items(
    entry: Mapping[str, Any], what: str, name: str, read: Callable[[dict[str, Any]], T], damaged: Damaged
) -> tuple[T, ...]:
    """Reads what belongs to a conversation in an archive, each item separately."""
    found: list[T] = []
    listed = entry.get(what) or []
    for number, fields in enumerate(listed if isinstance(listed, list) else [listed], start=1):
        try:
            found.append(made(read, fields, "it"))
        except DamagedError as error:
            damaged(f"{name}, number {number} of its {what}", str(error))
    return tuple(found)


def _result(archive: Archive, key: SessionKey, fields: dict[str, Any]) -> tuple[Result, bytes | None]:
    known = {name: value for name, value in fields.items() if name != "data"}
    data_name = fields.get("data")
    data = None if data_name is None else archive.data(str(data_name))
    return result_of(known, key, "the result"), data


def _file(archive: Archive, fields: dict[str, Any]) -> AgentFile:
    if not isinstance(fields.get("path"), str):
        raise DamagedError("it has no place")
    return checked(AgentFile(fields.get("shared") is True, fields["path"], archive.data(str(fields.get("file")))))
