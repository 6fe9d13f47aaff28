"""Which events rewinds took back, and the versions of messages that result.

The log of events only grows. A rewind takes back itself and all events since the first one of an invocation, so that
what is said next replaces them: another version of the message that was there, with another answer and another rest of
the conversation. A rewind to a point before another rewind brings back what that one took back. Definitions:

- A turn follows the turn that was the last of the conversation when it began. Turns that started with a user's message
  and follow the same turn, or that all start the conversation, are versions of one message, in the order in which they
  were said.
- At most one version is part of the conversation. A user who goes back to another one gets the conversation as it was
  when that version was last part of it.
- Models, readable exports, search and branches see only what is part of the conversation. So do figures, except for
  tokens and cost: what was spent was spent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from session_store.engine.database import Database
from session_store.engine.transaction import Transaction
from session_store.models import SessionKey

Row = tuple[int, str, str | None]
"""``seq``, invocation id, and the invocation whose start the event rewinds to."""

_ROWS: Final = """
    select seq, invocation_id, rewind_before, author = 'user' and rewind_before is null from events
    where session_no = (
        select session_no from sessions where app_name = $1 and user_id = $2 and id = $3 and deleted_at is null
    ) order by timestamp, seq
"""


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """A turn, and the turn that it follows."""

    id: str
    follows: _Turn | None

    def line(self) -> Iterator[_Turn]:
        """Yield the turn and all turns before it, latest first."""
        turn: _Turn | None = self
        while turn:
            yield turn
            turn = turn.follows


def live_events(rows: Sequence[Row]) -> set[int]:
    """Return the ``seq`` of the events that no rewind took back, following ADK's rules: a rewind takes back itself and
    all events since the first one of its invocation, including earlier rewinds."""
    first: dict[str, int] = {}
    for index, (_, invocation_id, _) in enumerate(rows):
        if invocation_id:
            first.setdefault(invocation_id, index)
    live: set[int] = set()
    index = len(rows) - 1
    while index >= 0:
        seq, _, rewind_before = rows[index]
        if not rewind_before:
            live.add(seq)
        else:
            index = min(index, first.get(rewind_before, index))
        index -= 1
    return live


def mark_rewound(transaction: Transaction, session_no: int) -> None:
    """Mark the events and turns that a session's rewinds took back; unmark those that a later rewind brought back."""
    rows: list[Any] = transaction.rows(
        "select seq, invocation_id, rewind_before from events where session_no = $1 order by timestamp, seq",
        [session_no],
    )
    live = live_events(rows)
    transaction.execute(
        "update events set rewound = not rewound where session_no = $1 and rewound = list_contains($2::bigint[], seq)",
        [session_no, sorted(live)],
    )
    transaction.execute(
        "update turns set rewound = not list_contains($2::varchar[], id) "
        "where session_no = $1 and list_contains($3::varchar[], id)",
        [session_no, sorted({row[1] for row in rows if row[0] in live}), sorted({row[1] for row in rows})],
    )
    transaction.on_commit(lambda memory: memory.events.drop(session_no))
    transaction.summary_changed(session_no)


def versions(database: Database, key: SessionKey) -> Mapping[str, tuple[str, ...]]:
    """See ``StoredTurns.versions``."""
    rows = database.rows(_ROWS, [key.app_name, key.user_id, key.session_id])
    if not any(rewind_before for _, _, rewind_before, _ in rows):
        return {}
    asked: dict[str, bool] = {}
    for _, invocation_id, _, by_person in rows:
        asked.setdefault(invocation_id, bool(by_person))
    after = _last_turns([row[:3] for row in rows])
    follow: defaultdict[_Turn | None, dict[str, None]] = defaultdict(dict)
    for turn in filter(None, after):
        if asked[turn.id]:
            follow[turn.follows].setdefault(turn.id)
    found = [tuple(ids) for ids in follow.values() if len(ids) > 1]
    return {turn_id: ids for ids in found for turn_id in ids}


def rewind_to_show(database: Database, key: SessionKey, turn_id: str) -> str | None:
    """See ``StoredTurns.rewind_to_show``."""
    rows = [row[:3] for row in database.rows(_ROWS, [key.app_name, key.user_id, key.session_id])]
    after = _last_turns(rows)
    if not after or _is_part(turn_id, after[-1]):
        return None
    for index in range(len(rows) - 1, 0, -1):
        if rows[index][2] and _is_part(turn_id, after[index - 1]):
            return str(rows[index][1])
    return None


def _is_part(turn_id: str, last: _Turn | None) -> bool:
    return last is not None and any(turn.id == turn_id for turn in last.line())


def _last_turns(rows: Sequence[Row]) -> list[_Turn | None]:
    """Return the last turn of the conversation after each of the events."""
    first: dict[str, int] = {}
    begun: set[str] = set()
    after: list[_Turn | None] = []
    last: _Turn | None = None
    for index, (_, invocation_id, rewind_before) in enumerate(rows):
        first.setdefault(invocation_id, index)
        if rewind_before:
            start = first.get(rewind_before, index)
            last = after[start - 1] if start else None
        elif invocation_id and not (invocation_id in begun and _is_part(invocation_id, last)):
            last = _Turn(invocation_id, last)
            begun.add(invocation_id)
        after.append(last)
    return after
