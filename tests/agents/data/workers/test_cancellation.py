"""Cancelling a query from another thread."""

from colloquy.agents.data.workers.cancellation import Cancellation


def test_cancelling_reaches_running_queries_and_not_finished_ones():
    cancellation, called = Cancellation(), []
    with cancellation.on_cancel(lambda: called.append("over")):
        pass
    with cancellation.on_cancel(lambda: called.append("running")):
        cancellation.cancel()
    assert called == ["running"]


def test_a_query_that_starts_after_it_is_cancelled_at_once():
    cancellation, called = Cancellation(), []
    cancellation.cancel()
    with cancellation.on_cancel(lambda: called.append("begun")):
        assert called == ["begun"]
