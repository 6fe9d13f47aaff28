"""Simulates users who continuously run queries that nobody should, through chats and the SQL page."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection
from websockets.typing import Origin, Subprotocol

LONG = "with t as (select string_agg('a', '') as a from range(1000000))"
DUCKDB = (
    "select list_sort(range(60000000))[1]",
    "select count(*) from (select unnest(range(60000000)) as x)",
    "select list_distinct(range(60000000))[1]",
    "select list_zip(range(30000000), range(30000000))[1]",
    "select flatten([range(30000000), range(30000000)])[1]",
    "select list_filter(range(60000000), lambda x: x % 2 = 0)[1]",
    "select list_resize([1], 100000000)[1]",
    "select length(list_reduce(list_transform(range(40), lambda x: 'xx'), lambda a, b: a || a))",
    f"{LONG} select levenshtein(a, a || 'b') from t",
    f"{LONG} select damerau_levenshtein(a, a || 'b') from t",
    f"{LONG} select count(*) from t, range(1000000) r(i) where regexp_matches(a || i::varchar, '(a|aa|b)*c(a*)*d')",
    "with recursive r as (select 1 as n union all select n + 1 from r) select sum(n) from r",
    "with recursive r as (select 'x' as t union all select t || t from r) select max(length(t)) from r",
    "select count(*) from range(100000000) a, range(100000000) b where a.range * b.range = 1",
    "select length(string_agg(i::varchar, ',')) from range(300000000) t(i)",
    "select string_agg(i::varchar, ',') from range(7000000) t(i)",
    "select length(repeat(repeat('x', 1000000), 2000))",
    "select repeat('x', 60000000)",
    "select i, hash(i), i::varchar from range(1000000000) t(i)",
    "select i, i::varchar from range(100000000) t(i) order by hash(i) desc",
    "select json_group_array(i) from range(100000000) t(i)",
    "select histogram(i) from range(100000000) t(i)",
    "select " + ", ".join(f"i + {number} as c{number}" for number in range(900)) + " from range(100000) t(i)",
)
POSTGRES = (
    "select array_fill(0, array[100000000])",
    "select length(repeat('x', 1000000000))",
    "select repeat('x', 1000000) from generate_series(1, 1000000)",
    "select array_agg(i) from generate_series(1, 1000000000) i",
    "select cardinality(array_agg(i)) from (select generate_series(1, (select 300000000 from pg_class limit 1)) i) t",
    "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b",
    "select string_agg(md5(i::text), ',') from generate_series(1, 100000000) i",
    "with recursive r(n) as (select 1 union all select n + 1 from r) select sum(n) from r",
    "select i, md5(i::text) from generate_series(1, 1000000000) i order by 2",
    "select count(*) from generate_series(1, 100000) i where repeat('a', 1000) || i ~ '(a|aa|b)*c(a*)*d'",
    "select pg_sleep(60)",
)
SQLITE = (
    "with recursive r(n) as (select 1 union all select n + 1 from r) select sum(n) from r",
    "with recursive r(n) as (select 1 union all select n + 1 from r) select group_concat(n) from r",
    "select sum(instr(hex(zeroblob(4000000)), 'x')) from t a, t b, t c, t d, t e",
    "select count(*) from t a, t b, t c, t d, t e, t f, t g, t h",
    "select printf('%.*c', 100000000, 'x')",
    "select hex(zeroblob(7000000)) from t a, t b, t c",
    "select a.n from t a, t b, t c, t d, t e order by random()",
)

PATIENCE = 120.0
IMPATIENT = 0.25
"""The share of queries that are stopped before they end."""

TICK = 0.2
"""Seconds after which a page checks again."""

Ask = Callable[[httpx.AsyncClient, str, float], Awaitable[str]]


@dataclass(frozen=True)
class Place:
    """Where chats can run queries: an agent, and a workspace if it needs one."""

    name: str
    agent: str
    workspace: str | None
    statements: tuple[str, ...]


@dataclass
class Told:
    """How queries ended, by entrance and outcome; and the longest duration of one."""

    ends: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    slowest: str = ""


def attack(url: str, places: list[Place], people: int, seconds: float) -> Told:
    """Runs this many users for this many seconds."""
    return asyncio.run(_attack(url, places, people, seconds))


async def _attack(url: str, places: list[Place], people: int, seconds: float) -> Told:
    told, end = Told(), time.monotonic() + seconds
    async with asyncio.TaskGroup() as tasks:
        for number in range(people):
            tasks.create_task(_person(url, places, number, end, told))
    return told


async def _person(url: str, places: list[Place], number: int, end: float, told: Told) -> None:
    choice = random.Random(number)
    asked: list[tuple[str, Ask, str]] = []
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as client:
        while time.monotonic() < end:
            if not asked:
                asked = _everything(url, places)
                choice.shuffle(asked)
            entrance, ask, sql = asked.pop()
            patience = choice.uniform(0.1, 3) if choice.random() < IMPATIENT else PATIENCE
            begin = time.monotonic()
            try:
                outcome = await ask(client, sql, patience)
            except (OSError, httpx.HTTPError, websockets.WebSocketException, TimeoutError) as error:
                outcome = f"{type(error).__name__}: {error}"
                await asyncio.sleep(TICK)
            told.ends[f"{entrance}: {outcome}"] += 1
            if time.monotonic() - begin > told.longest:
                told.longest, told.slowest = time.monotonic() - begin, f"{entrance}: {sql[:100]}"


def _everything(url: str, places: list[Place]) -> list[tuple[str, Ask, str]]:
    asked: list[tuple[str, Ask, str]] = [
        (place.name, _in_chat(place), sql) for place in places for sql in place.statements
    ]
    return asked + [("SQL page", _on_page(url), sql) for sql in DUCKDB]


def _in_chat(place: Place) -> Ask:
    async def ask(client: httpx.AsyncClient, sql: str, patience: float) -> str:
        new = {"agent_id": place.agent, "workspace_id": place.workspace}
        made = await client.post("/api/v1/runtime/sessions", json={name: said for name, said in new.items() if said})
        session = made.raise_for_status().json()["session_id"]
        question = client.post("/api/v1/run_turn", json={"session_id": session, "message": f"/sql {sql}"})
        try:
            answer = await asyncio.wait_for(question, patience)
        except TimeoutError:
            await client.post(f"/api/v1/runtime/sessions/{session}/stop")
            return "stopped by the person"
        return _kind(answer.raise_for_status().text)

    return ask


def _kind(text: str) -> str:
    said = {"which is the limit": "out of time", "MB": "out of memory", "stopped": "stopped", "not run": "refused"}
    said |= {"not among": "refused", "must be": "refused", "not available": "refused", "ended the process": "ended"}
    found = next((kind for words, kind in said.items() if words in text), None)
    return found or ("rows" if json.loads(text).get("status") == "completed" else "failed")


def _on_page(url: str) -> Ask:
    async def ask(_client: httpx.AsyncClient, sql: str, patience: float) -> str:
        address = url.replace("http", "ws", 1) + "/_stcore/stream"
        async with websockets.connect(
            address, origin=Origin(url), subprotocols=[Subprotocol("streamlit")], max_size=None
        ) as socket:
            page = _Page(socket, sql)
            await page.open()
            await page.click("Run")
            with suppress(TimeoutError):
                await asyncio.wait_for(page.until_over(), patience)
                return "over"
            await page.click("Cancel")  # then the page closes at once, in half of the cases before the click is read
            return "cancelled"

    return ask


class _Page:
    """The SQL page as seen by a browser: it reads messages, clicks buttons, and runs timed fragments."""

    def __init__(self, socket: ClientConnection, sql: str) -> None:
        self._socket = socket
        self._query = f"sql={quote(sql)}"
        self._buttons: dict[str, str] = {}
        self._fragment = ""

    async def open(self) -> None:
        await self._send(BackMsg())
        while "Run" not in self._buttons:
            await self._whole_run()

    async def click(self, label: str) -> None:
        if label in self._buttons:
            message = BackMsg()
            widget = message.rerun_script.widget_states.widgets.add()
            widget.id, widget.trigger_value = self._buttons[label], True
            await self._send(message)

    async def until_over(self) -> None:
        """Waits until a run of the whole page draws nothing that runs on a timer."""
        looking = asyncio.create_task(self._tick())
        try:
            await self._whole_run()
            while self._fragment:
                await self._whole_run()
        finally:
            looking.cancel()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            if self._fragment:
                message = BackMsg()
                message.rerun_script.fragment_id = self._fragment
                message.rerun_script.is_auto_rerun = True
                await self._send(message)

    async def _whole_run(self) -> None:
        by_clock = ""
        while True:
            message = ForwardMsg.FromString(await self._socket.recv(decode=False))
            kind = message.WhichOneof("type")
            if kind == "new_session":
                by_clock = ""
            elif kind == "auto_rerun":
                by_clock = message.auto_rerun.fragment_id
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "button":
                self._buttons[message.delta.new_element.button.label] = message.delta.new_element.button.id
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self._fragment = by_clock
                return

    async def _send(self, message: BackMsg) -> None:
        message.rerun_script.query_string = self._query
        message.rerun_script.page_name = "sql"
        await self._socket.send(message.SerializeToString())
