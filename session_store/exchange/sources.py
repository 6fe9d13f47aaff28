"""What can be imported, told apart by what is in the file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from session_store.exchange import adk_json, chatgpt, json_lines, open_webui
from session_store.exchange.adk_sqlite import MAGIC, AdkSqlite
from session_store.exchange.adk_urls import database_at
from session_store.exchange.agent_files import AgentFile, checked
from session_store.exchange.archive import FORMAT, MANIFEST, VERSION, Archive
from session_store.exchange.conversation import Conversation
from session_store.exchange.documents import load
from session_store.exchange.errors import DamagedError, ImportRefusedError
from session_store.exchange.foreign import Owner
from session_store.exchange.own_records import result_of, workspaces_of
from session_store.models import Result, Workspace

_ZIP: Final = b"PK"
_DUCKDB: Final = b"DUCK"
Damaged = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is being imported."""

    kind: str
    """What it is, in words."""
    total: int | None
    """How many conversations or events it has."""
    counts_events: bool
    conversations: Iterator[Conversation]
    workspaces: dict[str, Workspace]
    """Filled while the conversations are read."""
    all_workspaces: bool = False
    """Whether they are all to be made, also those that no conversation needs."""


@contextlib.contextmanager
def opened_database(url: str, damaged: Damaged) -> Iterator[Source]:
    """Open the session database of an ADK project by the URL that SQLAlchemy, and so ADK, has for it.

    Raises:
        ImportRefusedError: it cannot be read, or is nothing that can be imported. No message has a password.
    """
    with database_at(url) as database:
        yield Source("session database of ADK", database.events, True, database.conversations(damaged), {})


@contextlib.contextmanager
def opened(path: Path, owner: Owner, damaged: Damaged) -> Iterator[Source]:
    """Open a file of any kind that can be imported.

    Args:
        path: the file.
        owner: whose conversations of other programs become.
        damaged: called with the name of a conversation that cannot be taken, and why.

    Raises:
        ImportRefusedError: it cannot be read, or is nothing that can be imported.
    """
    with ExitStack() as stack:
        yield _source(path, owner, damaged, stack)


def _source(path: Path, owner: Owner, damaged: Damaged, stack: ExitStack) -> Source:
    head = _head(path)
    if head.startswith(MAGIC):
        database = stack.enter_context(AdkSqlite(path))
        return Source("session database of ADK", database.events, True, database.conversations(damaged), {})
    if head.startswith(_ZIP):
        return _archive(stack.enter_context(Archive(path)), path, owner, damaged)
    if head[8:12] == _DUCKDB:
        raise ImportRefusedError(
            f"{path} is a DuckDB database, such as a backup of Colloquy. It is not imported but used as it is: make it "
            "colloquy.duckdb in the data folder. To join it with what is there, export it with --database and import "
            "that."
        )
    if head.startswith(json_lines.BEGIN):
        return Source("JSON Lines of Colloquy", None, False, json_lines.conversations(path, damaged), {})
    if not head.strip():
        raise ImportRefusedError(f"{path} is empty. Nothing was imported.")
    return _json(load(path), str(path), owner, damaged)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except FileNotFoundError:
        raise ImportRefusedError(f"There is no file {path}.") from None
    except OSError as error:
        raise ImportRefusedError(f"{path} cannot be read: {error.strerror or error}.") from error


def _json(document: object, what: str, owner: Owner, damaged: Damaged) -> Source:
    documents = document if isinstance(document, list) else [document]
    if not documents:
        raise ImportRefusedError(f"{what} has no conversations. Nothing was imported.")
    workspaces: dict[str, Workspace] = {}
    if chatgpt.is_chatgpt(document):
        kind, read = "ChatGPT export", lambda one: chatgpt.conversation_of(one, owner)
    elif open_webui.is_open_webui(document):
        kind, read = "Open WebUI export", lambda one: open_webui.conversation_of(one, owner)
    elif isinstance(documents[0], dict) and "events" in documents[0]:
        kind, read = "session of ADK", lambda one: _session(one, workspaces)
    else:
        raise ImportRefusedError(
            f"{what} is JSON, but no conversations that can be imported: it is neither a session of ADK (with events) "
            "nor an export of ChatGPT (with mapping) or Open WebUI (with chat). Nothing was imported."
        )
    conversations = _each(documents, read, damaged)
    return Source(kind, len(documents), False, conversations, workspaces)


def _session(document: object, workspaces: dict[str, Workspace]) -> Conversation:
    conversation = adk_json.conversation_of(document)
    workspaces.update(workspaces_of(adk_json.carried_workspaces(document)))
    return conversation


def _each(
    documents: list[Any], read: Callable[[Any], Conversation], damaged: Damaged, where: str = "conversation"
) -> Iterator[Conversation]:
    for number, document in enumerate(documents, start=1):
        try:
            yield read(document)
        except DamagedError as error:
            damaged(_name(document, f"{where} {number}"), str(error))
        except RecursionError:
            damaged(_name(document, f"{where} {number}"), "it is nested too deeply")


def _name(document: object, place: str) -> str:
    title = document.get("title") or document.get("id") if isinstance(document, dict) else None
    return f"{place} ({title[:60]!r})" if isinstance(title, str) else place


def _archive(archive: Archive, path: Path, owner: Owner, damaged: Damaged) -> Source:
    if archive.is_ours:
        return _own_archive(archive, path, damaged)
    names = archive.conversation_files
    if not names:
        raise ImportRefusedError(
            f"{path} is a ZIP archive, but neither one that Colloquy exported (with {MANIFEST}) nor one of ChatGPT "
            "(with conversations.json). Nothing was imported."
        )
    documents = [archive.document(name) for name in names]
    joined = [one for document in documents for one in (document if isinstance(document, list) else [document])]
    return _json(joined, str(path), owner, damaged)


def _own_archive(archive: Archive, path: Path, damaged: Damaged) -> Source:
    manifest = archive.document(MANIFEST)
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
    conversations = _archived(archive, listed, damaged)
    return Source("archive of Colloquy", len(listed), False, conversations, workspaces, all_workspaces=True)


def _archived(archive: Archive, listed: list[dict[str, Any]], damaged: Damaged) -> Iterator[Conversation]:
    for number, entry in enumerate(listed, start=1):
        name = str(entry.get("file"))
        document = archive.document(name)
        try:
            conversation = adk_json.conversation_of(document)
            results = _results(archive, entry, conversation)
            yield replace(
                conversation,
                about=replace(conversation.about, results=results),
                files=tuple(_files(archive, entry)),
            )
        except DamagedError as error:
            damaged(name or f"conversation {number}", str(error))


def _results(
    archive: Archive, entry: Mapping[str, Any], conversation: Conversation
) -> tuple[tuple[Result, bytes | None], ...]:
    found: list[tuple[Result, bytes | None]] = []
    for number, fields in enumerate(entry.get("results") or [], start=1):
        if not isinstance(fields, dict):
            raise DamagedError(f"result {number} is not a JSON object")
        known = {name: value for name, value in fields.items() if name != "data"}
        data_name = fields.get("data")
        data = None if data_name is None else archive.data(str(data_name))
        found.append((result_of(known, conversation.about.key, f"result {number}"), data))
    return tuple(found)


def _files(archive: Archive, entry: Mapping[str, Any]) -> Iterator[AgentFile]:
    for fields in entry.get("files") or []:
        if not isinstance(fields, dict) or not isinstance(fields.get("path"), str):
            raise DamagedError("one of its files has no place")
        yield checked(AgentFile(fields.get("shared") is True, fields["path"], archive.data(str(fields.get("file")))))
