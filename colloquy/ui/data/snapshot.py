"""Exports the whole history as one file, for DuckDB, pandas or a notebook."""

from __future__ import annotations

import threading
from html import escape

import streamlit as st

from colloquy.runtime.application import Application, current
from colloquy.ui import dialogs
from colloquy.ui.formatting import duration, long_time, plain_markdown
from session_store.errors import ColloquyError
from session_store.phrases import counted, size_text
from session_store.snapshots.folder import KeptSnapshot
from session_store.snapshots.snapshot import SnapshotForm, SnapshotInfo

FORMS = {SnapshotForm.DUCKDB: "DuckDB file", SnapshotForm.PARQUET: "Parquet files (ZIP)"}
SHOWN = 8
LOOK_EVERY = 0.1
PROBLEM = "snapshot_problem"


def snapshot_button() -> None:
    """Draws a button that opens the dialog."""
    st.button(
        "Snapshot",
        key="snapshot",
        icon=":material/photo_camera:",
        type="tertiary",
        on_click=dialogs.show,
        args=(_dialog,),
    )


@st.dialog("Export a snapshot", width="medium", icon=":material/photo_camera:", on_dismiss=dialogs.close)
def _dialog() -> None:
    snapshots()


def snapshots() -> None:
    """Draws the form that makes a snapshot, and the list of stored snapshots."""
    st.markdown(
        "A snapshot is a copy of all current chats (deleted ones excluded) that you can open with DuckDB, pandas or a "
        "notebook. Chats go on while it is made."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        form = st.segmented_control(
            "Format",
            list(FORMS),
            default=SnapshotForm.DUCKDB,
            required=True,
            format_func=FORMS.__getitem__,
            key="snapshot-form",
        )
        make = st.button("Create", key="make-snapshot", type="primary", icon=":material/photo_camera:")
    if make:
        _make(SnapshotForm(form))
    if problem := st.session_state.pop(PROBLEM, None):
        st.error(plain_markdown(problem))
    _kept()


def _make(form: SnapshotForm) -> None:
    """Makes a snapshot in a thread of its own, so that it completes even if the user leaves the page."""
    job = _Job(current(), form)
    bar = st.progress(0.0, "Copying …")
    while not job.wait(LOOK_EVERY):
        bar.progress(job.share, f"{job.step} …")
    bar.empty()
    if job.error is not None:
        st.error(plain_markdown(str(job.error)))
    elif job.info is not None:
        info = job.info
        st.success(
            f"Exported {counted(info.conversations, 'chat')} ({counted(info.messages, 'message')})"
            f" in {duration(info.seconds)}.",
            icon=":material/check:",
        )


class _Job:
    """A snapshot in progress."""

    def __init__(self, application: Application, form: SnapshotForm) -> None:
        self.step, self.share = "Copying", 0.0
        self.info: SnapshotInfo | None = None
        self.error: ColloquyError | None = None
        self._thread = threading.Thread(target=self._run, args=(application, form), name="snapshot", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits up to this many seconds; returns whether the job has finished."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self, application: Application, form: SnapshotForm) -> None:
        try:
            self.info = application.make_snapshot(form, self._note)
        except ColloquyError as error:
            self.error = error

    def _note(self, step: str, share: float) -> None:
        self.step, self.share = step, share


def _kept() -> None:
    folder = current().snapshots
    kept = folder.kept()
    if not kept:
        return
    st.caption(
        "Stored on the server. Snapshots are copies: chats you delete later remain in them until you delete them."
    )
    for snapshot in kept[:SHOWN]:
        _row(snapshot)
    st.caption("The files are stored in")
    st.code(str(folder.path), language=None, wrap_lines=True)


def _row(snapshot: KeptSnapshot) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        facts = f"{long_time(snapshot.made_at)} · {size_text(snapshot.size)}"
        st.html(
            f'<a href="./api/v1/snapshots/{escape(snapshot.name)}" download>{escape(snapshot.name)}</a>'
            f'<div class="muted">{escape(facts)}</div>',
            width="stretch",
        )
        st.button(
            "Delete",
            key=f"delete-{snapshot.name}",
            icon=":material/delete:",
            type="tertiary",
            on_click=_delete,
            args=(snapshot.name,),
        )


def _delete(name: str) -> None:
    try:
        current().delete_snapshot(name)
    except ColloquyError as error:
        st.session_state[PROBLEM] = str(error)
