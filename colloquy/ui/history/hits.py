"""The matches of a search, each in its context."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import streamlit as st

from colloquy.ui.formatting import long_time
from colloquy.ui.history.links import reader_url
from colloquy.ui.history.table import NEW_CHAT
from colloquy.ui.history.view import View
from session_store.history.models import Hit

KEY: Final = "history-hits"
KINDS: Final[Mapping[str, str]] = {
    "title": "Title",
    "message": "Message",
    "tool call": "Tool call",
    "detail": "Thought, source or file",
}
_SCRIPT: Final = Path(__file__).parent / "hits.js"


def hits(found: Sequence[Hit], view: View, on_open: Callable[[Hit], None]) -> None:
    """Draws a page of matches. Each links to its message."""
    mount = st.components.v2.component(
        "colloquy.hits", html="<ol></ol>", js=_SCRIPT.read_text(encoding="utf-8"), isolate_styles=False
    )

    known = {_href(hit, view): hit for hit in found}

    def opened() -> None:
        if hit := known.get(str(st.session_state[KEY].opened)):
            on_open(hit)

    mount(key=KEY, data={"hits": [_drawn(hit, view) for hit in found]}, on_opened_change=opened, height="content")


def _drawn(hit: Hit, view: View) -> dict[str, Any]:
    return {
        "href": _href(hit, view),
        "title": hit.title or NEW_CHAT,
        "kind": KINDS[hit.kind],
        "when": long_time(hit.at),
        "pieces": pieces(hit.excerpt, hit.marks),
    }


def _href(hit: Hit, view: View) -> str:
    return reader_url(hit.key.session_id, hit.event_id, view)


def pieces(excerpt: str, marks: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """Splits an excerpt at its marks: texts, and whether each is marked."""
    cut: list[tuple[str, bool]] = []
    end = 0
    for begin, after in sorted(marks):
        cut += [(excerpt[end:begin], False), (excerpt[max(begin, end) : after], True)]
        end = max(end, after)
    return [(text, marked) for text, marked in [*cut, (excerpt[end:], False)] if text]
