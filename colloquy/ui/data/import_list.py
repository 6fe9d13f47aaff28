"""The imports of this app: their progress, what was imported, what was skipped, and why."""

from __future__ import annotations

from typing import Final

import streamlit as st

from colloquy.runtime.application import current
from colloquy.runtime.imports import Import, ImportState
from colloquy.ui import state
from colloquy.ui.formatting import duration, label, plain_markdown, untrusted_markdown
from colloquy.ui.state import Part
from session_store.exchange import Report
from session_store.phrases import counted

LOOK_EVERY: Final = 0.4
"""Seconds between two checks of a running import."""

MOST_LINES: Final = 13
MOST_CHARACTERS: Final = 600
"""Maximum length of the remarks on omitted or changed parts; longer ones are collapsed."""


def import_list() -> None:
    """Draws all imports, newest first. They continue without an open page; a new page shows them as well."""
    runs = _some_run()
    st.fragment(_imports, run_every=LOOK_EVERY if runs else None)(follows=runs)


def _imports(*, follows: bool) -> None:
    if state.must_give_way(Part.DATA):
        state.rerun()
    for known in current().imports.all():
        with st.container(border=True, key=f"import-{known.id}"):
            if known.state.is_over:
                _ended(known)
            else:
                _running(known)
    if follows and not _some_run():
        state.rerun()  # the page without the timer


def _some_run() -> bool:
    return any(not known.state.is_over for known in current().imports.all())


def _running(known: Import) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{label(known.name)}**", width="stretch")
        st.button(
            "Stop",
            key=f"stop-import-{known.id}",
            icon=":material/stop:",
            type="tertiary",
            on_click=_stop,
            args=(known.id,),
        )
    if known.state is ImportState.WAITING:
        st.progress(0.0, "Queued")
        return
    of = f" of {known.total:,}" if known.total else ""
    st.progress(min(1.0, known.done / known.total) if known.total else 0.0, f"{known.doing}: {known.done:,}{of}")


def _ended(known: Import) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        took = f" · {duration(known.ended_at - known.begun_at)}" if known.ended_at else ""
        kind = f" · {label(known.report.kind)}" if known.report else ""
        st.markdown(f"**{label(known.name)}**{kind}{took}", width="stretch")
        st.button(
            "Dismiss",
            key=f"dismiss-{known.id}",
            icon=":material/close:",
            type="tertiary",
            on_click=_dismiss,
            args=(known.id,),
        )
    if known.report:
        _report(known.report)
    else:
        problem = "\n".join(known.problem.splitlines()[:MOST_LINES])
        if known.state is ImportState.STOPPED:
            st.warning(plain_markdown(problem), icon=":material/error:")
        else:
            st.error(plain_markdown(problem), icon=":material/error:")


def _report(report: Report) -> None:
    if report.taken:
        st.success(plain_markdown(report.summary), icon=":material/check:")
    else:
        st.info(plain_markdown(report.summary), icon=":material/info:")
    others = {user: number for user, number in report.users.items() if user != current().settings.user}
    if others:
        whose = ", ".join(f"{label(user)} ({number:,})" for user, number in others.items())
        st.caption(f"Not in your list because they belong to other users: {whose}.")
    remarks = "\n".join(f"- {untrusted_markdown(remark)}" for remark in report.remarks)
    if len(remarks) > MOST_CHARACTERS:
        with st.expander(f"Left out or changed: {counted(len(report.notes), 'kind')} of things"):
            st.markdown(remarks)
    elif remarks:
        st.caption(remarks)
    if report.skipped:
        with st.expander(f"{len(report.skipped):,} skipped"):
            st.markdown("\n".join(f"- {label(line)}" for line in report.reasons))


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _stop(import_id: str) -> None:
    current().imports.stop(import_id)
    state.touch(Part.DATA)


def _dismiss(import_id: str) -> None:
    current().imports.forget(import_id)
    state.touch(Part.DATA)
