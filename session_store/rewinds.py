"""Which events a rewind took back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from session_store.transaction import Transaction

Row = tuple[int, str, str | None]
"""``seq``, invocation id, and the invocation that the event rewinds to the start of."""


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
