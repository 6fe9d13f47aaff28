"""Fixes reruns of fragments that coincide with other runs: browsers hear when they end, and none switches the page.

Works with streamlit 1.67; both are worth reporting, and the tests tell when the fixes are no longer needed.
"""

from __future__ import annotations

from functools import wraps

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

DRAWN = ForwardMsg.ScriptFinishedStatus.FINISHED_FRAGMENT_RUN_SUCCESSFULLY


def keep_ends_of_fragments() -> None:
    """Keeps the message that a fragment has been drawn if another fragment starts before it was sent.

    A browser removes the elements that a fragment no longer draws when it hears that the fragment has finished. As soon
    as any fragment starts, Streamlit (``ForwardMsgQueue.clear``) changes this message to that of an aborted run, so
    that what a click has closed stays on the page. That is right only for fragments that are about to be redrawn.
    """
    clear = ForwardMsgQueue.clear
    if hasattr(clear, "__wrapped__"):
        return

    @wraps(clear)
    def keeping_ends(
        queue: ForwardMsgQueue,
        retain_lifecycle_msgs: bool = False,  # noqa: FBT001 - as Streamlit has it
        fragment_ids_this_run: list[str] | None = None,
    ) -> None:
        ends = _ends_of_others(queue, fragment_ids_this_run) if fragment_ids_this_run else []
        clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)
        for end, fragment_ids in ends:
            end.script_finished = DRAWN
            end.metadata.run.fragment_ids[:] = fragment_ids

    ForwardMsgQueue.clear = keeping_ends  # type: ignore[method-assign, assignment]


def keep_fragments_on_the_page() -> None:
    """Makes the rerun of a fragment apply to the page that is shown, whichever page the browser names.

    A browser that has not yet heard of a page change names the previous page. A fragment that both pages have, such as
    the list of sessions, runs anyway (``AppSession.request_rerun``), and if it requests a run of the whole page, the
    previous page returns.
    """
    request_rerun = AppSession.request_rerun

    @wraps(request_rerun)
    def request_rerun_here(self: AppSession, client_state: ClientState | None) -> None:
        if client_state and client_state.fragment_id and self.page_script_hash:
            client_state.page_script_hash = self.page_script_hash
        request_rerun(self, client_state)

    AppSession.request_rerun = request_rerun_here  # type: ignore[method-assign]


def _ends_of_others(queue: ForwardMsgQueue, beginning: list[str]) -> list[tuple[ForwardMsg, list[str]]]:
    """Returns the messages of drawn fragments in the ``queue``, each with those of its fragments not in
    ``beginning``."""
    ends = []
    for message in queue._queue:  # no public API shows what is queued
        if message.WhichOneof("type") == "script_finished" and message.script_finished == DRAWN:
            others = [fragment for fragment in message.metadata.run.fragment_ids if fragment not in beginning]
            if others:
                ends.append((message, others))
    return ends
