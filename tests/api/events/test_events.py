"""Events of sessions over HTTP as they happen: a real server, real connections."""

import asyncio
import socket
from contextlib import AsyncExitStack, contextmanager
from http.client import HTTPConnection, IncompleteRead
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from colloquy.api.app import create_api
from colloquy.api.events import hub as event_hub
from colloquy.api.events import stream as event_stream
from colloquy.api.routes import API
from colloquy.runtime.application import install
from colloquy.runtime.bus import BusEvent, EventBus, EventKind
from session_store.models import GENERAL, SessionKey
from tests.support.applications import counted, new_session, open_application
from tests.support.servers import Server
from tests.support.streams import PATIENCE, Reader, Sent, chunks, reading, served

KEY = SessionKey("assistant", "local", "here")
OTHER = SessionKey("assistant", "local", "elsewhere")


@pytest.fixture
def application(tmp_path):
    application = open_application(tmp_path, max_turns=20)
    install(application)
    yield application
    install(None)
    application.close()


@pytest.fixture
def url(application):
    with served(Starlette(routes=[Mount(API, create_api())])) as url:
        yield url


def say(application, text, key=KEY):
    application.bus.publish(BusEvent(EventKind.AGENT_CHUNK, key, "turn", text))


def say_all(application, letters):
    for letter in letters:
        say(application, letter)


async def take(reader, number):
    return [await reader.next() for _ in range(number)]


async def test_the_hub_forgets_deleted_sessions_but_not_the_last_ones_nor_those_restored(application, monkeypatch):
    monkeypatch.setattr(event_hub, "MOST_GONE", 2)
    hub = event_hub.EventHub.of(application.bus, application.store)
    heard = 0

    async def hear():
        nonlocal heard
        published = application.bus.since(heard)
        heard = application.bus.last
        return {workspace for notice in await hub.notices(published) for workspace in notice.workspaces}

    keys = [new_session(application) for _ in range(5)]
    await hear()
    application.delete_sessions(keys[:4])
    assert await hear() == {GENERAL}
    assert keys[4] in hub._workspaces
    assert len(hub._workspaces) == 3
    application.restore_sessions(keys[:4])
    await hear()
    application.delete_sessions(keys[:1])
    assert await hear() == {GENERAL}
    assert hub._workspaces.keys() == set(keys)


# -- content -----------------------------------------------------------------------------------------------------------


async def test_a_client_gets_all_events_of_a_turn(application, url):
    key = new_session(application)
    async with reading(url) as reader:
        turn = await asyncio.to_thread(application.turns.submit, key, "think 2 then count 3")
        heard = await reader.take_until("turn-changed", status="completed")
    about = {"session_id": key.session_id, "agent": "assistant", "workspace_id": GENERAL, "turn_id": turn.id}
    said = [event.data for event in heard if event.kind == "agent-chunk"]
    assert "".join(data["text"] for data in said) == "".join(data["content"] for data in said) == "w0 w1 w2 "
    assert "".join(data["thought"] or "" for data in said if not data["text"]) == "t0 t1 "
    assert not any(data["text"] and data["thought"] for data in said)
    assert not any(data["is_done"] for data in said)
    assert all(about.items() <= data.items() for data in said)
    [answer] = {(data["event_id"], data["author"]) for data in said}
    assert answer == (application.store.events.list(key)[-1].event.id, "assistant")
    statuses = [event.data["status"] for event in heard if event.kind == "turn-changed"]
    assert list(dict.fromkeys(statuses)) == ["queued", "running", "completed"]
    assert heard[0].data["time"].endswith("Z")


