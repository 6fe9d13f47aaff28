"""How a query is stopped from another thread."""

from colloquy.agents.data.workers.stopping import Stop


def test_a_stop_is_told_to_what_runs_and_not_to_what_is_over():
    stop, told = Stop(), []
    with stop.calls(lambda: told.append("over")):
        pass
    with stop.calls(lambda: told.append("running")):
        stop.set()
    assert told == ["running"]


def test_what_begins_after_a_stop_is_told_at_once():
    stop, told = Stop(), []
    stop.set()
    with stop.calls(lambda: told.append("begun")):
        assert told == ["begun"]
