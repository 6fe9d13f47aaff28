"""The list of sessions in the sidebar."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from urllib.parse import urlencode

import streamlit as st

from colloquy.runtime.application import current
from colloquy.ui import dialogs, state
from colloquy.ui.attempts import attempt
from colloquy.ui.components import open_window, title_field, uncover_page, wake_on_news
from colloquy.ui.data.export_dialog import export_dialog
from colloquy.ui.demo import demo_mark
from colloquy.ui.formatting import SAVED, group, key_of, label, relative_time, short_time
from colloquy.ui.state import ALL, Part
from colloquy.ui.undo import grace, undo_bar
from colloquy.ui.workspaces.menu import move_dialog, redraw_when_workspaces_change, workspace_menu
from session_store.history.branches import BRANCH_SUFFIX
from session_store.history.words import Marks, excerpt_of
from session_store.limits import LONGEST_SEARCH, LONGEST_TITLE
from session_store.models import GENERAL, Page, SessionKey, SessionStatus, SessionSummary
from session_store.phrases import counted

ROWS = 30
SAVED_ROWS = 8
"""Rows of saved sessions at first, few enough that today's sessions are in view below them."""
PLACE = 20
"""Maximum length in characters of a workspace's name in front of the words that a search found."""
ANY_AGENT = "All agents"

MINUTE = 60.0
"""Seconds after which the times in the rows are out of date."""

RENAME, SAVE, UNSAVE, MOVE, EXPORT, DELETE = "Rename", "Save", "Remove from saved", "Move to…", "Export…", "Delete"
WINDOW, TERMINATE = "Open in new window", "Terminate"
OPENED = "opened_window"
"""Key in the state of the tab: the URL last opened in a window of its own, and how many windows were opened."""
OPENINGS = "openings"
"""Key in the state of the tab: how often a chat was opened from the list."""
MENU_ICONS = {
    RENAME: ":material/edit:",
    SAVE: ":material/bookmark:",
    UNSAVE: ":material/bookmark_remove:",
    MOVE: ":material/drive_file_move:",
    WINDOW: ":material/open_in_new:",
    TERMINATE: ":material/power_settings_new:",
    EXPORT: ":material/download:",
    DELETE: ":material/delete:",
}

MARKS = {
    "running": '--mark: "progress_activity" / "Answering:"; --mark-motion: turn 1.2s linear infinite;',
    "queued": '--mark: "hourglass_top" / "Queued:";',
    "paused": '--mark: "front_hand" / "Waiting for you:"; --mark-color: var(--asks);',
    "failed": '--mark: "error" / "Failed:"; --mark-color: var(--failed);',
    "unseen": '--mark: "mark_chat_unread" / "New answer:";',
    "plain": "",
}
"""What a row shows in front of its title: an icon, and the words that screen readers say for it."""
BRANCH = '--branch: "alt_route" / "Branch:";'
"""What the row of a branch shows as well: the end of its title, which says so too, is seldom in view."""
ACTIVE = "--row-fill: color-mix(in srgb, var(--accent) 16%, transparent);"


@st.fragment(run_every=MINUTE)
def session_list() -> None:
    """Draws the sidebar's part for sessions: workspace, new, filter, search, open, rename, save, move, delete."""
    if state.must_give_way(Part.LIST):
        state.rerun()
    redraw_when_workspaces_change()
    wake_on_news()
    workspace_menu()
    st.button(
        "New chat", icon=":material/edit_square:", width="stretch", type="primary", key="new-chat", on_click=_new_chat
    )
    demo_mark()
    open_window(*st.session_state.get(OPENED, ("", 0)))
    uncover_page(st.session_state.get(OPENINGS, 0))
    agent_id, search = _filters()
    saved, others = _sessions(agent_id, search)
    sessions = [*saved.items, *others.items]
    undo_bar("undo", Part.LIST, noun="chat", user_id=current().settings.user)
    if st.session_state.get("selecting"):
        _selection_bar(sessions)
    _marks(sessions)
    names = _found_names(sessions, search) if search else {}
    for heading, rows in groupby(sessions, key=group):
        st.caption(heading)
        for session in rows:
            _row(session, names.get(session.key) or label(_title(session)))
        if heading == SAVED and saved.next:
            _more_button("Show more saved chats", "saved")
    if others.next:
        _more_button("Show more", "sessions")
    if not sessions:
        st.caption("Nothing found. Try different words." if search else _nothing_here(agent_id))
    elif not st.session_state.get("selecting"):
        st.button("Select several", key="select", type="tertiary", icon=":material/checklist:", on_click=_select)