@pytest.mark.parametrize(("message", "status"), [("count 1", "completed"), ("count 1 then fail", "failed")])
async def test_the_last_chunk_of_a_turn_is_marked(application, url, message, status):
    async with reading(url) as reader:
        turn = await asyncio.to_thread(application.turns.submit, new_session(application), message)
        heard = await reader.take_until("agent-chunk", is_done=True)
    last = heard[-1].data
    assert (last["session_id"], last["turn_id"], last["content"]) == (turn.key.session_id, turn.id, "")
    assert [one.data["content"] for one in heard if one.kind == "agent-chunk"] == ["w0 ", ""]
    assert application.store.turns.get(turn.id).status == status


async def test_list_events_contain_the_current_list(application, url):
    async with reading(url) as reader:
        first = await asyncio.to_thread(new_session, application)
        await reader.take_until("session-list-changed")
        second = await asyncio.to_thread(new_session, application)
        [*_, news] = await reader.take_until("session-list-changed", session_id=second.session_id)
        listed = (await asyncio.to_thread(httpx.get, f"{url}{API}/v1/runtime/sessions", trust_env=False)).json()[
            "items"
        ]
        assert news.data["sessions"] == listed
        assert [one["session_id"] for one in listed] == [second.session_id, first.session_id]
        await asyncio.to_thread(application.rename_session, first, 'The "sessions": null of it')
        [*_, news] = await reader.take_until("session-list-changed", session_id=first.session_id)
        assert 'The "sessions": null of it' in [one["title"] for one in news.data["sessions"]]
        await asyncio.to_thread(application.terminate_sessions, [first, second])
        [*_, news] = await reader.take_until("session-list-changed", session_id=second.session_id)
        assert news.data["sessions"] == []


async def test_new_sessions_and_workspaces_are_announced(application, url):
    async with reading(url) as reader:
        key = await asyncio.to_thread(new_session, application)
        await asyncio.to_thread(application.workspaces.create, "Elsewhere")
        heard = await reader.take_until("workspaces-changed", session_id=None)
    told = {event.kind for event in heard if event.data["session_id"] == key.session_id}
    assert {"session-created", "session-list-changed"} <= told


async def test_fifty_clients_get_every_chunk_of_twenty_turns_once_and_in_order(application, url):
    keys = [new_session(application) for _ in range(20)]
    watched = [keys if number % 5 == 0 else [keys[number % 20], keys[(number + 7) % 20]] for number in range(50)]

    async def read(reader: Reader, mine: list[SessionKey]) -> list[Sent]:
        events, running = [], {key.session_id for key in mine}
        while running:
            event = await reader.next()
            events.append(event)
            if event.data.get("status") == "completed":
                running.discard(event.data["session_id"])
        return events

    async with AsyncExitStack() as stack:
        readers = [
            await stack.enter_async_context(
                reading(url, session=[] if mine is keys else [key.session_id for key in mine])
            )
            for mine in watched
        ]
        for key in keys:
            await asyncio.to_thread(application.turns.submit, key, "count 40 every 5 ms")
        heard = await asyncio.gather(*map(read, readers, watched))

    for events, mine in zip(heard, watched, strict=True):
        numbers = [number_of(event.id) for event in events]
        assert numbers == sorted(set(numbers))
        assert {event.data["session_id"] for event in events} == {key.session_id for key in mine}
        for key in mine:
            assert chunks([event for event in events if event.data["session_id"] == key.session_id]) == counted(40)


def number_of(event_id):
    return int(event_id.rpartition("-")[2])


# -- filters -----------------------------------------------------------------------------------------------------------


async def test_events_can_be_filtered_by_session(application, url):
    third = SessionKey("assistant", "local", "third")
    async with reading(url, session=[KEY.session_id, third.session_id]) as reader:
        for key in (OTHER, KEY, OTHER, third):
            say(application, key.session_id, key)
        assert chunks(await take(reader, 2)) == "herethird"


