"""Importing a file: read all of it first, then take one conversation after the other."""

from __future__ import annotations

import pickle
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

from session_store.errors import WorkspaceError
from session_store.exchange.conversation import Conversation, Progress
from session_store.exchange.errors import ImportRefusedError
from session_store.exchange.foreign import Owner
from session_store.exchange.intake import Outcome, batches, take
from session_store.exchange.intake_workspaces import make_workspaces
from session_store.exchange.sources import Source, opened
from session_store.store import Store

IN_MEMORY: Final = 64_000_000
SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Skipped:
    """A conversation that was not taken, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did."""

    kind: str
    """What the file was, in words."""
    taken: tuple[Outcome, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    """What else is worth knowing."""

    @property
    def events(self) -> int:
        """How many events were taken."""
        return sum(outcome.events for outcome in self.taken)

    @property
    def users(self) -> dict[str, int]:
        """Whose the taken conversations are, and how many."""
        return dict(Counter(outcome.key.user_id for outcome in self.taken))


def silent(_doing: str, _done: int, _total: int | None) -> None:
    """Progress that nobody watches."""


def import_file(
    store: Store,
    path: Path,
    *,
    owner: Owner | None = None,
    user_id: str | None = None,
    workspace_id: str | None = None,
    skip_damaged: bool = False,
    progress: Progress = silent,
) -> Report:
    """Take the conversations of a file that are not here yet: a session in ADK's JSON or a list of them, an archive of
    Colloquy, a session database of ADK in SQLite, or an export of ChatGPT or Open WebUI.

    The whole file is read before anything is taken, so that a damaged one changes nothing. Then conversations are taken
    one by one, each as a whole: if the process dies, importing again takes the rest.

    Args:
        store: where to.
        path: the file.
        owner: the agent and the user of conversations from other programs.
        user_id: the user of all taken conversations, instead of the one that the file names.
        workspace_id: the workspace of all taken conversations, instead of the one that the file names.
        skip_damaged: leave out conversations that cannot be read, instead of refusing the file.
        progress: told how far it is.

    Raises:
        ImportRefusedError: the file cannot be imported. Nothing was taken.
        WorkspaceError: there is no such workspace.
        StoreError: the store cannot be written. What was taken before is complete; importing again takes the rest.
    """
    if workspace_id is not None and workspace_id not in {workspace.id for workspace in store.list_workspaces()}:
        raise WorkspaceError("This workspace does not exist. Choose another one.")
    damaged: list[Skipped] = []
    with (
        tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as stage,
        opened(path, owner or Owner(), lambda name, why: damaged.append(Skipped(name, why))) as source,
    ):
        number, notes = _stage(source, stage, user_id, progress)
        if damaged and not skip_damaged:
            raise ImportRefusedError(_refusal(path, damaged))
        if source.all_workspaces and workspace_id is None:
            wanted = list(source.workspaces.values())
            store.log.writer.submit(lambda transaction: make_workspaces(transaction, wanted)).result()
        outcomes: list[Outcome] = []
        for batch in batches(_staged(stage, number)):
            outcomes += take(store.log, batch, source.workspaces, workspace_id)
            progress("Taking conversations", len(outcomes), number)
    return _report(source.kind, outcomes, damaged, notes)


def _stage(source: Source, stage: IO[bytes], user_id: str | None, progress: Progress) -> tuple[int, list[str]]:
    """Read everything, and keep it aside."""
    dump: Callable[[Conversation, IO[bytes]], None] = pickle.dump
    number = done = 0
    notes: Counter[str] = Counter()
    doing = "Reading events" if source.counts_events else "Reading conversations"
    progress(doing, 0, source.total)
    for conversation in source.conversations:
        about = conversation.about
        if user_id is not None:
            about = replace(about, key=replace(about.key, user_id=user_id))
        dump(replace(conversation, about=about), stage)
        number += 1
        done += len(conversation.events) if source.counts_events else 1
        notes[conversation.note] += 1
        progress(doing, done, source.total)
    del notes[""]
    return number, [f"Left out in {count:,} conversations: {note}." for note, count in notes.items()]


def _staged(stage: IO[bytes], number: int) -> Iterator[Conversation]:
    stage.seek(0)
    for _ in range(number):
        conversation: Conversation = pickle.load(stage)  # noqa: S301 - what this very function's caller wrote
        yield conversation


def _refusal(path: Path, damaged: list[Skipped]) -> str:
    lines = [f"  {skipped.name}: {skipped.why}" for skipped in damaged[:SHOWN]]
    if len(damaged) > SHOWN:
        lines.append(f"  and {len(damaged) - SHOWN:,} more")
    places = "1 place is" if len(damaged) == 1 else f"{len(damaged):,} places are"
    return (
        f"{path} was not imported, and nothing was changed, because {places} damaged:\n"
        + "\n".join(lines)
        + "\nTo take everything else, import it again and skip what is damaged (--skip-damaged)."
    )


def _report(kind: str, outcomes: list[Outcome], damaged: list[Skipped], notes: list[str]) -> Report:
    taken = tuple(outcome for outcome in outcomes if not outcome.skipped)
    skipped = [Skipped(outcome.name, outcome.skipped) for outcome in outcomes if outcome.skipped]
    renamed = sum(outcome.renamed for outcome in taken)
    if renamed:
        notes = [*notes, f"New ids for {renamed:,} conversations, because others here have theirs."]
    return Report(kind, taken, (*skipped, *damaged), tuple(notes))