def _filters() -> tuple[str | None, str]:
    agents = {agent.id: agent.name for agent in current().agents.list()}
    search = st.text_input(
        "Search chats in all workspaces",
        key="search",
        placeholder="Search chats",
        icon=":material/search:",
        type="search",
        live=True,
        max_chars=LONGEST_SEARCH,
        label_visibility="collapsed",
        on_change=state.touch,
        args=(Part.LIST,),
    )
    agent_id = st.selectbox(
        "Agent",
        [ANY_AGENT, *agents],
        format_func=lambda agent_id: agents.get(agent_id, ANY_AGENT),
        key="agent_filter",
        label_visibility="collapsed",
        on_change=state.touch,
        args=(Part.LIST,),
    )
    return (None if agent_id == ANY_AGENT else agent_id), (search or "").strip()


def _nothing_here(agent_id: str | None) -> str:
    if agent_id:
        return "No chats with this agent."
    workspace = current().store.workspaces.get(state.chosen_workspace())
    if workspace is None or workspace.id == GENERAL:
        return "Your chats appear here."
    return f"Your chats in {label(workspace.name)} appear here."


def _sessions(agent_id: str | None, search: str) -> tuple[Page[SessionSummary], Page[SessionSummary]]:
    """Returns the saved sessions to show, and the others. A search covers all workspaces."""
    shown = st.session_state.get("session_rows", {})
    chosen = state.chosen_workspace()
    listed = partial(
        current().store.sessions.list,
        current().settings.user,
        app_name=agent_id,
        search=search,
        workspace_id=None if search or chosen == ALL else chosen,
    )
    saved = listed(saved=True, limit=shown.get("saved", ROWS if search else SAVED_ROWS))
    return saved, listed(saved=False, limit=shown.get("sessions", ROWS))


def _found_names(sessions: Sequence[SessionSummary], search: str) -> dict[SessionKey, str]:
    """Returns the rows' texts for a search: title and workspace, and the message's words if the title does not
    match."""
    workspaces = {workspace.id: workspace.name for workspace in current().store.workspaces.list()}
    titles = {session.key: excerpt_of(_title(session), (search,)) for session in sessions}
    excerpts = current().store.sessions.excerpts([key for key, (_, marks) in titles.items() if not marks], search)
    names = {}
    for session in sessions:
        workspace = workspaces.get(session.workspace_id, "")
        place = [label(workspace if len(workspace) <= PLACE else f"{workspace[: PLACE - 1]}…")]
        if session.key in excerpts:
            place.append(_marked(*excerpts[session.key]))
        names[session.key] = f"{_marked(*titles[session.key])} :small[{' · '.join(place)}]"
    return names


def _title(session: SessionSummary) -> str:
    title = state.title_of(session)
    return title.removesuffix(BRANCH_SUFFIX) if session.branched_from else title


def _marked(text: str, marks: Marks) -> str:
    """Returns a text as a label with the matches in bold."""
    shown, end = "", 0
    for begin, after in marks:
        shown += f"{label(text[end:begin])}**{label(text[begin:after])}**"
        end = after
    return shown + label(text[end:])


def _more_button(text: str, part: str) -> None:
    st.button(
        text, key=f"more-{part}", type="tertiary", icon=":material/expand_more:", on_click=_show_more, args=(part,)
    )


def _row(session: SessionSummary, name: str) -> None:
    session_id = session.key.session_id
    if st.session_state.get("renaming") == session_id:
        _rename_row(session)
        return
    with st.container(horizontal=True, gap=None, vertical_alignment="center", key=f"row-{key_of(session_id)}"):
        if st.session_state.get("selecting"):
            st.checkbox(
                name,
                key=f"pick-{session_id}",
                width="stretch",
                on_change=state.touch,
                args=(Part.LIST,),
            )
            return
        st.button(
            name,
            key=f"open-{session_id}",
            type="tertiary",
            width="stretch",
            on_click=_open,
            args=(session_id,),
        )
        st.menu_button(
            f"Options of {label(state.title_of(session))}, {short_time(session.updated_at)}",
            _options(session),
            format_func=lambda option: f"{MENU_ICONS[option]} {option}",
            key=f"menu-{session_id}",
            type="tertiary",
            on_click=_menu,
            args=(session,),
        )


def _options(session: SessionSummary) -> list[str]:
    options = [RENAME, UNSAVE if session.saved else SAVE, MOVE, EXPORT, WINDOW]
    return [*options, *([] if session.status is SessionStatus.TERMINATED else [TERMINATE]), DELETE]


def _marks(sessions: list[SessionSummary]) -> None:
    """Draws the rows' marks as one style sheet. As part of the rows, each change would redraw its row and close a menu
    that is open on it."""
    rules = [f".st-key-row-{key_of(session.key.session_id)} {{ {_mark(session)} }}" for session in sessions]
    st.html(f"<i></i><style>{' '.join(rules)}</style>")


def _mark(session: SessionSummary) -> str:
    """Returns the CSS variables of a row. They include the time, which is the only visible part of the menu's name."""
    active = session.key.session_id == state.active_id()
    unseen = session.unseen and not active
    if session.status in (SessionStatus.RUNNING, SessionStatus.QUEUED, SessionStatus.PAUSED):
        mark = session.status.value
    elif session.failed:
        mark = "failed"
    else:
        mark = "unseen" if unseen else "plain"
    weight = "--title-weight: 600;" if unseen else ""
    time = f'--time: "{relative_time(session.updated_at)}";'
    branch = BRANCH if session.branched_from else ""
    return f"--mark-name: {mark}; {MARKS[mark]} {branch} {weight} {time} {ACTIVE if active else ''}"