async def test_events_can_be_filtered_by_workspace_including_moves_in_and_out(application, url):
    place = application.workspaces.create("Place").id
    here, there = new_session(application, workspace_id=place), new_session(application)
    async with reading(url, workspace=place) as reader, reading(url) as other:
        await asyncio.to_thread(application.move_sessions, [here], GENERAL)
        say(application, "not for this client", here)
        say(application, "nor this", there)
        await take(other, 3)
        await asyncio.to_thread(application.move_sessions, [there], place)
        say(application, "heard", there)
        out, into, word = await take(reader, 3)
    assert [(moved.kind, moved.data["session_id"], moved.data["workspace_id"]) for moved in (out, into)] == [
        ("session-list-changed", here.session_id, GENERAL),
        ("session-list-changed", there.session_id, place),
    ]
    assert word.data["text"] == "heard"


async def test_the_workspace_filter_includes_deleted_sessions_and_changes_of_the_tree(application, url):
    place = application.workspaces.create("Place").id
    key = new_session(application, workspace_id=place)
    async with reading(url, workspace=place) as reader:
        await asyncio.to_thread(application.delete_sessions, [key])
        assert (await reader.next()).data["session_id"] == key.session_id
        await asyncio.to_thread(application.workspaces.rename, place, "Other name")
        assert (await reader.next()).kind == "workspaces-changed"


# -- reconnecting ------------------------------------------------------------------------------------------------------


async def test_a_reconnecting_client_resumes_after_its_last_event(application, url):
    async with reading(url) as reader:
        say_all(application, "abc")
        last = (await take(reader, 2))[-1].id
    say_all(application, "de")
    async with reading(url, after=last, session=KEY.session_id) as reader:
        say(application, "f")
        assert chunks(await take(reader, 4)) == "cdef"


async def test_a_client_without_headers_may_name_its_last_event_in_the_url(application, url):
    async with reading(url) as reader:
        say_all(application, "abc")
        first, second, _ = await take(reader, 3)
    async with reading(url, last_event_id=first.id) as reader:
        assert chunks(await take(reader, 2)) == "bc"
    async with reading(url, last_event_id=first.id, after=second.id) as reader:
        assert chunks(await take(reader, 1)) == "c"


async def test_a_client_without_a_last_event_can_reconnect(application, url):
    say(application, "before")
    async with reading(url) as reader:
        place = reader.last_id
    say(application, "missed")
    async with reading(url, after=place) as reader:
        assert (await reader.next()).data["text"] == "missed"


async def test_a_client_that_reconnects_too_late_is_told_of_the_gap_first(application, url):
    small = OtherBus(application, EventBus(most_events=3))
    install(small)
    async with reading(url) as reader:
        say_all(small, "ab")
        first, second = await take(reader, 2)
    say_all(small, "cde")
    async with reading(url, after=second.id) as reader:
        assert chunks(await take(reader, 3)) == "cde"
    async with reading(url, after=first.id) as reader:
        say(small, "f")
        gap, after = await take(reader, 2)
    assert gap.kind == "gap"
    assert gap.data["reason"] == "Too many events have occurred since."
    assert after.data["text"] == "f"
    async with reading(url, after=gap.id) as reader:
        assert chunks(await take(reader, 1)) == "f"


async def test_a_client_with_an_unknown_last_event_is_told_of_the_gap(application, url):
    async with reading(url) as reader:
        say(application, "a")
        event = await reader.next()
    epoch, _, _ = event.id.rpartition("-")
    unknown = [f"{epoch}-999", f"{epoch}-", f"{epoch}--1", f"{epoch}-{9 * 10**30}", f"{epoch}-²"]
    for strange in (*unknown, "no id"):
        async with reading(url, after=strange.encode()) as reader:
            gap = await reader.next()
        assert (gap.kind, gap.data["reason"]) == ("gap", "There is no event with this id.")
    install(OtherBus(application, EventBus()))
    async with reading(url, after=event.id) as reader:
        assert (await reader.next()).data["reason"] == "Colloquy has restarted since."


class OtherBus:
    """An application with another bus."""

    def __init__(self, application, bus):
        self.store, self.bus = application.store, bus


# -- connections -------------------------------------------------------------------------------------------------------


