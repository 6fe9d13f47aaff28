"""The imports of this app: how far they are, and what they took and skipped."""

from __future__ import annotations

from typing import Final

import streamlit as st

from runtime.imports import Import, ImportState
from runtime.workbench import current
from session_store.exchange import Report
from ui import state
from ui.formatting import duration, label
from ui.state import Part

LOOK_EVERY: Final = 0.4
"""Seconds between two looks at an import that runs."""

MOST_REASONS, MOST_NAMES, MOST_LINES = 20, 3, 13


def import_list() -> None:
    """All of them, the newest first. They go on whether or not somebody looks; a new page shows them as well."""
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
        st.progress(0.0, "Waits for the one before it …")
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
        say = st.warning if known.state is ImportState.STOPPED else st.error
        say(_as_markdown(known.problem), icon=":material/error:")


def _as_markdown(problem: str) -> str:
    """Lines that are indented name places."""
    lines = [label(line) if line[:1] != " " else f"- {label(line.strip())}" for line in problem.splitlines()]
    return "\n".join(line if line[:2] == "- " else f"\n{line}" for line in lines[:MOST_LINES])


def _report(report: Report) -> None:
    taken = f"{_number(len(report.taken), 'chat')} with {_number(report.events, 'event')} taken"
    if report.taken:
        st.success(f"{taken}.", icon=":material/check:")
    else:
        st.info("Nothing new was taken.", icon=":material/info:")
    others = {user: number for user, number in report.users.items() if user != current().settings.user}
    if others:
        whose = ", ".join(f"{label(user)} ({number:,})" for user, number in others.items())
        st.caption(f"Of other users, so not in your list: {whose}.")
    for note in report.notes:
        st.caption(label(note))
    if report.skipped:
        with st.expander(f"{len(report.skipped):,} skipped"):
            _skipped(report)


def _skipped(report: Report) -> None:
    reasons: dict[str, list[str]] = {}
    for one in report.skipped:
        reasons.setdefault(one.why, []).append(one.name)
    for why, names in list(reasons.items())[:MOST_REASONS]:
        more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
        st.markdown(f"- {label(', '.join(names[:MOST_NAMES]))}{more}: {label(why)}")
    if len(reasons) > MOST_REASONS:
        st.caption(f"And for {len(reasons) - MOST_REASONS:,} more reasons.")


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


# -- callbacks ---------------------------------------------------------------------------------------------------------


def _stop(import_id: str) -> None:
    current().imports.stop(import_id)
    state.touch(Part.DATA)


def _dismiss(import_id: str) -> None:
    current().imports.forget(import_id)
    state.touch(Part.DATA)
