"""Results of turns."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from session_store import Store
from session_store.errors import StoreError
from session_store.models import Result, ResultKind, SessionKey, Turn, TurnStatus
from session_store.sessions.results import PART_BYTES
from tests.session_store.events import append, rewind, said

KEY = SessionKey("agent", "ann", "one")
TABLE = Result(
    id="r1",
    key=KEY,
    turn_id="turn-1",
    call_id="call-1",
    kind=ResultKind.TABLE,
    title="Revenue by month",
    sql="select month, revenue from months",
    spec=None,
    rows=12,
    note="Only the first 12 rows were read, which is the limit.",
    seconds=0.5,
    file_name=None,
    file_version=None,
    mime_type=None,
    size=4,
    created_at=1.0,
)
CHART = replace(TABLE, id="r2", kind=ResultKind.CHART, spec={"mark": "line", "n": [1, None]}, created_at=2.0)
FILE = replace(
    TABLE,
    id="r3",
    call_id=None,
    kind=ResultKind.FILE,
    sql=None,
    rows=None,
    seconds=None,
    file_name="plan.pdf",
    file_version=2,
    mime_type="application/pdf",
    created_at=3.0,
)
LARGE = bytes(range(256)) * (2 * PART_BYTES // 256) + b"the end"


@pytest.fixture
def session(store: Store) -> SessionKey:
    store.sessions.create(KEY)
    return KEY


def ids(page) -> list[str]:
    return [result.id for result in page.items]


def count(store: Store, table: str) -> int:
    return store.log.database.rows(f"select count(*) from {table}")[0][0]


def test_tables_charts_and_files_survive_a_restart(store, path, session):
    assert store.results.add(TABLE, b"rows")
    assert store.results.add(CHART, LARGE)
    assert store.results.add(FILE)
    store.close()

    again = Store(path)
    assert again.results.list(session).items == (FILE, CHART, TABLE)
    assert again.results.count(session) == 3
    assert again.results.get("r2") == CHART
    assert (again.results.data("r1"), again.results.data("r2")) == (b"rows", LARGE)
    assert again.results.data("r3") is None
    assert again.results.get("nothing") is None
    assert again.results.data("nothing") is None
    assert again.results.of_calls(["call-1", "call-2"]) == {"call-1": [TABLE, CHART]}
    again.close()


def test_results_are_paged_newest_first(store, session):
    for number in range(7):
        store.results.add(replace(TABLE, id=f"r{number}", created_at=float(number // 2)))
    seen, place = [], None
    while True:
        page = store.results.list(session, before=place, limit=2)
        seen += ids(page)
        place = page.next
        if place is None:
            break
    assert seen == ["r6", "r5", "r4", "r3", "r2", "r1", "r0"]
    with pytest.raises(StoreError, match="Start again"):
        store.results.list(session, before="somewhere")


def test_each_session_has_its_own_results(store, session):
    other = SessionKey("agent", "ann", "two")
    store.sessions.create(other)
    store.results.add(TABLE)
    store.results.add(replace(CHART, key=other))

    assert ids(store.results.list(session)) == ["r1"]
    assert ids(store.results.list(other)) == ["r2"]


def test_results_of_a_rewound_turn_are_not_listed(store, session):
    for name in ("turn-1", "turn-2"):
        store.turns.create(Turn(name, session, TurnStatus.COMPLETED, {}, None, created_at=1.0))
        append(store, session, said(name, turn=name))
    store.results.add(TABLE)
    store.results.add(replace(CHART, turn_id="turn-2"))
    append(store, session, rewind("turn-2"))

    assert ids(store.results.list(session)) == ["r1"]
    assert store.results.count(session) == 1


def test_a_result_can_be_removed(store, session):
    store.results.add(TABLE, LARGE)
    store.results.add(CHART, b"stays")
    store.results.delete("r1")
    store.results.delete("r1")

    assert ids(store.results.list(session)) == ["r2"]
    assert store.results.data("r1") is None
    assert store.results.data("r2") == b"stays"
    assert count(store, "result_data") == 1


def test_results_of_a_deleted_session_are_hidden_until_it_is_restored(store, session):
    store.results.add(TABLE, b"rows")
    store.sessions.delete([session])

    assert not store.results.add(CHART, LARGE)
    assert store.results.get("r1") is None
    assert store.results.data("r1") is None
    assert store.results.of_calls(["call-1"]) == {}
    assert (store.results.list(session).items, store.results.count(session)) == ((), 0)

    store.sessions.restore([session])
    assert ids(store.results.list(session)) == ["r1"]
    assert store.results.data("r1") == b"rows"
    assert count(store, "result_data") == 1


@pytest.mark.parametrize("way", ["purge", "workspace", "adk"])
def test_removing_a_session_removes_its_results_and_feedback(store, session, way):
    work = store.workspaces.create("Work")
    other = SessionKey("agent", "ann", "two")
    store.sessions.create(other)
    for key, result in ((session, TABLE), (other, replace(CHART, key=other))):
        append(store, key, said("well?"))
        store.results.add(result, LARGE)
        assert store.feedback.set(key, store.events.list(key)[0].event.id, 1)
    if way == "purge":
        store.sessions.delete([session])
        store.sessions.purge_deleted(older_than=-1)
    elif way == "workspace":
        store.sessions.move([session], work.id)
        store.workspaces.delete(work.id)
    else:
        store.log.remove([session]).result()

    assert (count(store, "results"), count(store, "feedback"), count(store, "result_data")) == (1, 1, 3)
    assert store.results.data("r2") == LARGE
    assert not store.results.add(replace(TABLE, id="late"), LARGE)
    assert count(store, "result_data") == 3


def test_a_result_whose_data_cannot_be_stored_leaves_nothing_behind(store, session, monkeypatch):
    store.results.add(TABLE, b"rows")
    with pytest.raises(StoreError):
        store.results.add(replace(TABLE, created_at=9.0), LARGE)  # an id already in use

    assert store.results.get("r1") == TABLE
    assert store.results.data("r1") == b"rows"
    assert store.results.add(CHART, LARGE)
    assert store.results.data("r2") == LARGE


def test_deleting_a_workspace_with_running_turns_leaves_nothing_behind(store):
    """Whatever arrives too late is refused and leaves nothing behind."""
    work = store.workspaces.create("Work")
    keys = [SessionKey("agent", "ann", str(number)) for number in range(4)]
    for key in keys:
        store.sessions.create(key, workspace_id=work.id)
    outcomes = {}

    def turn(key: SessionKey) -> None:
        number = 0
        while store.results.add(replace(TABLE, id=f"{key.session_id}-{number}", key=key), LARGE):
            number += 1
        outcomes[key] = number

    threads = [threading.Thread(target=turn, args=[key]) for key in keys]
    for thread in threads:
        thread.start()
    while not all(store.results.count(key) for key in keys):
        pass
    store.workspaces.delete(work.id)
    for thread in threads:
        thread.join()

    assert set(outcomes) == set(keys)
    assert (count(store, "results"), count(store, "result_data"), count(store, "sessions")) == (0, 0, 0)


_DIES_HALFWAY = """
import os, sys
from session_store import Store
from tests.session_store.sessions.test_results import CHART, KEY, LARGE, TABLE
store = Store(sys.argv[1])
store.sessions.create(KEY)
store.results.add(TABLE, LARGE)
store.results._add_part(CHART.id, 0, LARGE[:1000])
os._exit(1)
"""


def test_a_process_that_dies_while_storing_a_result_leaves_nothing_behind(path):
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", _DIES_HALFWAY, str(path)], cwd=root, timeout=120, check=False)
    assert done.returncode == 1

    store = Store(path)
    assert store.results.list(KEY).items == (TABLE,)
    assert store.results.data("r1") == LARGE
    store.results.add(CHART, b"again")  # waits for the work started when the store was opened
    assert store.results.data("r2") == b"again"
    assert count(store, "result_data") == 4
    store.close()
