"""Measure how long a page with one very long text takes in Chromium: a table, code, a paragraph, a tool's answer.

    python -m bench.long_texts [--patience 120] [--only NAME …]

Each text is shown in a chat and in the history's transcript. A figure is the seconds from navigation until the page is
drawn and responsive: its last message is there, and a frame has been drawn after it.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from google.adk.events.event import Event
from google.genai import types
from playwright.sync_api import Browser, Error, sync_playwright

from bench.chromium.app import ROOT, SIZE, open_browser, serving
from bench.data.conversations import USER
from colloquy.runtime.application import DATABASE
from session_store import DuckDBSessionService, Store
from session_store.models import SessionKey, TitleSource

END: Final = "That is all of it."
TEXTS: Final = {
    "no long text": "Hello.",
    "a table of 20,000 rows": "| n | name | price |\n|---|---|---|\n"
    + "\n".join(f"| {n} | Item number {n} | {n * 1.5} |" for n in range(20_000)),
    "100,000 lines of code": "```python\n" + "\n".join(f"value_{n} = compute({n})" for n in range(100_000)) + "\n```",
    "2 MB in one paragraph": "The quick brown fox jumps over the lazy dog. " * 45_000,
    "a person's 1 MB": "The quick brown fox jumps over the lazy dog. " * 22_000,
    "a tool's 2 MB": "The quick brown fox jumps over the lazy dog.\n" * 45_000,
}
FRAME: Final = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))"


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--patience", type=float, default=120)
    parser.add_argument("--only", nargs="*", default=list(TEXTS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ids = asyncio.run(_fill(Path(folder)))
        with (
            serving("Colloquy", ROOT / "tests" / "support" / "scripted_app.py", Path(folder)) as app,
            sync_playwright() as playwright,
        ):
            browser = open_browser(playwright)
            for name in options.only:
                for place in ("", "history"):
                    taken = _seconds(browser, f"{app.url}{place}?session={ids[name]}", options.patience)
                    print(f"{name}, {place or 'chat'}: {taken}", flush=True)
            browser.close()


def _seconds(browser: Browser, url: str, patience: float) -> str:
    context = browser.new_context(viewport=SIZE)
    context.set_default_timeout(patience * 1000)
    page = context.new_page()
    begin = time.perf_counter()
    try:
        page.goto(url, wait_until="commit")
        page.get_by_text(END).last.wait_for()
        page.evaluate(FRAME)
    except Error:
        return f"more than {patience:.0f} s"
    finally:
        taken = time.perf_counter() - begin
        context.close()
    return f"{taken:.1f} s"


async def _fill(folder: Path) -> dict[str, str]:
    store = Store(folder / DATABASE)
    service = DuckDBSessionService(store)
    ids = {}
    for name, text in TEXTS.items():
        key = SessionKey("assistant", USER, str(uuid.uuid4()))
        session = await service.create_session(app_name=key.app_name, user_id=USER, session_id=key.session_id)
        for event in _events(name, text):
            await service.append_event(session, event)
        store.sessions.rename(key, name, TitleSource.PERSON)
        ids[name] = key.session_id
    store.close()
    return ids


def _events(name: str, text: str) -> Iterator[Event]:
    asked, answered = ("Go on.", text) if "person" not in name else (text, "Thank you.")
    yield Event(author="user", invocation_id="1", content=types.UserContent(asked))
    if "tool" in name:
        call = types.FunctionCall(id="c", name="read", args={})
        answer = types.FunctionResponse(id="c", name="read", response={"text": text, "lines": text.splitlines()})
        yield Event(author="assistant", invocation_id="1", content=types.ModelContent(types.Part(function_call=call)))
        yield Event(
            author="assistant", invocation_id="1", content=types.UserContent(types.Part(function_response=answer))
        )
        answered = "Thank you."
    yield Event(author="assistant", invocation_id="1", content=types.ModelContent(answered))
    yield Event(author="user", invocation_id="2", content=types.UserContent("And?"))
    yield Event(author="assistant", invocation_id="2", content=types.ModelContent(END))


if __name__ == "__main__":
    main()
