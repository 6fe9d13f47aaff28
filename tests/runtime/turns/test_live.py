"""The text of a turn on its way from the model to the page and to the store."""

import time

from colloquy.runtime.turns.live import EVENT_END, LiveTurn, unfinished_text
from session_store.models import SessionKey, Turn, TurnStatus
from session_store.transcripts.parts import Thought, Words


def live_turn():
    return LiveTurn(Turn("t", SessionKey("a", "u", "s"), TurnStatus.QUEUED, {}, None, time.time()))


def test_chunks_add_up():
    live = live_turn()
    for word in ("a ", "b ", "c"):
        live.add("e1", "agent", word)
    assert (live.view().text, live.view().event_id) == ("a b c", "e1")


def test_thoughts_and_words_stay_in_order():
    live = live_turn()
    for is_thought, text in [(True, "hm, "), (True, "four"), (False, "Fo"), (False, "ur. <think>an"), (True, "five?")]:
        live.add("e1", "agent", text, is_thought=is_thought)
    view = live.view()
    assert view.text == "Four. <think>an"
    assert view.shown == [Thought("hm, four"), Words("Four. <think>an"), Thought("five?", ended=False)]
    assert [(part.text, part.thought) for part in view.parts] == [
        ("hm, four", True),
        ("Four. <think>an", None),
        ("five?", True),
    ]
    assert unfinished_text(live.take_unsaved()) == "Four. <think>an"


def test_an_event_in_the_store_is_not_shown_twice():
    live = live_turn()
    live.add("e1", "agent", "first")
    live.event_stored()
    assert (live.view().text, live.view().event_id) == ("", None)
    live.add("e2", "agent", "second")
    assert live.view().text == "second"


def test_only_text_missing_from_the_store_is_recovered():
    live = live_turn()
    live.add("e1", "agent", "first")
    kept = live.take_unsaved()
    live.event_stored()
    live.add("e2", "agent", "sec")
    live.add("e2", "agent", "ond")
    kept += live.take_unsaved()
    assert kept == f"first{EVENT_END}second"
    assert unfinished_text(kept) == "second"
    assert live.take_unsaved() == ""


def test_nothing_is_recovered_from_a_fully_stored_turn():
    live = live_turn()
    live.add("e1", "agent", "first")
    live.event_stored()
    assert unfinished_text(live.take_unsaved()) == ""
