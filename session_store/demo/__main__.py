"""Fill a data folder with demo conversations, unless it has a database already.

python -m session_store.demo --folder demo-data --sessions 2000
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

from session_store.demo.filling import fill
from session_store.phrases import counted

DATABASE = "colloquy.duckdb"


def main() -> None:
    """Read the command line, fill, and say what was made."""
    parser = argparse.ArgumentParser(prog="python -m session_store.demo", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("demo-data"))
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--messages", type=int, help="about how many messages in all; as many as come by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--until", type=date.fromisoformat, default=datetime.now(UTC).date())
    chosen = parser.parse_args()
    path = chosen.folder / DATABASE
    if path.exists():
        sys.stdout.write(f"{path} is there already. Delete the folder to have it made anew.\n")
        return
    begin = time.perf_counter()
    events = fill(path, sessions=chosen.sessions, messages=chosen.messages, seed=chosen.seed, until=chosen.until)
    seconds = time.perf_counter() - begin
    made = f"{counted(chosen.sessions, 'demo conversation')} with {counted(events, 'event')}"
    sys.stdout.write(f"{path}: {made}, in {seconds:.1f} s.\n")


if __name__ == "__main__":
    main()
