"""What Streamlit has no element for, as small components of our own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import streamlit as st

from session_store.limits import LONGEST_COMMENT

SCORES: dict[object, Literal[1, -1]] = {1: 1, -1: -1}

_HERE = Path(__file__).parent


@cache
def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def wake_on_news(session_id: str | None = None, *, words: bool | Literal["all"] = True) -> None:
    """Rerun the fragment around this whenever a session, or with None the list of sessions, has something new.

    ``words`` tells whether the words of a running answer are news of a session. Each session may have one fragment
    with them and one without. "all" stands for the words of all sessions, about once a second.

    The browser is told through a WebSocket, so that an idle page costs nothing and news show at once.
    """
    mount = st.components.v2.component("colloquy.wake", js=_read("wake.js"))
    key = f"wake-{session_id or 'list'}" if words else f"wake-results-{session_id}"
    mount(key=key, data={"session": session_id, "words": words}, on_news_change=_nothing, height=0)


def tick() -> None:
    """Have the durations of ``colloquy.ui.formatting.running_for`` on the page go on from second to second."""
    mount = st.components.v2.component("colloquy.tick", js=_read("tick.js"))
    mount(key="tick", height=0)


def follow_end(session_id: str, sent: int) -> None:
    """Keep the end of the conversation in view until the person scrolls away from it, and offer the way back then.

    ``sent`` counts the messages sent from this tab: each one brings the end into view again.
    """
    mount = st.components.v2.component(
        "colloquy.follow", html=_read("follow.html"), css=_read("follow.css"), js=_read("follow.js")
    )
    mount(key=f"follow-{session_id}", data={"session": session_id, "sent": sent}, height="content")


def visit(url: str) -> None:
    """Have the browser go to an address of the app as it follows a link. From a page that Streamlit itself switches to,
    the way back leads to one without the filters that stood in its URL."""
    mount = st.components.v2.component("colloquy.visit", js=_read("visit.js"))
    mount(key="visit", data={"url": url, "number": time.time_ns() // 1_000_000}, height=0)


def remember(name: str, value: str) -> None:
    """Have the browser keep a choice as a cookie, for a year: ``st.context.cookies`` has it from the next visit on."""
    mount = st.components.v2.component("colloquy.remember", js=_read("remember.js"))
    mount(key=f"remember-{name}", data={"name": name, "value": value}, height=0)


def title_field(
    session_id: str,
    title: str,
    *,
    longest: int,
    on_title: Callable[[str], None],
    on_leave: Callable[[], None],
) -> None:
    """A field for a new title of a session, with the focus in it and the present ``title`` selected.

    Enter gives ``on_title`` what was typed. Escape, and a click elsewhere before anything was typed, call
    ``on_leave``. ``st.text_input`` would save whatever stands in it as soon as one clicks elsewhere.
    """
    mount = st.components.v2.component(
        "colloquy.title", html=_read("title.html"), css=_read("title.css"), js=_read("title.js")
    )
    key = f"title-{session_id}"

    def given() -> None:
        typed = st.session_state[key].get("title")
        if isinstance(typed, str):
            on_title(typed[:longest])

    mount(key=key, data={"title": title, "longest": longest}, on_title_change=given, on_leave_change=on_leave)


@dataclass(frozen=True, slots=True)
class Command:
    """What can follow a ``/``: its ``name``, what it is ``about``, and the ``text`` that choosing it writes. Without a
    text it is a note that cannot be chosen."""

    name: str
    about: str
    text: str = ""


def assist_typing(commands: Sequence[Command]) -> None:
    """Help in the message input: the ``commands`` that fit what was typed after a ``/``, Escape that stops the answer,
    and nothing sent without a file that is shown as refused."""
    mount = st.components.v2.component("colloquy.composer", js=_read("composer.js"))
    told = [{"name": one.name, "about": one.about, "text": one.text} for one in commands]
    mount(key="assist", data={"commands": told}, height=0)


def jump_to(anchors: list[str], number: int) -> None:
    """Bring a part of the page into view, once for each new ``number``: the first of the elements with these keys that
    there is."""
    mount = st.components.v2.component("colloquy.jump", js=_read("jump.js"))
    mount(key="jump", data={"anchors": anchors, "number": number}, height=0)


def open_window(url: str, number: int) -> None:
    """Open a page in a window of its own, once for each new ``number``. Browsers allow it just after a click."""
    mount = st.components.v2.component("colloquy.window", js=_read("window.js"))
    mount(key="window", data={"url": url, "number": number}, height=0)


def uncover_page(number: int) -> None:
    """Close the sidebar where it lies over the page, as on a phone, once for each new ``number``."""
    mount = st.components.v2.component("colloquy.uncover", js=_read("uncover.js"))
    mount(key="uncover", data={"number": number}, height=0)


@dataclass(frozen=True, slots=True)
class Rating:
    """What a person thinks of a message."""

    score: Literal[1, -1] | None = None
    comment: str = ""


def _no_version(number: int) -> None:
    del number


@dataclass(frozen=True, slots=True)
class Actions:
    """What can be done with a message: ``buttons`` by their labels, and going to another of its ``versions``, of which
    the one that is shown has the number ``version``, from 1."""

    buttons: tuple[str, ...]
    on_button: Callable[[str], None]
    version: int = 1
    versions: int = 1
    on_version: Callable[[int], None] = _no_version


def message_toolbar(
    key: str,
    note: str,
    text: str,
    *,
    rating: Rating | None = None,
    on_rating: Callable[[Rating], None] | None = None,
    actions: Actions | None = None,
) -> None:
    """A quiet ``note`` below a message, with a button that copies ``text``, the buttons of ``actions`` and, with a
    ``rating``, thumbs and a comment, which ``on_rating`` gets when the person changes them.

    One element for all: a page has many of them, and every element of its own costs the browser time at each switch.
    """
    mount = st.components.v2.component(
        "colloquy.toolbar", html=_read("toolbar.html"), css=_read("toolbar.css"), js=_read("toolbar.js")
    )
    data: dict[str, object] = {"note": note, "text": text, "rated": rating is not None}
    if actions:
        data |= {"actions": list(actions.buttons), "version": actions.version, "versions": actions.versions}
    if rating:
        data |= {"score": rating.score, "comment": rating.comment}
    element = f"copy-{key}"

    def rated() -> None:
        if on_rating and (given := _rating(st.session_state[element].get("rating"))):
            on_rating(given)

    def acted() -> None:
        act = st.session_state[element].get("act")
        if actions and act in actions.buttons:
            actions.on_button(act)
        elif actions and act in (-1, 1) and 0 < actions.version + act <= actions.versions:
            actions.on_version(actions.version + act)

    mount(
        key=element,
        data=data,
        on_rating_change=rated,
        on_act_change=acted,
        width="content",
        height="content",
    )


def _rating(given: object) -> Rating | None:
    """A rating as the browser sends it; None for anything else."""
    if not isinstance(given, Mapping):
        return None
    score, comment = SCORES.get(given.get("score")), given.get("comment")
    return Rating(score, comment.strip()[:LONGEST_COMMENT]) if isinstance(comment, str) else None


def _nothing() -> None:
    """The rerun itself is all that is wanted."""
