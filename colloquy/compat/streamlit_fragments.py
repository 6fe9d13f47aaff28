"""Reruns of fragments that come close to other runs: the browser hears of their ends, and none leads to another page.

Holds for streamlit 1.67; both are worth reporting, and their tests say when they are no longer needed.
"""

from __future__ import annotations

from functools import wraps

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

DRAWN = ForwardMsg.ScriptFinishedStatus.FINISHED_FRAGMENT_RUN_SUCCESSFULLY


def keep_ends_of_fragments() -> None:
    """Keep what tells a browser that a fragment has been drawn, when another fragment begins before it was sent.

    A browser takes away what a fragment does not draw any more when it hears that the fragment is done. Streamlit
    (``ForwardMsgQueue.clear``) turns this news into that of a run which was broken off as soon as any fragment begins,
    so that what a click has closed stays on the page. This is right only for fragments that are about to be drawn anew.
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
    """Have the rerun of a fragment belong to the page that is shown, whichever the browser names.

    A browser that has not heard yet that the page has changed names the one before. A fragment that both have, as the
    list of sessions, runs all the same (``AppSession.request_rerun``), and if it asks for a run of the whole page, the
    page before comes back.
    """
    request_rerun = AppSession.request_rerun

    @wraps(request_rerun)
    def request_rerun_here(self: AppSession, client_state: ClientState | None) -> None:
        if client_state and client_state.fragment_id and self.page_script_hash:
            client_state.page_script_hash = self.page_script_hash
        request_rerun(self, client_state)

    AppSession.request_rerun = request_rerun_here  # type: ignore[method-assign]


def _ends_of_others(queue: ForwardMsgQueue, beginning: list[str]) -> list[tuple[ForwardMsg, list[str]]]:
    """The news of drawn fragments in the ``queue``, each with those of its fragments that are not ``beginning``."""
    ends = []
    for message in queue._queue:  # nothing public shows what waits
        if message.WhichOneof("type") == "script_finished" and message.script_finished == DRAWN:
            others = [fragment for fragment in message.metadata.run.fragment_ids if fragment not in beginning]
            if others:
                ends.append((message, others))
    return ends
