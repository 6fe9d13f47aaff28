"""The overview: the workspaces as a tree, with the agents currently at work in each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from colloquy.runtime.active import ActiveSession
from colloquy.runtime.application import current
from colloquy.ui import state
from colloquy.ui.agents import icon_of
from colloquy.ui.attempts import attempt
from colloquy.ui.components import tick, wake_on_news
from colloquy.ui.demo import demo_mark
from colloquy.ui.formatting import key_of, label, running_for, short_time
from colloquy.ui.state import ALL, Part
from colloquy.ui.workspaces.tree import TreeNode, WorkspaceTree
from session_store.models import SessionKey, SessionStatus, TurnStatus
from session_store.phrases import counted

MATERIAL: Final = ":material/"
ROWS: Final = 12
"""Sessions of a workspace that are shown until the user asks for all."""

LATEST: Final = 160
"""Maximum length in characters of the latest words of an answer."""
LONGEST_REASON: Final = 300
"""Maximum length in characters of the reason why an answer failed."""
AT_WORK: Final = ("running", "queued", "paused")
"""Sessions in these states can be stopped and terminated; others can only be removed from the page."""

WORDS: Final = {
    "running": "Answering",
    "queued": "Queued",
    "paused": "Waiting for you",
    "failed": "Failed",
    "stopped": "Stopped",
    "idle": "Idle",
}
"""The words for what a session is doing. ``ORDER`` sorts them, most urgent first."""

ORDER: Final = ("paused", "failed", "running", "queued", "stopped", "idle")


@st.fragment
def overview() -> None:
    """Draws the whole page, which updates itself."""
    if state.must_give_way(Part.OVERVIEW):
        state.rerun()
    wake_on_news(words="all")
    tick()
    application = current()
    active = [one for one in application.active_sessions() if one.session.key.user_id == application.settings.user]
    workspaces = application.store.workspaces.list()
    for workspace in workspaces:
        application.workspaces.look_soon(workspace)
    problems = application.workspaces.problems()
    tree = WorkspaceTree(workspaces, problems)
    at_work: dict[str, list[ActiveSession]] = {}
    for one in active:
        at_work.setdefault(one.session.workspace_id, []).append(one)
    st.title("Overview", anchor=False)
    demo_mark()
    st.caption(_summary(active))
    _marks(tree, active)
    with st.container(key="overview", gap="xxsmall"):
        for place in tree.places.values():
            _node(place, at_work.get(place.id, []), problems.get(place.id))
    if not active:
        st.button("Start a chat", key="start-chat", type="primary", icon=":material/edit_square:", on_click=_new_chat)


def doing(one: ActiveSession) -> str:
    """Returns what a session is doing, as a key of ``WORDS``."""
    if one.session.status is not SessionStatus.IDLE:
        return one.session.status.value
    if one.last_status is TurnStatus.STOPPED:
        return "stopped"
    return "failed" if one.last_status is TurnStatus.FAILED else "idle"


def _summary(active: Sequence[ActiveSession]) -> str:
    if not active:
        return "No active agents. Chats you start or continue appear here under their workspace."
    counts = Counter(map(doing, active))
    chats = counted(len(active), "chat")
    return " · ".join([chats, *(f"{counts[kind]:,} {WORDS[kind].lower()}" for kind in ORDER if counts[kind])])


def _marks(tree: WorkspaceTree, active: Sequence[ActiveSession]) -> None:
    """Draws the depth of the rows and the state of their icons as one style sheet, so that a change redraws no row."""
    depths = {place.id: place.depth for place in tree.places.values()}
    rules = [
        f".st-key-node-{key_of(place.id)}, .st-key-about-{key_of(place.id)} {{ --depth: {place.depth}; }}"
        for place in tree.places.values()
    ]
    for one in active:
        depth = depths.get(one.session.workspace_id, 0) + 1
        session_id = key_of(one.session.key.session_id)
        rules.append(f".st-key-work-{session_id} {{ --depth: {depth}; {MARKS[doing(one)]} }}")
        rules.append(f".st-key-about-{session_id} {{ --depth: {depth}; }}")
    st.html(f"<i></i><style>{' '.join(rules)}</style>")


MARKS: Final = {
    "running": "--icon-color: var(--accent); --icon-motion: pulse 1.2s ease-in-out infinite;",
    "queued": "--icon-color: var(--accent);",
    "paused": "--icon-color: var(--asks);",
    "failed": "--icon-color: var(--failed);",
    "stopped": "",
    "idle": "",
}


def _node(place: TreeNode, at_work: Sequence[ActiveSession], problem: str | None) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"node-{key_of(place.id)}"):
        st.button(
            label(place.workspace.name),
            icon=place.icon,
            key=f"go-{place.id}",
            type="tertiary",
            on_click=_choose,
            args=(place.id,),
        )
        if at_work:
            st.html(_badges(at_work), width="content")
    if problem:
        with st.container(key=f"about-{key_of(place.id)}"):
            st.html(f'<div><span class="why">{escape(f"Its data is unavailable. {problem}")}</span></div>')
    shown = at_work if st.session_state.get(f"all-{place.id}") else at_work[:ROWS]
    for one in shown:
        _row(one)
    if len(at_work) > len(shown):
        st.button(
            f"Show {len(at_work) - len(shown)} more",
            key=f"more-{place.id}",
            type="tertiary",
            on_click=_show_all,
            args=(place.id,),
        )


def _badges(at_work: Sequence[ActiveSession]) -> str:
    """Returns the agents in a workspace as HTML: an icon each, with a count if there are several chats.

    An icon has the color of its most urgent chat, and pulses while any of its chats is being answered.
    """
    ordered = sorted(at_work, key=lambda one: one.session.key.app_name)
    return "".join(
        _badge(agent_id, list(chats)) for agent_id, chats in groupby(ordered, key=lambda one: one.session.key.app_name)
    )


def _badge(agent_id: str, chats: Sequence[ActiveSession]) -> str:
    agent = current().agents.find(agent_id)
    kinds = Counter(map(doing, chats))
    classes = " ".join(
        ["badge", next(kind for kind in ORDER if kinds[kind]), *(["at-work"] if kinds["running"] else [])]
    )
    icon = icon_of(agent)
    glyph = f'<i class="glyph">{escape(_ligature(icon))}</i>' if icon.startswith(MATERIAL) else escape(icon)
    count = f"<b>{len(chats):,}</b>" if len(chats) > 1 else ""
    name = escape(f"{agent.name if agent else agent_id}: {_in_words(kinds)}")
    return f'<span class="{classes}" role="img" aria-label="{name}" title="{name}">{glyph}{count}</span>'


def _ligature(icon: str) -> str:
    return icon.removeprefix(MATERIAL).rstrip(":")


def _in_words(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{kinds[kind]:,} {WORDS[kind].lower()}" for kind in ORDER if kinds.get(kind))


def _row(one: ActiveSession) -> None:
    session, kind = one.session, doing(one)
    session_id = session.key.session_id
    title = state.title_of(session)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=f"work-{key_of(session_id)}"):
        st.button(
            label(title),
            icon=icon_of(current().agents.find(session.key.app_name)),
            key=f"enter-{session_id}",
            type="tertiary",
            width="stretch",
            on_click=_open,
            args=(session_id,),
        )
        st.html(f'<span class="doing">{WORDS[kind]} {_since(one, kind)}</span>', width="content")
        if kind in AT_WORK:
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                key=f"halt-{session_id}",
                type="tertiary",
                help=f"Stop the running turn in “{label(title)}”. The chat is kept.",
                on_click=_stop,
                args=(session.key,),
            )
            st.button(
                "Terminate",
                icon=":material/power_settings_new:",
                key=f"terminate-{session_id}",
                type="tertiary",
                help=f"End “{label(title)}” and remove it from this page. A new message resumes it.",
                on_click=_terminate,
                args=(session.key,),
            )
        else:
            st.button(
                "Dismiss",
                icon=":material/close:",
                key=f"dismiss-{session_id}",
                type="tertiary",
                help=f"Hide “{label(title)}” from this page until its next message. The chat is unchanged.",
                on_click=_dismiss,
                args=(session.key,),
            )
        st.link_button(
            f"Open {label(title)} in new window",
            f"./?{urlencode({state.SESSION: session_id})}",
            icon=":material/open_in_new:",
            key=f"window-{session_id}",
            type="tertiary",
        )
    with st.container(key=f"about-{key_of(session_id)}"):
        st.html(_about(one, kind))


def _since(one: ActiveSession, kind: str) -> str:
    """Says how long an agent has been working, or when it ended."""
    turn = one.last_turn
    if kind not in AT_WORK or turn is None:
        return f"· {short_time(one.session.updated_at)}"
    begin = {"running": turn.started_at, "paused": one.session.updated_at}.get(kind) or turn.created_at
    return f"for {running_for(time.time() - begin)}"


def _about(one: ActiveSession, kind: str) -> str:
    """Describes a session's model and its answer: the latest words, what it waits for, or why it failed."""
    model = one.last_turn.model if one.last_turn else one.session.model
    facts = [f"<b>{escape(current().models.label(model))}</b>"] if model else []
    if kind == "running":
        facts.append(f'<span class="words">{escape(_latest_words(one.session.key)) or "No answer yet."}</span>')
    elif kind == "paused":
        facts.append("A tool needs your approval.")
    elif kind == "failed" and one.last_turn and one.last_turn.error:
        reason = " ".join(one.last_turn.error.split())
        cut = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}…"
        facts.append(f'<span class="why">{escape(cut)}</span>')
    return f"<div>{' '.join(facts)}</div>"


