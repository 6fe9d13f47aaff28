"""Fills a data folder with demo conversations.

python -m colloquy.demo --folder demo-data --sessions 2000
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path

import click

from colloquy.demo.filling import fill
from session_store.phrases import counted

DATABASE = "colloquy.duckdb"


@click.command(context_settings={"show_default": True})
@click.option("--folder", type=click.Path(path_type=Path), default="demo-data", help="Data folder.")
@click.option("--sessions", default=2000, help="Number of conversations.")
@click.option("--messages", type=int, help="Approximate total number of messages.")
@click.option("--seed", default=1, help="The same one gives the same conversations.")
@click.option(
    "--until",
    type=date.fromisoformat,
    default=lambda: str(datetime.now(UTC).date()),
    metavar="YYYY-MM-DD",
    show_default="today",
    help="Last day.",
)
def main(folder: Path, sessions: int, messages: int | None, seed: int, until: date) -> None:
    """Fill a data folder with demo conversations, unless it already contains a database."""
    path = folder / DATABASE
    if path.exists():
        click.echo(f"{path} already exists. To generate it again, delete the folder first.")
        return
    begin = time.perf_counter()
    events = fill(path, sessions=sessions, messages=messages, seed=seed, until=until)
    seconds = time.perf_counter() - begin
    click.echo(f"{path}: {counted(sessions, 'demo conversation')} with {counted(events, 'event')}, in {seconds:.1f} s.")


if __name__ == "__main__":
    main(prog_name="python -m colloquy.demo")
