"""Measure the history, beside SQLite over the same rows and ADK's own SQLite table, in one run on one disk.

    python -m bench.history [--messages 1000000] [--sessions 10000] [--rounds 5] [--folder .]

Searches return the newest 20 matches, through ``store.history.search`` and as plain SQL: with LIKE over typed columns
(with an index by time to walk along), with FTS5 (which finds whole words only, and must be updated with each message),
and with LIKE over the JSON of ADK's events. The table shows medians over the rounds, and how many times faster the
store is.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.data.history import FREQUENT, RARE, copy_to_adk, copy_to_sqlite, make
from session_store import Store
from session_store.history.filters import EVERYTHING, HistoryFilter
from session_store.history.models import HistorySort

SEARCHES = {
    "a frequent word": FREQUENT,
    "a rare word": RARE,
    "a rare and a frequent word": f"{RARE} {FREQUENT}",
    "a word that is nowhere": "xylophone",
    "what a tool was asked": '"from orders"',
}
LIKE = (
    "select s.id, s.title, e.id, e.timestamp, e.text from events e join sessions s using (session_no) "
    "where {0} order by e.timestamp desc, e.seq desc limit 20"
)
FTS = (
    "select s.id, s.title, e.id, e.timestamp, e.text from texts t join events e on e.seq = t.rowid "
    "join sessions s using (session_no) where texts match ? order by e.timestamp desc limit 20"
)
ADK = "select session_id, id, timestamp, event_data from events where {0} order by timestamp desc limit 20"
BY_TOKENS = {
    "SQLite": "select s.id, s.title, count(e.text), sum(e.input_tokens) + sum(e.output_tokens) as tokens "
    "from sessions s join events e using (session_no) group by s.session_no order by tokens desc limit 50",
    "ADK": "select session_id, count(*), sum(json_extract(event_data, '$.usage_metadata.prompt_token_count')) "
    "+ sum(json_extract(event_data, '$.usage_metadata.candidates_token_count')) as tokens "
    "from events group by session_id order by tokens desc limit 50",
}

Measured = dict[str, dict[str, float]]
"""Seconds, by query and by peer."""


def words_of(text: str) -> list[str]:
    return [text.strip('"')] if text.startswith('"') else text.split()


def questions(
    store: Store, plain: sqlite3.Connection, adk: sqlite3.Connection
) -> dict[str, dict[str, Callable[[], Any]]]:
    """Returns the queries, and how each peer runs them."""
    found: dict[str, dict[str, Callable[[], Any]]] = {}
    for name, text in SEARCHES.items():
        likes = [f"%{word}%" for word in words_of(text)]
        column = "e.tool_text" if text.startswith('"') else "e.text"
        typed = LIKE.format(" and ".join([f"{column} like ?"] * len(likes)))
        in_json = ADK.format(" and ".join(["event_data like ?"] * len(likes)))
        match = " ".join(f'"{word}"' for word in words_of(text))
        found[f"search: {name}"] = {
            "the store": lambda text=text: store.history.search(text),  # type: ignore[misc]
            "SQLite LIKE": lambda typed=typed, likes=likes: plain.execute(typed, likes).fetchall(),  # type: ignore[misc]
            "SQLite FTS5": lambda match=match: plain.execute(FTS, [match]).fetchall(),  # type: ignore[misc]
            "ADK's SQLite": lambda sql=in_json, likes=likes: adk.execute(sql, likes).fetchall(),  # type: ignore[misc]
        }
    found["the 50 with the most tokens"] = {
        "the store": lambda: store.history.list(EVERYTHING, sort=HistorySort.TOKENS),
        "SQLite LIKE": lambda: plain.execute(BY_TOKENS["SQLite"]).fetchall(),
        "ADK's SQLite": lambda: adk.execute(BY_TOKENS["ADK"]).fetchall(),
    }
    return found | alone(store)


def alone(store: Store) -> dict[str, dict[str, Callable[[], Any]]]:
    """Returns the queries that only the store can run."""
    by_cost = store.history.list(EVERYTHING, sort=HistorySort.COST)
    longest = store.history.list(EVERYTHING, sort=HistorySort.MESSAGES).items[0].key
    events = store.events.list(longest, limit=1_000_000)
    middle = events[len(events) // 2].event.id
    asked: dict[str, Callable[[], Any]] = {
        "the 50 newest": lambda: store.history.list(EVERYTHING),
        "the second page by cost": lambda: store.history.list(EVERYTHING, sort=HistorySort.COST, before=by_cost.next),
        "the 50 newest that have a rare word": lambda: store.history.list(HistoryFilter(text=RARE)),
        "how many have a rare word": lambda: store.history.count(HistoryFilter(text=RARE)),
        "one row": lambda: store.history.row(longest),
        "the events around one": lambda: store.events.around(longest, middle),
        f"a branch after {len(events) // 2 + 1} events": lambda: store.sessions.branch(
            longest, middle, str(uuid.uuid4())
        ),
    }
    return {name: {"the store": ask} for name, ask in asked.items()}


def measure(folder: Path, *, rounds: int) -> Measured:
    """Runs every query on every peer in turn, round after round."""
    store = Store(folder / "chats.duckdb")
    with sqlite3.connect(folder / "plain.sqlite") as plain, sqlite3.connect(folder / "adk.sqlite") as adk:
        asked = questions(store, plain, adk)
        times: dict[str, dict[str, list[float]]] = {name: {peer: [] for peer in peers} for name, peers in asked.items()}
        for _ in range(rounds):
            for name, peers in asked.items():
                for peer, ask in peers.items():
                    begin = time.perf_counter()
                    ask()
                    times[name][peer].append(time.perf_counter() - begin)
    store.close()
    return {name: {peer: statistics.median(taken) for peer, taken in peers.items()} for name, peers in times.items()}


def table(measured: Measured) -> str:
    peers = ["the store", "SQLite LIKE", "SQLite FTS5", "ADK's SQLite"]
    lines = ["| ms, median | " + " | ".join(peers) + " | " + " | ".join(f"faster than {p}" for p in peers[1:]) + " |"]
    lines.append("|" + " --- |" * (2 * len(peers)))
    for name, times in measured.items():
        cells = [name, *(f"{times[peer] * 1000:.1f}" if peer in times else "-" for peer in peers)]
        cells += [f"{times[peer] / times['the store']:.1f}" if peer in times else "-" for peer in peers[1:]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the history, beside SQLite and ADK's own table.")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured")
    parser.add_argument("--folder", type=Path, default=Path(), help="where to put the files: the disk to measure on")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder, prefix="bench-history-") as name:
        folder = Path(name)
        events = make(folder / "chats.duckdb", sessions=given.sessions, messages=given.messages)
        copy_to_sqlite(folder / "chats.duckdb", folder / "plain.sqlite")
        copy_to_adk(folder / "chats.duckdb", folder / "adk.sqlite")
        sizes = ", ".join(f"{path.name} {path.stat().st_size // 1_000_000} MB" for path in sorted(folder.iterdir()))
        print(f"{events:,} events in {given.sessions:,} conversations ({sizes}), {given.rounds} rounds\n")
        print(table(measure(folder, rounds=given.rounds)))


if __name__ == "__main__":
    main()
