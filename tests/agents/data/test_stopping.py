"""How a query is stopped from another thread."""

from __future__ import annotations

import threading
import time

from agents.data.stopping import AGAIN, Stop


def test_a_query_is_interrupted_again_and_again_until_it_is_over_and_never_after():
    stop, calls, enough = Stop(), [], threading.Event()

    def interrupt() -> None:
        calls.append(time.perf_counter())
        if len(calls) == 3:
            enough.set()

    with stop.interrupts(interrupt):
        assert not calls
        stop.set()
        assert enough.wait(30)
    told = len(calls)
    time.sleep(5 * AGAIN)
    assert len(calls) == told


def test_what_begins_after_a_stop_is_interrupted_at_once():
    stop, interrupted = Stop(), threading.Event()
    stop.set()

    with stop.interrupts(interrupted.set):
        assert interrupted.wait(30)
