"""Small components of our own for elements that Streamlit lacks."""

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


@cache
def asset(module: str, name: str) -> str:
    """Returns the text of a file beside a module, whose ``__file__`` is given."""
    return (Path(module).parent / name).read_text(encoding="utf-8")


def wake_on_news(session_id: str | None = None, *, words: bool | Literal["all"] = True) -> None:
    """Reruns the surrounding fragment when a session, or with None the list of sessions, has news.

    ``words`` tells whether words of a running answer count as news of a session. Each session may have one fragment
    with them and one without. "all" stands for the words of all sessions, about once a second.

    The server tells the browser through a WebSocket, so that an idle page costs nothing and news shows at once.
    """
    mount = st.components.v2.component("colloquy.wake", js=asset(__file__, "wake.js"))
    key = f"wake-{session_id or 'list'}" if words else f"wake-results-{session_id}"
    mount(key=key, data={"session": session_id, "words": words}, on_news_change=_nothing, height=0)


def tick() -> None:
    """Keeps the durations from ``colloquy.ui.formatting.running_for`` on the page counting every second."""
    mount = st.components.v2.component("colloquy.tick", js=asset(__file__, "tick.js"))
    mount(key="tick", height=0)


def follow_end(session_id: str, sent: int) -> None:
    """Keeps the end of the conversation in view until the user scrolls away, then offers a button to return.

    ``sent`` counts the messages sent from this tab: each one brings the end into view again.
    """
    mount = st.components.v2.component(
        "colloquy.follow",
        html=asset(__file__, "follow.html"),
        css=asset(__file__, "follow.css"),
        js=asset(__file__, "follow.js"),
    )
    mount(key=f"follow-{session_id}", data={"session": session_id, "sent": sent}, height="content")


def visit(url: str) -> None:
    """Makes the browser follow a link within the app.

    If Streamlit itself switched the page, Back would lead to the previous page without the filters in its URL.
    """
    mount = st.components.v2.component("colloquy.visit", js=asset(__file__, "visit.js"))
    mount(key="visit", data={"url": url, "number": time.time_ns() // 1_000_000}, height=0)


def remember(name: str, value: str) -> None:
    """Saves a choice as a browser cookie for a year; ``st.context.cookies`` has it from the next visit on."""
    mount = st.components.v2.component("colloquy.remember", js=asset(__file__, "remember.js"))
    mount(key=f"remember-{name}", data={"name": name, "value": value}, height=0)


def title_field(
    session_id: str,
    title: str,
    *,
    longest: int,
    on_title: Callable[[str], None],
    on_leave: Callable[[], None],
) -> None:
    """Draws a field for a new title of a session, with the focus in it and the present ``title`` selected.

    Enter passes what was typed to ``on_title``. Escape, and a click elsewhere before anything was typed, call
    ``on_leave``. ``st.text_input`` would save its content as soon as the user clicks elsewhere.
    """
    mount = st.components.v2.component(
        "colloquy.title",
        html=asset(__file__, "title.html"),
        css=asset(__file__, "title.css"),
        js=asset(__file__, "title.js"),
    )
    key = f"title-{session_id}"

    def given() -> None:
        typed = st.session_state[key].get("title")
        if isinstance(typed, str):
            on_title(typed[:longest])

    mount(key=key, data={"title": title, "longest": longest}, on_title_change=given, on_leave_change=on_leave)


@dataclass(frozen=True, slots=True)
class Command:
    """An entry of the menu after a ``/``.

    It has a ``name``, a description (``about``), and the ``text`` that choosing it inserts. Without a text it is a note
    that cannot be chosen.
    """

    name: str
    about: str
    text: str = ""


def assist_typing(commands: Sequence[Command], returned: tuple[str, int] | None) -> None:
    """Helps with typing in the message input.

    It suggests the ``commands`` that match what was typed after a ``/``, stops the answer on Escape, and sends nothing
    while a file is shown as refused. It puts the text of a message that was not sent back into the field, once and
    before what was typed meanwhile; ``returned`` is that text and a number that grows.
    """
    mount = st.components.v2.component("colloquy.composer", js=asset(__file__, "composer.js"))
    listed = [{"name": one.name, "about": one.about, "text": one.text} for one in commands]
    mount(key="assist", data={"commands": listed, "returned": returned}, height=0)


def jump_to(anchors: list[str], number: int) -> None:
    """Scrolls a part of the page into view, once for each new ``number``: the first existing element with one of these
    keys."""
    mount = st.components.v2.component("colloquy.jump", js=asset(__file__, "jump.js"))
    mount(key="jump", data={"anchors": anchors, "number": number}, height=0)


def open_window(url: str, number: int) -> None:
    """Opens a page in a new window, once for each new ``number``. Browsers allow this only right after a click."""
    mount = st.components.v2.component("colloquy.window", js=asset(__file__, "window.js"))
    mount(key="window", data={"url": url, "number": number}, height=0)


def uncover_page(number: int) -> None:
    """Closes the sidebar if it covers the page, as on a phone, once for each new ``number``."""
    mount = st.components.v2.component("colloquy.uncover", js=asset(__file__, "uncover.js"))
    mount(key="uncover", data={"number": number}, height=0)


@dataclass(frozen=True, slots=True)
class Rating:
    """A user's rating of a message."""

    score: Literal[1, -1] | None = None
    comment: str = ""


def _no_version(number: int) -> None:
    del number


@dataclass(frozen=True, slots=True)
class Actions:
    """The actions on a message: ``buttons`` by label, and switching between its ``versions``.

    ``version`` is the number of the version that is shown, from 1.
    """

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
    """Draws the toolbar below a message: a ``note``, a button that copies ``text``, and the buttons of ``actions``.

    With a ``rating`` it has thumbs and a comment as well, and calls ``on_rating`` when the user changes them. It is a
    single element: a page has many toolbars, and every separate element costs the browser time at each switch.
    """
    mount = st.components.v2.component(
        "colloquy.toolbar",
        html=asset(__file__, "toolbar.html"),
        css=asset(__file__, "toolbar.css"),
        js=asset(__file__, "toolbar.js"),
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
    """Parses a rating as the browser sends it; None for anything else."""
    if not isinstance(given, Mapping):
        return None
    score, comment = SCORES.get(given.get("score")), given.get("comment")
    return Rating(score, comment.strip()[:LONGEST_COMMENT]) if isinstance(comment, str) else None


def _nothing() -> None:
    """Does nothing: only the rerun is wanted."""
