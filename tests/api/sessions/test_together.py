"""Two windows and a program in one conversation: all see the same."""

import threading
from concurrent.futures import ThreadPoolExecutor

from colloquy.runtime.bus import EventKind
from session_store.transcripts.transcript import messages
from tests.support.applications import PATIENCE, counted, new_session, until

API = "/api/v1"


class Window:
    """What a page shows: it reads the store and the live turns whenever the bus notifies it."""

    def __init__(self, application, key):
        self.texts, self.status, self.title = [], None, None
        self._application, self._key = application, key
        self._news, self._looked, self._closed = threading.Event(), threading.Condition(), False
        self._leave = application.bus.subscribe(self._hear)
        self._thread = threading.Thread(target=self._run)
        self._news.set()
        self._thread.start()

    def close(self):
        self._closed = True
        self._leave()
        self._news.set()
        self._thread.join()

    def shows(self, condition):
        """Whether the condition holds, now or after another read."""
        with self._looked:
            return self._looked.wait_for(lambda: condition(self), PATIENCE)

    def _hear(self, event):
        if event.key == self._key:
            self._news.set()

    def _run(self):
        while not self._closed:
            self._news.wait()
            self._news.clear()
            self._look()

    def _look(self):
        live = self._application.turns.live(self._key)
        stored = self._application.store.events.list(self._key, limit=1000)
        summary = self._application.store.sessions.get(self._key.session_id)
        saying = [view.text for view in live if view.text and view.event_id not in {one.event.id for one in stored}]
        with self._looked:
            self.texts = [message.text for message in messages(stored)] + saying
            self.status, self.title = summary.status.value, summary.title
            self._looked.notify_all()


def seen_by_program(client, key):
    conversation = client.get(f"{API}/conversations/{key.session_id}", params={"limit": 200}).json()
    texts = [message["content"] for message in conversation["messages"]]
    return texts, conversation["status"], conversation["title"]


def seen_by(window):
    return window.texts, window.status, window.title


def all_see_the_same(client, application, windows, key):
    until(application, lambda: not application.turns.live(key))
    expected = seen_by_program(client, key)
    assert all(window.shows(lambda window: seen_by(window) == expected) for window in windows)
    return expected[0]


def test_messages_of_each_are_seen_by_all_in_the_same_order(client, application):
    key = new_session(application)
    windows = [Window(application, key), Window(application, key)]
    try:
        with ThreadPoolExecutor(3) as pool:
            from_pages = [pool.submit(application.turns.submit, key, f"page {n}") for n in range(2)]
            answer = pool.submit(
                client.post, f"{API}/run_turn", json={"message": "count 20", "session_id": key.session_id}
            )
            assert answer.result().json()["text"] == counted(20)
            assert all(turn.result() for turn in from_pages)
        texts = all_see_the_same(client, application, windows, key)
        exchanges = dict(zip(texts[::2], texts[1::2], strict=True))
        assert exchanges == {"count 20": counted(20), "page 0": "You said: page 0", "page 1": "You said: page 1"}
    finally:
        for window in windows:
            window.close()


def test_a_pause_a_title_and_an_added_message_are_the_same_for_all(client, application):
    key = new_session(application)
    windows = [Window(application, key), Window(application, key)]
    try:
        turn = client.post(
            f"{API}/runtime/messages", json={"message": "count 3 then wait", "session_id": key.session_id}
        ).json()
        assert all(window.shows(lambda window: window.texts[-1:] == [counted(3)]) for window in windows)
        assert client.get(f"{API}/turns/{turn['turn_id']}").json()["status"] == "running"
        application.turns.stop(turn["turn_id"])
        assert all_see_the_same(client, application, windows, key)[-1] == counted(3)
        client.patch(f"{API}/conversations/{key.session_id}", json={"title": "Ours"})
        client.post(f"{API}/conversations/{key.session_id}/messages", json={"role": "user", "content": "by hand"})
        assert all_see_the_same(client, application, windows, key)[-1] == "by hand"
        assert {window.title for window in windows} == {"Ours"}
    finally:
        for window in windows:
            window.close()


def test_every_listener_of_the_bus_gets_the_same_events_in_the_same_order(client, application):
    key = new_session(application)
    heard = [[], []]
    leave = [application.bus.subscribe(ears.append) for ears in heard]
    client.post(f"{API}/run_turn", json={"message": "count 50", "session_id": key.session_id})
    for stop in leave:
        stop()
    chunks = [
        "".join(event.text for event in ears if event.kind is EventKind.AGENT_CHUNK and event.key == key)
        for ears in heard
    ]
    assert chunks == [counted(50), counted(50)]
