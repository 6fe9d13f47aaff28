"""What the browser is told about fragments that are drawn in quick succession."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from colloquy.compat.streamlit_fragments import keep_ends_of_fragments

pytestmark = pytest.mark.upstream

Status = ForwardMsg.ScriptFinishedStatus


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    monkeypatch.setattr(ForwardMsgQueue, "clear", getattr(ForwardMsgQueue.clear, "__wrapped__", ForwardMsgQueue.clear))
    keep_ends_of_fragments()


def drawn(queue, *fragment_ids, run="first"):
    for fragment_id in fragment_ids:
        delta = ForwardMsg()
        delta.delta.fragment_id = fragment_id
        delta.metadata.delta_path[:] = [0, len(queue)]
        queue.enqueue(delta)
    end = ForwardMsg(script_finished=Status.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
    end.metadata.run.script_run_id = run
    end.metadata.run.fragment_ids[:] = fragment_ids
    queue.enqueue(end)


def begin(queue, *fragment_ids):
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=list(fragment_ids) or None)
    return [
        (Status.Name(message.script_finished), list(message.metadata.run.fragment_ids))
        if message.WhichOneof("type") == "script_finished"
        else message.delta.fragment_id
        for message in queue.flush()
    ]


def test_a_fragment_is_finished_even_if_another_one_starts_at_once():
    queue = ForwardMsgQueue()
    drawn(queue, "panel")
    assert begin(queue, "answer") == ["panel", ("FINISHED_FRAGMENT_RUN_SUCCESSFULLY", ["panel"])]


def test_a_redrawn_fragment_is_not_finished():
    """Its unsent messages are dropped: otherwise the browser would remove what is still there."""
    queue = ForwardMsgQueue()
    drawn(queue, "panel")
    assert begin(queue, "panel") == [("FINISHED_EARLY_FOR_RERUN", ["panel"])]


def test_only_fragments_that_are_not_redrawn_are_finished():
    queue = ForwardMsgQueue()
    drawn(queue, "panel", "list")
    assert begin(queue, "panel") == ["list", ("FINISHED_FRAGMENT_RUN_SUCCESSFULLY", ["list"])]


def test_a_full_page_run_finishes_no_fragments():
    queue = ForwardMsgQueue()
    drawn(queue, "panel")
    assert begin(queue) == [("FINISHED_EARLY_FOR_RERUN", ["panel"])]


def test_the_patch_is_applied_once():
    kept = ForwardMsgQueue.clear
    keep_ends_of_fragments()
    assert ForwardMsgQueue.clear is kept
