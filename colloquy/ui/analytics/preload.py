"""What the first visit of the page needs, made before somebody comes."""

from __future__ import annotations

import contextlib

import colloquy.ui.analytics.page  # noqa: F401 - the visit finds it imported
from colloquy.runtime.application import Application
from colloquy.ui.analytics.cards import preload_charts
from colloquy.ui.analytics.scope_bar import usual_scope
from colloquy.ui.analytics.source import analytics_of
from session_store.errors import ColloquyError
from session_store.prices import price_list


def warm(application: Application) -> None:
    """Gather the facts, and make a first report, which takes twice as long as later ones, whatever they are about."""
    # The store was closed meanwhile, or something is wrong: that is said to who opens the page.
    with contextlib.suppress(ColloquyError):
        known = analytics_of(application.store)
        if known.rollups().first is not None:
            known.report(usual_scope(price_list(application.settings.data_dir)))
            preload_charts()