async def test_an_idle_connection_sends_heartbeats_with_the_last_event_id(application, url, monkeypatch):
    monkeypatch.setattr(event_stream, "HEARTBEAT", 0.01)
    async with reading(url, session=OTHER.session_id) as reader:
        assert reader.retry
        begin = reader.last_id
        say(application, "not for this client")
        while reader.last_id == begin:
            reader.take(await reader.block())
        assert "still here" in reader.comments
        place = reader.last_id
    say(application, "word", OTHER)
    async with reading(url, after=place, session=OTHER.session_id) as reader:
        assert (await reader.next()).data["text"] == "word"


async def test_headers_keep_proxies_from_buffering_events(application, url):
    async with reading(url) as reader:
        headers = reader.response.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-cache"
        assert "content-encoding" not in headers


async def test_many_clients_share_one_listener_of_the_bus(application, url):
    before = len(application.bus._listeners)
    async with reading(url), reading(url), reading(url):
        assert len(application.bus._listeners) == before + 1


async def test_a_client_that_stops_reading_is_dropped_without_delaying_others_or_losing_events(
    application, url, caplog
):
    piece, said = "x" * 100_000, 0
    with stopped_reading(url) as stopped:
        async with reading(url) as reader:
            while not dropped(caplog):
                say(application, piece)
                said += 1
                assert chunks(await take(reader, 1)) == piece
        got = await asyncio.to_thread(everything_from, stopped)
    ids = [line.removeprefix("id: ") for line in got.splitlines() if line.startswith("id: ")]
    async with reading(url, after=ids[-1]) as reader:
        rest = await take(reader, said - number_of(ids[-1]))
    assert chunks(rest) == piece * len(rest)
    assert [*map(number_of, ids[1:]), *(number_of(event.id) for event in rest)] == [*range(1, said + 1)]


def dropped(caplog):
    return "A client that does not read the events was dropped." in caplog.messages


@contextmanager
def stopped_reading(url):
    """The response to a client that requested the events and does not read them."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname, address.port)
    connection.sock = socket.socket()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50_000)
    connection.sock.settimeout(PATIENCE)
    connection.sock.connect((address.hostname, address.port))
    connection.request("GET", "/api/v1/events")
    with connection.getresponse() as response:
        yield response
    connection.close()


def everything_from(response):
    """Everything that still arrives until the server closes the connection."""
    with pytest.raises(IncompleteRead) as cut:
        response.read()
    return cut.value.partial.decode()


# -- the app -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_the_app_streams_events_and_shuts_down_while_clients_are_listening(tmp_path):
    server = await asyncio.to_thread(Server(tmp_path / "data").start)
    try:
        async with reading(server.url) as reader, reading(server.url) as other:
            assert "content-encoding" not in reader.response.headers
            await asyncio.to_thread(speak_through_adk, server.url, "count 20")
            heard = await reader.take_until("turn-changed", status="completed")
            assert chunks(heard) == counted(20)
            ended = asyncio.create_task(asyncio.to_thread(server.stop))
            rest = [event async for event in everything(reader)]
            assert {event.kind for event in rest} <= {"session-list-changed", "turn-changed", "agent-chunk"}
            assert chunks(rest) == ""
            assert chunks([event async for event in everything(other)]) == counted(20)
            await ended
    finally:
        server.close()
    assert "exceeded" not in server.output()
    assert "Traceback" not in server.output()


def speak_through_adk(url, text):
    with httpx.Client(base_url=f"{url}/adk", timeout=PATIENCE, trust_env=False) as client:
        session = client.post("/apps/assistant/users/local/sessions").raise_for_status().json()
        message = {"role": "user", "parts": [{"text": text}]}
        names = {"appName": "assistant", "userId": "local", "sessionId": session["id"]}
        client.post("/run", json={**names, "newMessage": message}).raise_for_status()


async def everything(reader):
    while event := await reader.next():
        yield event
