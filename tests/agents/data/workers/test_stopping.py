"""Stopping a query from another thread."""

from colloquy.agents.data.workers.stopping import Stop


def test_a_stop_reaches_running_queries_and_not_finished_ones():
    stop, told = Stop(), []
    with stop.calls(lambda: told.append("over")):
        pass
    with stop.calls(lambda: told.append("running")):
        stop.set()
    assert told == ["running"]


def test_a_query_that_starts_after_a_stop_is_stopped_at_once():
    stop, told = Stop(), []
    stop.set()
    with stop.calls(lambda: told.append("begun")):
        assert told == ["begun"]
