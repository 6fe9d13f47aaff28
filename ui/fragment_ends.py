"""Has browsers told of every fragment that was drawn, also when the next one follows at once."""

from __future__ import annotations

from functools import wraps

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
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


def _ends_of_others(queue: ForwardMsgQueue, beginning: list[str]) -> list[tuple[ForwardMsg, list[str]]]:
    """The news of drawn fragments in the ``queue``, each with those of its fragments that are not ``beginning``."""
    ends = []
    for message in queue._queue:  # noqa: SLF001 - nothing public shows what waits
        if message.WhichOneof("type") == "script_finished" and message.script_finished == DRAWN:
            others = [fragment for fragment in message.metadata.run.fragment_ids if fragment not in beginning]
            if others:
                ends.append((message, others))
    return ends
