"""How long a user waits for the analytics page, in Chromium.

    python -m bench.analytics_page [--messages 1000000] [--sessions 10000] [--rounds 5] [--folder .]

Generates demo conversations, serves the app on them, and measures the time from the request until every figure and
chart is drawn: on the first visit (cold) while the app is still starting and some seconds later, on a reload, and after
a change of a filter.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from colloquy.demo import fill
from colloquy.runtime.application import DATABASE
from tests.support.browsers import OPTIONS, chromium_path
from tests.support.servers import Server

DRAWN = """
(before) => {
    if (document.querySelector('[data-stale="true"], [data-testid="stStatusWidget"]')) return null;
    const mounts = (within) => [...document.querySelectorAll(within)].flatMap((host) => host.shadowRoot ?? []);
    const name = 'button[data-name="conversations"] .value';
    const figure = mounts('.st-key-figures *').map((root) => root.querySelector(name)).find(Boolean)?.textContent;
    if (!figure || figure === before) return null;
    const cards = document.querySelectorAll('[class*="st-key-card-head-"]').length;
    const charts = document.querySelectorAll('[data-testid="stVegaLiteChart"] svg.marks').length;
    if (cards !== 11 || charts !== 4) return null;
    const bars = mounts('[class*="st-key-bars-"] *').filter((root) => root.querySelector('ul.bars > li')).length;
    return bars === 7 ? figure : null;
}
"""
"""Returns the number of conversations once the page is complete and the number differs from ``before``."""
CHANGED = f"""
(before) => {{
    const drawn = {DRAWN};
    const watch = {{}};
    const changed = (resolve) => {{
        const begin = performance.now();
        const look = () => {{
            if (drawn(before)) resolve((performance.now() - begin) / 1000);
            else requestAnimationFrame(look);
        }};
        look();
    }};
    watch.seconds = new Promise((resolve) => {{
        document.addEventListener("pointerdown", () => changed(resolve), {{ capture: true, once: true }});
    }});
    return watch;
}}
"""
"""Returns the seconds from the next mouse press until the page is complete with a different number."""
PATIENCE = 120_000
COLD = {"cold, at the start of the app": 0.0, "cold, some seconds later": 5.0}
"""Seconds since the app started."""


def visit(page: Page, url: str) -> float:
    """Returns the seconds from the request until the page is complete, by the browser's clock."""
    page.goto(url)
    complete = f"() => ({DRAWN})() && performance.now() / 1000"
    return float(page.wait_for_function(complete, timeout=PATIENCE, polling="raf").json_value())


def choose(page: Page, option: str) -> float:
    """Returns the seconds from choosing an option of a button group until the page shows all of the new figures, by the
    browser's clock."""
    watch = page.evaluate_handle(CHANGED, page.evaluate(DRAWN))
    page.get_by_test_id("stButtonGroup").get_by_text(option, exact=True).first.click()
    return float(watch.evaluate("watch => watch.seconds"))


def measure(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Returns seconds by what was waited for."""
    times: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=OPTIONS)
        for _ in range(rounds):
            for cold, up in COLD.items():
                server = Server(folder).start()
                try:
                    context = browser.new_context(viewport={"width": 1400, "height": 900})
                    page = context.new_page()
                    # By then the browser has the app loaded, as for a user who comes from their chats.
                    page.goto(server.url)
                    page.get_by_placeholder("Write a message").wait_for(timeout=PATIENCE)
                    time.sleep(up)
                    address = f"{server.url}/analytics?show=All&period=Year"
                    times.setdefault(cold, []).append(visit(page, address))
                    times.setdefault("again", []).append(visit(page, address))
                    for option in ("Saved", "All"):
                        times.setdefault(f"filter: {option}", []).append(choose(page, option))
                    context.close()
                finally:
                    server.close()
        browser.close()
    return times


def main() -> None:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path())
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        data = Path(folder) / "data"
        fill(data / DATABASE, sessions=chosen.sessions, messages=chosen.messages, until=datetime.now(UTC).date())
        times = measure(data, chosen.rounds)
    print(f"{chosen.messages:,} messages in {chosen.sessions:,} conversations, median of {chosen.rounds} rounds")
    for what, taken in times.items():
        print(f"{what:32} {statistics.median(taken):6.2f} s   ({min(taken):.2f} to {max(taken):.2f})")


if __name__ == "__main__":
    main()
