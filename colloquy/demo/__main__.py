"""Fills a data folder with demo conversations.

python -m colloquy.demo --folder demo-data --sessions 2000
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

from colloquy.demo.filling import fill
from session_store.phrases import counted

DATABASE = "colloquy.duckdb"
DESCRIPTION = "Fill a data folder with demo conversations, unless it already contains a database."


def main() -> None:
    """Read the command line, create the demo data, and report what was made."""
    parser = argparse.ArgumentParser(prog="python -m colloquy.demo", description=DESCRIPTION)
    parser.add_argument("--folder", type=Path, default=Path("demo-data"), help="data folder (default: demo-data)")
    parser.add_argument("--sessions", type=int, default=2000, help="number of conversations (default: 2000)")
    parser.add_argument("--messages", type=int, help="approximate total number of messages")
    parser.add_argument("--seed", type=int, default=1, help="seed: the same one gives the same conversations")
    parser.add_argument(
        "--until", type=date.fromisoformat, default=datetime.now(UTC).date(), help="last day (default: today)"
    )
    chosen = parser.parse_args()
    path = chosen.folder / DATABASE
    if path.exists():
        sys.stdout.write(f"{path} already exists. To generate it again, delete the folder first.\n")
        return
    begin = time.perf_counter()
    events = fill(path, sessions=chosen.sessions, messages=chosen.messages, seed=chosen.seed, until=chosen.until)
    seconds = time.perf_counter() - begin
    made = f"{counted(chosen.sessions, 'demo conversation')} with {counted(events, 'event')}"
    sys.stdout.write(f"{path}: {made}, in {seconds:.1f} s.\n")


if __name__ == "__main__":
    main()
