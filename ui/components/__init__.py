"""What Streamlit has no element for, as small components of our own."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent


@cache
def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def wake_on_news(session_id: str | None = None, *, words: bool = True) -> None:
    """Rerun the fragment around this whenever a session, or with None the list of sessions, has something new.

    ``words`` tells whether the words of a running answer are news of a session. Each session may have one fragment
    with them and one without.

    The browser is told through a WebSocket, so that an idle page costs nothing and news show at once.
    """
    mount = st.components.v2.component("colloquy.wake", js=_read("wake.js"))
    key = f"wake-{session_id or 'list'}" if words else f"wake-results-{session_id}"
    mount(key=key, data={"session": session_id, "words": words}, on_news_change=_nothing, height=0)


def follow_end(session_id: str, sent: int) -> None:
    """Keep the end of the conversation in view until the person scrolls away from it.

    ``sent`` counts the messages sent from this tab: each one brings the end into view again.
    """
    mount = st.components.v2.component("colloquy.follow", js=_read("follow.js"))
    mount(key=f"follow-{session_id}", data={"session": session_id, "sent": sent}, height=0)


def jump_to(anchors: list[str], number: int) -> None:
    """Bring a part of the page into view, once for each new ``number``: the first of the elements with these keys that
    there is."""
    mount = st.components.v2.component("colloquy.jump", js=_read("jump.js"))
    mount(key="jump", data={"anchors": anchors, "number": number}, height=0)


def message_foot(key: str, note: str, text: str) -> None:
    """A quiet ``note`` below a message, with a button that copies ``text``.

    One element for both: a page has many of them, and every element of its own costs the browser time at each switch.
    """
    mount = st.components.v2.component(
        "colloquy.copy", html=_read("copy.html"), css=_read("copy.css"), js=_read("copy.js")
    )
    mount(key=f"copy-{key}", data={"note": note, "text": text}, width="content", height="content")


def _nothing() -> None:
    """The rerun itself is all that is wanted."""
