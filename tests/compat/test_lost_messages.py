"""Messages sent in quick succession all arrive, in order, each in its own run."""

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests, ScriptRequestType

from colloquy.compat.streamlit_messages import keep_every_message

keep_every_message()


def run(message="", *, click="", fragment="live"):
    """A run requested by the browser: to send a message, for the click of a button, or for neither."""
    states = WidgetStates()
    if message:
        states.widgets.add(id="input").chat_input_value.data = message
    if click:
        states.widgets.add(id=click, trigger_value=True)
    return RerunData(widget_states=states, fragment_id=fragment or None)


def runs(requests):
    """What the next runs bring: the message and the clicks of each."""
    while (request := requests.on_scriptrunner_ready()).type is ScriptRequestType.RERUN:
        widgets = request.rerun_data.widget_states.widgets
        yield {widget.chat_input_value.data or widget.id for widget in widgets}


@pytest.mark.parametrize("fragment", ["live", ""])
def test_messages_that_wait_for_one_run_each_get_their_own(fragment):
    requests = ScriptRequests()
    for message in ("one", "two", "three"):
        assert requests.request_rerun(run(message, fragment=fragment))
    assert list(runs(requests)) == [{"one"}, {"two"}, {"three"}]


def test_clicks_and_updates_in_between_hold_back_no_message():
    requests = ScriptRequests()
    requests.request_rerun(run("one"))
    requests.request_rerun(run(click="stop"))
    requests.request_rerun(run("two"))
    requests.request_rerun(run())
    assert list(runs(requests)) == [{"one", "stop"}, {"two"}]


def test_a_new_message_queues_behind_waiting_ones():
    requests = ScriptRequests()
    for message in ("one", "two"):
        requests.request_rerun(run(message))
    coming = runs(requests)
    assert next(coming) == {"one"}
    requests.request_rerun(run("three"))
    assert list(coming) == [{"two"}, {"three"}]