def _latest_words(key: SessionKey) -> str:
    text = next((view.text for view in current().turns.live(key) if view.text), "")
    line = " ".join(text[-4 * LATEST :].split())
    return line if len(line) <= LATEST else f"…{line[-LATEST:]}"


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _open(session_id: str) -> None:
    state.open_session(session_id)
    state.go_to(state.CHAT)
    state.touch(Part.PAGE)


def _choose(workspace_id: str) -> None:
    state.choose_workspace(workspace_id)
    state.go_to(state.CHAT)
    state.touch(Part.PAGE)


def _new_chat() -> None:
    if state.chosen_workspace() != ALL:
        state.new_chat()
    state.go_to(state.CHAT)
    state.touch(Part.PAGE)


def _stop(key: SessionKey) -> None:
    for view in current().turns.live(key):
        current().turns.stop(view.turn.id)
    state.touch(Part.OVERVIEW)


def _terminate(key: SessionKey) -> None:
    attempt(lambda: current().terminate_sessions([key]))
    state.touch(Part.OVERVIEW)


def _dismiss(key: SessionKey) -> None:
    attempt(lambda: current().dismiss_sessions([key]))
    state.touch(Part.OVERVIEW)


def _show_all(workspace_id: str) -> None:
    st.session_state[f"all-{workspace_id}"] = True
    state.touch(Part.OVERVIEW)
