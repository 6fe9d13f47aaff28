"""Setup for all tests: signals, logging, and whether tests that need a browser run."""

import contextlib
import os
import shutil
import signal
import sys
from collections import Counter

import pytest
import structlog

from session_store import Store
from session_store.engine.database import Database
from tests.agents.data.postgres import postgres_url
from tests.support.browsers import chromium_path

__all__ = ["postgres_url"]

NO_BROWSER = "No Chromium or Chrome was found. Install one, or name it in COLLOQUY_CHROMIUM."
BROWSER_REQUIRED = "COLLOQUY_REQUIRE_BROWSER"

SLOW = 15
"""How many other tests take as long as one that is marked as slow, about."""

MAKE_STORES = {"test_migrations.py", "test_files.py", "test_folders.py", "test_odd_files.py"}
"""Files of tests for which each new store is made as a person's is."""

MAIN = sys.modules["__main__"]
REPORT = pytest.StashKey[pytest.TestReport]()


NEEDED_SIGNALS = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))


def pytest_configure():
    """Restore signals. A shell starts background jobs with SIGINT ignored, nohup with SIGHUP, and child processes
    inherit that: a test that interrupts one would wait forever."""
    for number in NEEDED_SIGNALS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, NEEDED_SIGNALS)


# As in the app. By default, structlog prints the variables of every frame, which takes seconds for a failed turn.
*before, _ = structlog.get_config()["processors"]
structlog.configure(
    processors=[*before, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
)


def needs_browser(item: pytest.Item) -> bool:
    return item.get_closest_marker("browser") is not None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Run browser tests last: Playwright keeps an event loop in this thread, and no other can run beside it. Of several
    processes, each takes the next file when it is done with one: the longest come first, so that all end together."""
    items.sort(key=needs_browser)
    if hasattr(config, "workerinput"):
        length = Counter()
        for item in items:
            length[item.path] += SLOW if item.get_closest_marker("slow") else 1
        items.sort(key=lambda item: (needs_browser(item), -length[item.path], item.path))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if needs_browser(item) and not chromium_path():
        if os.environ.get(BROWSER_REQUIRED) == "1":
            pytest.fail(NO_BROWSER, pytrace=False)
        pytest.skip(NO_BROWSER)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown():
    """Restore ``__main__``. A page that AppTest has run stays there, and processes that a later test starts would run
    it first."""
    sys.modules["__main__"] = MAIN


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A file as a new store makes it, which takes three times as long as opening it."""
    path = tmp_path_factory.mktemp("empty") / "empty.duckdb"
    Store(path).close()
    return path


@pytest.fixture(scope="module", autouse=True)
def _new_stores_are_copies(request, empty_store):
    """Most tests begin with a new store, and few are about how one is made."""
    if request.path.name in MAKE_STORES or "faults" in request.path.parts:
        yield
        return
    open_file = Database._open

    def open_copy(database):
        if not os.path.lexists(database.path) and not database.path.with_name(f"{database.path.name}.wal").exists():
            with contextlib.suppress(OSError, ValueError):
                shutil.copyfile(empty_store, database.path)
        return open_file(database)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Database, "_open", open_copy)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.stash[REPORT] = report
    return report


def pytest_terminal_summary(terminalreporter):
    if skipped := sum(NO_BROWSER in str(report.longrepr) for report in terminalreporter.getreports("skipped")):
        terminalreporter.write_line(
            f"!!! {skipped} TESTS IN THE BROWSER WERE SKIPPED: {NO_BROWSER} !!!", red=True, bold=True
        )
