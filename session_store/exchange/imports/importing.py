"""Imports a file: reads all of it first, then stores one conversation after another."""

from __future__ import annotations

import pickle
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Final

from session_store.errors import UnknownWorkspaceError
from session_store.exchange.agent_files import AgentFiles
from session_store.exchange.bounds import usable_workspace, within_limits
from session_store.exchange.conversation import ImportedConversation, Owner, Progress, content_id, silent, stable_id
from session_store.exchange.errors import DamagedFileError
from session_store.exchange.imports.ids import plain_workspace, with_plain_ids
from session_store.exchange.imports.sources import Alive, Damaged, Source, opened, opened_database
from session_store.exchange.imports.writer import ImportOutcome, batches, make_workspaces, take
from session_store.exchange.notes import Note, Notes, in_words
from session_store.models import SessionKey
from session_store.phrases import counted
from session_store.store import Store

IN_MEMORY: Final = 64_000_000
TAKING: Final = "Importing chats"
SHOWN: Final = 10
MOST_REASONS, MOST_NAMES = 20, 3


@dataclass(frozen=True, slots=True)
class Skipped:
    """A conversation that was not imported, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an import."""

    kind: str
    """What kind of file it was, in words."""
    taken: tuple[ImportOutcome, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[Note, ...]
    """What could not be imported unchanged from the imported conversations and from the file itself."""

    @property
    def events(self) -> int:
        """Returns how many events were imported."""
        return sum(outcome.events for outcome in self.taken)

    @property
    def summary(self) -> str:
        """Returns what was imported, in a sentence."""
        if not self.taken:
            return "Nothing new was imported."
        return f"Imported {counted(len(self.taken), 'chat')} ({counted(self.events, 'event')})."

    @property
    def renamed(self) -> int:
        """Returns how many conversations got a new id because another one here has theirs."""
        return sum(outcome.renamed for outcome in self.taken)

    @property
    def remarks(self) -> list[str]:
        """Returns what is worth knowing besides the numbers, in sentences. Names from the file are in backticks."""
        remarks = in_words(self.notes)
        if self.renamed:
            given = counted(self.renamed, "chat got a new id", "chats got new ids")
            remarks.append(f"{given}, because other chats here have theirs.")
        return remarks

    @property
    def users(self) -> dict[str, int]:
        """Returns the number of imported conversations by user."""
        return dict(Counter(outcome.key.user_id for outcome in self.taken))

    @property
    def reasons(self) -> list[str]:
        """Returns one line for each reason why conversations were skipped, with the first few names."""
        names: dict[str, list[str]] = {}
        for one in self.skipped:
            names.setdefault(one.why, []).append(one.name)
        lines = [f"{_some(named)}: {why}" for why, named in list(names.items())[:MOST_REASONS]]
        more = len(names) - MOST_REASONS
        return [*lines, f"… and {counted(more, 'more reason')}"] if more > 0 else lines


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The options of an import."""

    owner: Owner = field(default_factory=Owner)
    """The agent and the user of conversations from other chat programs."""
    user_id: str | None = None
    """The user of all conversations, instead of the one named in the file."""
    adopt: str | None = None
    """The user of conversations that Colloquy did not write, instead of the one named in the file."""
    workspace_id: str | None = None
    """The workspace of all conversations, instead of the one named in the file."""
    skip_damaged: bool = False
    """Leave out conversations that cannot be read, instead of refusing the file."""


def import_file(
    store: Store,
    path: Path,
    wishes: Wishes | None = None,
    *,
    files: AgentFiles | None = None,
    progress: Progress = silent,
) -> Report:
    """Import the conversations of a file that are not in the store yet: a session in ADK's JSON or a list of them,
    Colloquy's JSON Lines or archive, an ADK session database in SQLite, or an export of another chat program.

    The whole file is read before anything is written, so a damaged file changes nothing. Then conversations are written
    one by one, each as a whole: if the process dies, importing again adds the rest.

    Args:
        store: the store to write to.
        path: the file.
        wishes: the options.
        files: where to put files that agents made; None leaves them out.
        progress: called with the progress made. An exception from it ends the import, before the first conversation is
            written or between two of them.

    Raises:
        ImportRefusedError: the file cannot be imported (DamagedFileError: a part of it). Nothing was imported.
        WorkspaceError: there is no such workspace.
        StoreError: the store cannot be written. What was imported before is complete; importing again adds the rest.
    """
    chosen = wishes or Wishes()
    return _import(
        store,
        str(path),
        lambda damaged, alive: opened(path, chosen.owner, damaged, alive),
        wishes=chosen,
        files=files,
        progress=progress,
    )


def import_database(store: Store, url: str, wishes: Wishes | None = None, *, progress: Progress = silent) -> Report:
    """Import the conversations of an ADK project's session database, given its URL in ADK's form. See ``import_file``
    and ``database_at``.

    Raises:
        ImportRefusedError, UnknownWorkspaceError, StoreError: as in ``import_file``. No message contains a password.
    """
    return _import(
        store,
        "The database",
        lambda _, alive: opened_database(url, alive),
        wishes=wishes or Wishes(),
        files=None,
        progress=progress,
    )


def _import(
    store: Store,
    what: str,
    open_source: Callable[[Damaged, Alive], AbstractContextManager[Source]],
    *,
    wishes: Wishes,
    files: AgentFiles | None,
    progress: Progress,
) -> Report:
    into = wishes.workspace_id
    if into is not None and into not in {workspace.id for workspace in store.workspaces.list()}:
        raise UnknownWorkspaceError("This workspace does not exist. Choose another one.")
    damaged: list[Skipped] = []
    pulse = _Pulse(progress)
    with (
        tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as stage,
        open_source(lambda name, why: damaged.append(Skipped(name, why)), pulse.beat) as source,
    ):
        number = _stage(source, stage, wishes, pulse.tell)
        if damaged and not wishes.skip_damaged:
            raise DamagedFileError(_refusal(what, damaged))
        usable = [plain_workspace(usable_workspace(one, source.notes)) for one in source.workspaces.values()]
        workspaces = {one.id: one for one in usable}
        if source.all_workspaces and into is None:
            wanted = list(workspaces.values())
            store.log.writer.submit(lambda transaction: make_workspaces(transaction, wanted)).result()
        outcomes: list[ImportOutcome] = []
        progress(TAKING, 0, number)
        notes = Notes()
        for batch in batches(_staged(stage, number)):
            taken = take(store.log, batch, workspaces, into, files)
            outcomes += taken
            for outcome, conversation in zip(taken, batch, strict=True):
                if not outcome.skipped:
                    notes.update(conversation.notes)
            progress(TAKING, len(outcomes), number)
        notes.update(source.notes)
    skipped = [Skipped(outcome.name, outcome.skipped) for outcome in outcomes if outcome.skipped]
    odd = [Skipped(name, why) for name, why in source.odd]
    return Report(
        source.kind,
        tuple(outcome for outcome in outcomes if not outcome.skipped),
        (*skipped, *damaged, *odd),
        notes.all(),
    )


@dataclass(slots=True)
class _Pulse:
    """Repeats the latest progress while there is no new one, so that the listener can end the import."""

    progress: Progress
    latest: tuple[str, int, int | None] = ("Opening", 0, None)

    def tell(self, doing: str, done: int, total: int | None) -> None:
        self.latest = (doing, done, total)
        self.beat()

    def beat(self) -> None:
        self.progress(*self.latest)


def _stage(source: Source, stage: IO[bytes], wishes: Wishes, progress: Progress) -> int:
    """Read everything into the staging file. Returns the number of conversations."""
    number = done = 0
    doing = "Reading events" if source.counts_events else "Reading chats"
    progress(doing, 0, source.total)
    places: dict[tuple[SessionKey, str], int] = {}
    for read in source.conversations:
        conversation = _with_own_id(_with_user(with_plain_ids(within_limits(read)), wishes), stage, places)
        pickle.dump(conversation, stage)
        number += 1
        done += len(conversation.events) if source.counts_events else 1
        progress(doing, done, source.total)
    return number


def _with_user(conversation: ImportedConversation, wishes: Wishes) -> ImportedConversation:
    about = conversation.about
    user_id = wishes.user_id or (None if conversation.is_own else wishes.adopt)
    if user_id is None:
        return conversation
    return replace(conversation, about=replace(about, key=replace(about.key, user_id=user_id)))


def _with_own_id(
    conversation: ImportedConversation, stage: IO[bytes], places: dict[tuple[SessionKey, str], int]
) -> ImportedConversation:
    """Returns the conversation, with another id if an earlier conversation of the file has the same id and first event
    but different content. If only the ids are the same, ``take`` finds another one.

    ``places`` holds the earlier conversations' positions in the staging file, which is at its end. Their content is
    only compared when an id repeats.
    """
    key = conversation.about.key
    first = conversation.events[0].id if conversation.events else ""
    end = stage.tell()
    place = places.setdefault((key, first), end)
    if place == end:
        return conversation
    stage.seek(place)
    earlier = _unstaged(stage)
    stage.seek(end)
    said = content_id(conversation)
    if said == content_id(earlier):
        return conversation
    other = replace(key, session_id=stable_id("session", key.app_name, key.user_id, key.session_id, said))
    return replace(conversation, about=replace(conversation.about, key=other), is_renamed=True)


def _unstaged(stage: IO[bytes]) -> ImportedConversation:
    conversation: ImportedConversation = pickle.load(stage)  # noqa: S301 - written by this module
    return conversation


def _staged(stage: IO[bytes], number: int) -> Iterator[ImportedConversation]:
    stage.seek(0)
    for _ in range(number):
        yield _unstaged(stage)


def _refusal(what: str, damaged: list[Skipped]) -> str:
    lines = [f"  {skipped.name}: {skipped.why}" for skipped in damaged[:SHOWN]]
    if len(damaged) > SHOWN:
        lines.append(f"  and {len(damaged) - SHOWN:,} more")
    places = counted(len(damaged), "place in it is", "places in it are")
    return (
        f"{what} was not imported, because {places} damaged. Nothing was changed.\n"
        + "\n".join(lines)
        + "\nTo import the rest, try again and choose to leave out what is damaged."
    )
