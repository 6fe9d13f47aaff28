"""Prepares what the first visit of the page needs before it happens."""

from __future__ import annotations

import contextlib

import colloquy.ui.analytics.page  # noqa: F401 - imported before the first visit
from colloquy.runtime.application import Application
from colloquy.ui.analytics.cards import preload_charts
from colloquy.ui.analytics.scope_bar import usual_scope
from colloquy.ui.analytics.source import analytics_of
from session_store.errors import ColloquyError
from session_store.prices import price_list


def warm(application: Application) -> None:
    """Gathers the facts and makes a first report, which takes twice as long as later ones, whatever they are about."""
    # If the store was closed meanwhile or something is wrong, the page reports it when it is opened.
    with contextlib.suppress(ColloquyError):
        known = analytics_of(application.store)
        if known.rollups().first is not None:
            known.report(usual_scope(price_list(application.settings.data_dir)))
            preload_charts()
