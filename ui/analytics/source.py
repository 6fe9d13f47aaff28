"""The analytics of the store that this process has open."""

from __future__ import annotations

import contextlib
import importlib
import threading
from functools import lru_cache

from runtime.workbench import Workbench, current
from session_store.analytics import Analytics
from session_store.errors import ColloquyError
from session_store.prices import price_list
from session_store.store import Store

WARM_AFTER = 1.0
"""Seconds after the start of the app, which has other things to do first."""


def analytics() -> Analytics:
    """One for all tabs, so that they share what was computed."""
    return _of(current().store)


def warm_later() -> threading.Timer:
    """Have the first visit of the page find what it needs in memory. To be cancelled when the app ends before."""
    timer = threading.Timer(WARM_AFTER, _warm, args=[current()])
    timer.daemon = True
    timer.start()
    return timer


def _warm(workbench: Workbench) -> None:
    importlib.import_module("ui.analytics.desk")
    # The store was closed meanwhile, or something is wrong: that is said to who opens the page.
    with contextlib.suppress(ColloquyError):
        known = _of(workbench.store)
        facts = known.facts()
        if facts.first is not None:
            # The first report takes twice as long as later ones, whatever they are about.
            prices = price_list(workbench.settings.data_dir)
            known.report(importlib.import_module("ui.analytics.scope_bar").usual_scope(facts, prices))
            importlib.import_module("ui.analytics.cards").draw_ahead()


@lru_cache(maxsize=1)
def _of(store: Store) -> Analytics:
    return Analytics(store)
