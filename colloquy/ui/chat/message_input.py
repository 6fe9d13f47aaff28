"""The field that users write messages in and attach files to, and the commands that it knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.typing import ChatInputValue

from colloquy.agents.agent import Agent, Prompt, Source
from colloquy.compat.streamlit_messages import LOST_FILES
from colloquy.runtime.application import current
from colloquy.runtime.attachments import Attachment
from colloquy.runtime.workspaces.workspaces import SAMPLE
from colloquy.ui import state
from colloquy.ui.components import Command, assist_typing
from colloquy.ui.formatting import label, plain_markdown
from session_store.limits import LONGEST_MESSAGE
from session_store.models import SessionKey, Workspace

LOST = "Colloquy restarted before the attached file could be sent. Attach it again."

ABOUT_ANY_DATA = (Prompt("/sql show tables", "Which tables are there?"),)
"""Suggestions for the data analyst where its own prompts, which are about the sample shop, do not fit."""

ON_DATA = (
    Command("/sql", "Run a SQL query", "/sql "),
    Command("/chart", "Run a query and chart the result", "/chart "),
)
NONE = (Command("/", "No commands here: /sql and /chart need an agent with data"),)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a message was not sent, and those of its files that need not be attached again."""

    reasons: Sequence[str]
    kept: Sequence[Attachment] = ()


Send = Callable[[str, Sequence[Attachment]], Refused | None]
"""Takes a message and its files; returns why it was not sent, None if it was."""


def message_input(
    key: str, send: Send, *, commands: Sequence[Command] = (), above: Callable[[], None] | None = None
) -> None:
    """Draws the input at the bottom of the page.

    ``send`` gets each message once. If it refuses one, the text is put back into the field, with the files that can be
    sent, below the reasons. The browser does that: a value that Streamlit sets is lost if the page runs again before
    the browser has drawn it. ``commands`` are what can follow a ``/``; ``above`` draws what stands over the field or
    in it.
    """
    taken, returned, reasons, files = f"{key}-taken", f"{key}-returned", f"{key}-reasons", f"{key}-files"

    def take(value: ChatInputValue) -> None:
        _put_back(key, value.text, _sent(value, st.session_state.get(files, ()), send))

    def take_submitted() -> None:
        st.session_state[taken] = True
        take(st.session_state[key])

    with st.bottom, st.container(key="composer"):
        if why := st.session_state.get(reasons):
            st.warning(plain_markdown("\n".join(why)), icon=":material/error:")
        _kept_files(files)
        value = st.chat_input(
            "Write a message",
            key=key,
            max_chars=LONGEST_MESSAGE,
            accept_file="multiple",
            max_upload_size=current().settings.attachment_mb,
            on_submit=take_submitted,
        )
        assist_typing(commands, st.session_state.get(returned))
        if above:
            above()
    # A server that has just restarted does not know the callback of an open page yet: only the message arrives.
    if not st.session_state.pop(taken, False) and value:
        take(value)
        state.rerun()


def input_of(key: SessionKey) -> str:
    """Returns the key of a session's input."""
    return f"input-{key.session_id}"


def put_back(session: SessionKey, text: str, refused: Refused) -> None:
    """Puts a message that was written elsewhere and not sent into the input of a session."""
    _put_back(input_of(session), text, refused)


def _put_back(key: str, text: str, refused: Refused | None) -> None:
    st.session_state[f"{key}-reasons"] = refused.reasons if refused else ()
    st.session_state[f"{key}-files"] = tuple(refused.kept) if refused else ()
    st.session_state[f"{key}-returned"] = (text, time.time_ns() // 1_000_000) if refused else None


def _kept_files(place: str) -> None:
    """Draws the files of a refused message, which go along with the next one."""
    files: Sequence[Attachment] = st.session_state.get(place, ())
    if not files:
        return

    def remove(number: int) -> None:
        st.session_state[place] = (*files[:number], *files[number + 1 :])

    with st.container(horizontal=True, gap="small", key="kept-files"):
        for number, file in enumerate(files):
            with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", key=f"kept-file-{number}"):
                st.markdown(f":material/attach_file: {label(file.name)}", width="content")
                st.button(
                    f"Remove {label(file.name)}",
                    key=f"{place}-remove-{number}",
                    type="tertiary",
                    icon=":material/close:",
                    on_click=remove,
                    args=(number,),
                )


def _sent(value: ChatInputValue, kept: Sequence[Attachment], send: Send) -> Refused | None:
    if st.session_state.pop(LOST_FILES, False):
        return Refused([LOST], kept)
    return send(value.text, [*kept, *(Attachment(file.name, file.type, file.getvalue()) for file in value.files)])


def starters(agent: Agent, workspace: Workspace | None) -> Sequence[Prompt]:
    """Returns the first messages that an agent suggests in a workspace."""
    has_shop = workspace is not None and workspace.connection is not None and workspace.connection.kind == SAMPLE
    is_about_the_shop = agent.id == state.DATA_ANALYST and agent.source is Source.BUILT_IN
    return ABOUT_ANY_DATA if is_about_the_shop and not has_shop else agent.prompts


def commands(agent: Agent | None, workspace: Workspace | None) -> Sequence[Command]:
    """Returns what can follow a ``/`` at the beginning of a message to an agent: commands, and starters that are
    commands."""
    if agent is None or not agent.chooses_model:
        return ()
    if not agent.tools:
        return NONE
    ready = [prompt for prompt in starters(agent, workspace) if prompt.text.startswith("/")]
    return (*ON_DATA, *(Command(prompt.text.split(maxsplit=1)[0], prompt.label, prompt.text) for prompt in ready))
