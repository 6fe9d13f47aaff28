"""Measure the page in real Chromium, beside a plain Streamlit page that shows the same conversations.

    python -m bench.browser [--rounds 15] [--streams 5]

Each app runs in a process of its own with a model that says words at set times. All times are measured inside the page
or by that model, on one clock; the figures are medians and 95th percentiles.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.chromium.app import ROOT, SIZE, App, open_browser, serving
from bench.chromium.cost import cost_of_runs
from bench.chromium.traffic import Traffic
from bench.data.conversations import LONG, Conversation, conversations, fill
from colloquy.runtime.application import DATABASE

WORDS, EVERY = 100, 20
"""The number of words of a measured answer, and the milliseconds between two of them."""

NOMINAL = WORDS * EVERY / 1000
TALKS = conversations()
PROBE = (ROOT / "bench" / "chromium" / "probe.js").read_text(encoding="utf-8")

Samples = dict[str, list[float]]


class Bench:
    """Drives one app and collects its measurements, in seconds unless the name of a sample says otherwise."""

    def __init__(self, app: App, browser: Browser, *, rounds: int, streams: int) -> None:
        self.app = app
        self.browser = browser
        self.rounds = rounds
        self.streams = streams
        self.samples: Samples = {}
        self._asked = 0

    def note(self, what: str, value: float) -> None:
        self.samples.setdefault(what, []).append(value)

    # -- steps ---------------------------------------------------------------------------------------------------------

    @contextmanager
    def context(self) -> Iterator[BrowserContext]:
        context = self.browser.new_context(viewport=SIZE)
        context.add_init_script(PROBE)
        context.set_default_timeout(60_000)
        yield context
        context.close()

    def load(self, page: Page, talk: Conversation, mark: str | None = None) -> float:
        """Opens the app on a conversation; returns the seconds until it is drawn."""
        page.goto(f"{self.app.url}?session={talk.id}", wait_until="commit")
        found = page.evaluate("mark => bench.loaded(mark)", mark or talk.end)
        return float(found["settled"]) / 1000

    def switch(self, page: Page, talk: Conversation, what: str | None = None) -> None:
        """Clicks the row of a conversation and waits until the page no longer changes."""
        page.evaluate("mark => bench.armClick(mark)", talk.end)
        page.locator('[data-testid="stSidebar"] button').filter(has_text=talk.title).first.click()
        found = page.evaluate("() => bench.arrived")
        if what:
            self.note(f"{what}: newest message in view", found["seen"] / 1000)
            self.note(f"{what}: page settled", found["settled"] / 1000)
            self.note(f"{what}: elements in the page", found["elements"])

    def ask(self, page: Page, words: int = WORDS) -> str:
        """Asks for an answer of this many words; returns the message that asked for it."""
        self._asked += 1
        message = f"{self._asked}: count {words} every {EVERY} ms"
        page.evaluate("([message, words]) => bench.armStream(message, words)", [message, words])
        field = page.locator('[data-testid="stChatInputTextArea"]')
        field.fill(message)
        field.press("Enter")
        return message

    def await_answer(self, page: Page, message: str, what: str) -> None:
        shown = page.evaluate("() => bench.streamed")
        first, last = self.app.said(message)
        self.note(f"{what}: first word, model to page", shown["first"] / 1000 - first)
        self.note(f"{what}: last word, model to page", shown["last"] / 1000 - last)
        self.note(f"{what}: whole stream, of {NOMINAL:.1f} s", shown["last"] / 1000 - first)
        self.note(f"{what}: updates of the page", shown["updates"])

    # -- measurements --------------------------------------------------------------------------------------------------

    def switching(self) -> None:
        long, short = TALKS[:LONG], TALKS[LONG : LONG + 6]
        with self.context() as context:
            page = context.new_page()
            self.load(page, TALKS[LONG])
            for number in range(self.rounds + 2):
                warm = number >= 2
                self.switch(page, long[number % LONG], "switch to 500 messages" if warm else None)
                self.switch(page, short[number % len(short)], "switch to 6 messages" if warm else None)

    def loading(self) -> None:
        for _ in range(max(3, self.rounds // 3)):
            with self.context() as context:
                page = context.new_page()
                self.note("first load, 500 messages, empty cache", self.load(page, TALKS[0]))
                self.note("first load, 500 messages, filled cache", self.load(page, TALKS[1]))

    def streaming(self, talk: Conversation, what: str) -> None:
        with self.context() as context:
            page = context.new_page()
            self.load(page, talk)
            for _ in range(self.streams):
                self.await_answer(page, self.ask(page), what)

    def streaming_among_others(self, talks: list[Conversation]) -> None:
        """Streams all talks at once; one window shows the last of them."""
        others = 600 + 160 * self.streams  # words, so that the others are still streaming when the last one ends
        with self.context() as context:
            page = context.new_page()
            self.load(page, talks[0])
            asked = []
            for place, talk in enumerate(talks):
                if place:
                    self.switch(page, talk)
                if talk is not talks[-1]:
                    asked.append(self.ask(page, others))
                    page.get_by_role("button", name="Stop").first.wait_for()
            for _ in range(self.streams):
                self.await_answer(page, self.ask(page), "one of 5 streams at once")
            for message in asked:
                first, last = self.app.said(message)
                self.note(
                    "the other 4 streams: time over nominal, %",
                    ((last - first) / (others - 1) / EVERY * 1000 - 1) * 100,
                )

    def streaming_in_windows(self, talks: list[Conversation], what: str) -> None:
        """Streams all talks at once, each in a window of its own."""
        with self.context() as context:
            pages = []
            for talk in talks:
                pages.append(context.new_page())
                self.load(pages[-1], talk)
            for _ in range(max(2, self.streams // 2)):
                asked = [self.ask(page) for page in pages]
                for page, message in zip(pages, asked, strict=True):
                    self.await_answer(page, message, what)

    def traffic(self) -> None:
        """Measures the network traffic, separately, because observing it takes time."""
        with self.context() as context:
            page = context.new_page()
            traffic = Traffic(page)
            self.load(page, TALKS[LONG + 7])
            for talk in TALKS[:LONG]:
                traffic.reset()
                self.switch(page, talk)
                for what, value in traffic.totals().items():
                    self.note(f"switch: {what}", value)
            self.switch(page, TALKS[LONG + 6])
            traffic.reset()
            self.ask(page)
            page.evaluate("() => bench.streamed")
            for what, value in traffic.totals().items():
                self.note(f"stream of {WORDS} words: {what}", value)


def measure(app: App, browser: Browser, *, rounds: int, streams: int, plain: bool) -> Samples:
    bench = Bench(app, browser, rounds=rounds, streams=streams)
    steps = [
        ("switching", bench.switching),
        ("loading", bench.loading),
        ("traffic", bench.traffic),
        ("streaming", lambda: bench.streaming(TALKS[LONG + 8], "stream, 6 messages before")),
        ("streaming, long", lambda: bench.streaming(TALKS[2], "stream, 500 messages before")),
        ("streaming among others", lambda: bench.streaming_among_others(TALKS[LONG + 10 : LONG + 15])),
        ("streaming in windows", lambda: bench.streaming_in_windows(TALKS[LONG + 15 : LONG + 20], "5 windows at once")),
    ]
    if plain:  # in the plain page a click ends the stream, so nothing can stream among others
        steps = [step for step in steps if step[0] != "streaming among others"]
    for name, step in steps:
        print(f"{app.name}: {name}", file=sys.stderr, flush=True)
        step()
    return bench.samples


def table(ours: Samples, plain: Samples) -> str:
    lines = [
        "| | Colloquy median | p95 | plain Streamlit median | p95 | ratio |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for what, values in ours.items():
        median = statistics.median(values)
        cells = [what, f"{median:.3g}", f"{percentile(values):.3g}"]
        if others := plain.get(what):
            other = statistics.median(others)
            cells += [f"{other:.3g}", f"{percentile(others):.3g}", f"{other / median:.1f}" if median > 0 else ""]
        else:
            cells += ["", "", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def percentile(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, round(0.95 * len(values)))]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the page in Chromium, beside a plain Streamlit page.")
    parser.add_argument("--rounds", type=int, default=15, help="how often each kind of switch is made")
    parser.add_argument("--streams", type=int, default=5, help="how many answers are streamed of each kind")
    parser.add_argument("--no-peer", action="store_true", help="measure Colloquy only")
    given = parser.parse_args()
    plain: Samples = {}
    sizes = {"rounds": given.rounds, "streams": given.streams}
    with tempfile.TemporaryDirectory(prefix="bench-browser-") as name:
        folder = Path(name)
        fill(folder / DATABASE)
        with sync_playwright() as playwright:
            browser = open_browser(playwright)
            with serving("Colloquy", ROOT / "tests" / "support" / "scripted_app.py", folder) as app:
                ours = measure(app, browser, plain=False, **sizes)
            if not given.no_peer:
                with serving(
                    "plain Streamlit", ROOT / "bench" / "chromium" / "peer_streamlit.py", folder / "plain"
                ) as app:
                    plain = measure(app, browser, plain=True, **sizes)
            browser.close()
        ours |= cost_of_runs(folder, TALKS[0].id)
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{len(TALKS)} sessions, {LONG} of 500 messages; seconds where nothing else is said{load}\n")
    print(table(ours, plain))


if __name__ == "__main__":
    main()
