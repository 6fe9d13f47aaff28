"""What rewinds took back, and the versions of messages that come of it.

A log of events only grows. A rewind takes back itself and all events since the first one of an invocation, so that what
is said next takes their place: another version of the message that stood there, with another answer and another rest of
the conversation. A rewind to before another rewind brings back what that one took back. Definitions:

- A turn follows the one that was the last of the conversation when it began. Turns that a person's message set off and
  that follow the same turn, or that all begin the conversation, are versions of one message, in the order in which they
  were said.
- One of them at most is part of the conversation. Whoever goes back to another one gets the conversation as it was when
  that was last a part of it.
- Models, exports for reading, search and branches know what is part of the conversation, and nothing else. So do
  figures, but for tokens and cost: what was spent was spent.
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
"""``seq``, invocation id, and the invocation that the event rewinds to the start of."""

_ROWS: Final = """
    select seq, invocation_id, rewind_before, author = 'user' and rewind_before is null from events
    where session_no = (
        select session_no from sessions where app_name = $1 and user_id = $2 and id = $3 and deleted_at is null
    ) order by timestamp, seq
"""


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """A turn in its place behind the one that it follows."""

    id: str
    follows: _Turn | None

    def line(self) -> Iterator[_Turn]:
        """The turn and all before it, the last one first."""
        turn: _Turn | None = self
        while turn:
            yield turn
            turn = turn.follows


def live_events(rows: Sequence[Row]) -> set[int]:
    """The ``seq`` of the events that no rewind took back, by the rules of ADK: a rewind takes back itself and all
    events since the first one of its invocation, earlier rewinds among them."""
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
    """Mark what the rewinds of a session took back, events and turns; unmark what a later rewind gave back."""
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
    """See ``Store.versions``."""
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
    """See ``Store.rewind_to_show``."""
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
    """What the last turn of the conversation is after each of the events."""
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