def _rename_row(session: SessionSummary) -> None:
    with st.container(key=f"row-{key_of(session.key.session_id)}"):
        title_field(
            session.key.session_id,
            state.title_of(session),
            longest=LONGEST_TITLE,
            on_title=partial(_rename, session.key),
            on_leave=_stop_renaming,
        )


def _selection_bar(sessions: list[SessionSummary]) -> None:
    picked = [session.key for session in sessions if st.session_state.get(f"pick-{session.key.session_id}")]
    with st.container(horizontal=True, key="selection-bar"):
        st.button(
            f"Delete {len(picked)}" if picked else "Delete",
            key="delete-picked",
            icon=":material/delete:",
            disabled=not picked,
            on_click=_delete_or_ask,
            args=(picked, counted(len(picked), "chat")),
        )
        chosen = state.chosen_workspace()
        st.button(
            "Move",
            key="move-picked",
            icon=":material/drive_file_move:",
            disabled=not picked,
            on_click=dialogs.show,
            args=(move_dialog, picked, counted(len(picked), "chat"), None if chosen == ALL else chosen),
        )
        st.button(
            "Export",
            key="export-picked",
            icon=":material/download:",
            disabled=not picked,
            on_click=dialogs.show,
            args=(export_dialog, [key.session_id for key in picked], counted(len(picked), "chat")),
        )
        st.button("Cancel", key="stop-selecting", type="tertiary", on_click=_stop_selecting)


@st.dialog("Delete?", icon=":material/delete:", on_dismiss=dialogs.close)
def _confirm_deletion(keys: list[SessionKey], what: str) -> None:
    st.markdown(f"Delete {what}, with everything in it? {grace()}")
    with st.container(horizontal=True):
        deleted = st.button("Delete", key="confirm-delete", type="primary", on_click=_delete, args=(keys,))
        cancelled = st.button("Cancel", key="cancel-delete", on_click=dialogs.close)
        if deleted or cancelled:
            state.rerun()


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _new_chat() -> None:
    state.new_chat()
    _show_choice()


def _open(session_id: str) -> None:
    state.open_session(session_id)
    _show_choice()


def _show_choice() -> None:
    st.session_state[OPENINGS] = st.session_state.get(OPENINGS, 0) + 1
    state.go_to(state.CHAT)
    state.touch(Part.PAGE)


def _menu(session: SessionSummary) -> None:
    choice = st.session_state[f"menu-{session.key.session_id}"]
    if choice == RENAME:
        st.session_state.renaming = session.key.session_id
    elif choice in (SAVE, UNSAVE):
        attempt(lambda: current().set_saved([session.key], choice == SAVE))
    elif choice == MOVE:
        dialogs.show(move_dialog, [session.key], f"“{label(state.title_of(session))}”", session.workspace_id)
    elif choice == WINDOW:
        _, number = st.session_state.get(OPENED, ("", 0))
        st.session_state[OPENED] = (f"./?{urlencode({state.SESSION: session.key.session_id})}", number + 1)
    elif choice == TERMINATE:
        attempt(lambda: current().terminate_sessions([session.key]))
    elif choice == EXPORT:
        dialogs.show(export_dialog, [session.key.session_id], f"“{label(state.title_of(session))}”")
    elif choice == DELETE:
        _delete_or_ask([session.key], f"“{label(state.title_of(session))}”")
    state.touch(Part.LIST)


def _show_more(part: str) -> None:
    shown = st.session_state.setdefault("session_rows", {})
    shown[part] = shown.get(part, SAVED_ROWS if part == "saved" else ROWS) + ROWS
    state.touch(Part.LIST)


def _rename(key: SessionKey, title: str) -> None:
    if attempt(lambda: current().rename_session(key, title)):
        _stop_renaming()
    state.touch(Part.LIST)


def _stop_renaming() -> None:
    st.session_state.pop("renaming", None)
    state.touch(Part.LIST)


def _delete_or_ask(keys: list[SessionKey], what: str) -> None:
    """Deletes sessions. Asks first only if the deletion cannot be undone."""
    if current().settings.undo_seconds:
        _delete(keys)
    else:
        dialogs.show(_confirm_deletion, keys, what)


def _delete(keys: list[SessionKey]) -> None:
    if not attempt(lambda: current().delete_sessions(keys)):
        return
    if state.active_id() in {key.session_id for key in keys}:
        state.new_chat()
    _stop_selecting()
    dialogs.close()


def _select() -> None:
    st.session_state.selecting = True
    state.touch(Part.LIST)


def _stop_selecting() -> None:
    st.session_state.selecting = False
    state.touch(Part.LIST)
