"""``kill -9`` at any moment: everything acknowledged is there, and the next start continues from it."""

import multiprocessing
import random
import statistics
from collections import defaultdict
from contextlib import closing

import pytest

from colloquy.runtime.turns.live import unfinished_text
from session_store.models import TurnStatus
from session_store.transcripts.parts import text_of
from session_store.transcripts.transcript import message_text, messages
from tests.support import crash_driver
from tests.support.applications import counted, finish, new_session, open_application, said
from tests.support.scripted import COUNT

KILLS = 8
MOST_FACTS = 500
"""Most facts reported before the process is killed: about a second's worth. Each kill gets its share of that second, in
random order, and happens at a random moment of it."""

LOST_AT_MOST = 0.3
"""Seconds of an unfinished answer that a crash may lose."""


class Witness:
    """Records what the process has acknowledged across all its lives."""

    def __init__(self):
        self.turns, self.events = {}, {}
        self.said, self.kept = defaultdict(list), defaultdict(str)

    def hear(self, fact):
        match fact.pop("kind"):
            case "turn":
                self.turns[fact["id"]] = fact
            case "event":
                self.events[fact["id"]] = fact
            case "said":
                self.said[fact["turn"]].append((fact["at"], fact["text"]))
            case "kept":
                self.kept[fact["turn"]] += fact["text"]

    def seconds_lost(self, turn_id, text):
        """Seconds between the first word missing in ``text`` and the crash."""
        said = self.said[turn_id]
        missing = [at for number, (at, _) in enumerate(said) if len(counted(number + 1)) > len(text)]
        return said[-1][0] - missing[0] if missing else 0.0


def processes():
    """Starts processes with the app already imported, where the system supports it."""
    ways = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in ways else "spawn")
    if "forkserver" in ways:
        context.set_forkserver_preload([crash_driver.__name__])
    return context


def live_and_die(context, folder, witness, facts):
    """Let the process work until it has reported this many facts, kill it, and read the rest of its reports."""
    listener, teller = context.Pipe(duplex=False)
    process = context.Process(target=crash_driver.converse_until_killed, args=(folder, teller), daemon=True)
    process.start()
    teller.close()
    try:
        for _ in range(facts):
            assert listener.poll(60), "the process fell silent"
            witness.hear(listener.recv())
    finally:
        process.kill()
        process.join()
    try:
        while True:
            witness.hear(listener.recv())
    except (EOFError, OSError):  # the last fact may be truncated
        listener.close()


def check(application, witness):
    """Check that everything acknowledged is there exactly once. Returns the seconds of text that interrupted turns
    lost, by turn id."""
    bubbles, events = defaultdict(list), {}
    for session in {fact["session"] for fact in witness.turns.values()}:
        stored = application.store.events.list(application.store.sessions.get(session).key, limit=100_000)
        assert len({one.event.id for one in stored}) == len(stored)
        events |= {one.event.id: one.event for one in stored}
        for message in messages(stored):
            bubbles[message.turn_id].append(message)
    for event_id, fact in witness.events.items():
        assert text_of(events[event_id].content) == fact["text"]
    turns = {turn_id: application.store.turns.get(turn_id) for turn_id in witness.turns}
    for turn_id, fact in witness.turns.items():
        check_turn(turns[turn_id], fact["text"], bubbles[turn_id], witness.kept[turn_id])
    return {
        turn_id: witness.seconds_lost(turn_id, bubbles[turn_id][-1].text if len(bubbles[turn_id]) > 1 else "")
        for turn_id, turn in turns.items()
        if turn.status is TurnStatus.INTERRUPTED and witness.said[turn_id]
    }


def check_turn(turn, text, bubbles, kept):
    question, *answers = bubbles
    assert (question.author, question.text) == ("user", text)
    assert message_text(turn) == text
    assert len(answers) <= 1, "an answer stands there twice"
    answer = answers[0].text if answers else ""
    whole = counted(int(COUNT.search(text)[1]))
    assert turn.status in (TurnStatus.COMPLETED, TurnStatus.INTERRUPTED)
    if turn.status is TurnStatus.COMPLETED:
        assert answer == whole
    assert whole.startswith(answer)
    assert answer.startswith(unfinished_text(kept))


@pytest.mark.slow
def test_kills_under_load_lose_nothing_acknowledged(tmp_path, record_testsuite_property):
    context, witness, chance, lost = processes(), Witness(), random.Random(), {}
    share = MOST_FACTS // KILLS
    for number in chance.sample(range(KILLS), KILLS):
        live_and_die(context, tmp_path / "data", witness, number * share + chance.randint(1, share))
        with closing(open_application(tmp_path / "data")) as application:
            assert not application.store.turns.unfinished()
            lost |= check(application, witness)
    assert len(witness.events) > KILLS
    record_testsuite_property("acknowledged", len(witness.turns) + len(witness.events))
    record_testsuite_property("most_seconds_lost", max(lost.values()))
    assert statistics.median(lost.values()) <= LOST_AT_MOST


def test_an_answer_stored_before_the_crash_appears_only_once(tmp_path):
    with closing(open_application(tmp_path)) as application:
        key = new_session(application)
        [turn] = finish(application, application.turns.submit(key, "count 50"))
        application.store.turns.update(turn.id, status=TurnStatus.RUNNING)  # as if killed before the end was saved
        application.store.turns.append_chunks({turn.id: counted(40)})
    with closing(open_application(tmp_path)) as application:
        assert said(application, key) == [("user", "count 50"), ("assistant", counted(50))]
