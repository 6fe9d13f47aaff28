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
    store.create_session(KEY)
    return KEY


def ids(page) -> list[str]:
    return [result.id for result in page.items]


def count(store: Store, table: str) -> int:
    return store.log.database.rows(f"select count(*) from {table}")[0][0]


def test_tables_charts_and_files_survive_a_restart(store, path, session):
    assert store.add_result(TABLE, b"rows")
    assert store.add_result(CHART, LARGE)
    assert store.add_result(FILE)
    store.close()

    again = Store(path)
    assert again.list_results(session).items == (FILE, CHART, TABLE)
    assert again.count_results(session) == 3
    assert again.get_result("r2") == CHART
    assert (again.result_data("r1"), again.result_data("r2")) == (b"rows", LARGE)
    assert again.result_data("r3") is None
    assert again.get_result("nothing") is None
    assert again.result_data("nothing") is None
    assert again.results_of(["call-1", "call-2"]) == {"call-1": [TABLE, CHART]}
    again.close()


def test_results_are_paged_newest_first(store, session):
    for number in range(7):
        store.add_result(replace(TABLE, id=f"r{number}", created_at=float(number // 2)))
    seen, place = [], None
    while True:
        page = store.list_results(session, before=place, limit=2)
        seen += ids(page)
        place = page.next
        if place is None:
            break
    assert seen == ["r6", "r5", "r4", "r3", "r2", "r1", "r0"]
    with pytest.raises(StoreError, match="Start again"):
        store.list_results(session, before="somewhere")


def test_each_session_has_its_own_results(store, session):
    other = SessionKey("agent", "ann", "two")
    store.create_session(other)
    store.add_result(TABLE)
    store.add_result(replace(CHART, key=other))

    assert ids(store.list_results(session)) == ["r1"]
    assert ids(store.list_results(other)) == ["r2"]


def test_results_of_a_rewound_turn_are_not_listed(store, session):
    for name in ("turn-1", "turn-2"):
        store.create_turn(Turn(name, session, TurnStatus.COMPLETED, {}, None, created_at=1.0))
        append(store, session, said(name, turn=name))
    store.add_result(TABLE)
    store.add_result(replace(CHART, turn_id="turn-2"))
    append(store, session, rewind("turn-2"))

    assert ids(store.list_results(session)) == ["r1"]
    assert store.count_results(session) == 1


def test_a_result_can_be_removed(store, session):
    store.add_result(TABLE, LARGE)
    store.add_result(CHART, b"stays")
    store.delete_result("r1")
    store.delete_result("r1")

    assert ids(store.list_results(session)) == ["r2"]
    assert store.result_data("r1") is None
    assert store.result_data("r2") == b"stays"
    assert count(store, "result_data") == 1


def test_results_of_a_deleted_session_are_hidden_until_it_is_restored(store, session):
    store.add_result(TABLE, b"rows")
    store.delete_sessions([session])

    assert not store.add_result(CHART, LARGE)
    assert store.get_result("r1") is None
    assert store.result_data("r1") is None
    assert store.results_of(["call-1"]) == {}
    assert (store.list_results(session).items, store.count_results(session)) == ((), 0)

    store.restore_sessions([session])
    assert ids(store.list_results(session)) == ["r1"]
    assert store.result_data("r1") == b"rows"
    assert count(store, "result_data") == 1


@pytest.mark.parametrize("way", ["purge", "workspace", "adk"])
def test_removing_a_session_removes_its_results_and_feedback(store, session, way):
    work = store.create_workspace("Work")
    other = SessionKey("agent", "ann", "two")
    store.create_session(other)
    for key, result in ((session, TABLE), (other, replace(CHART, key=other))):
        append(store, key, said("well?"))
        store.add_result(result, LARGE)
        assert store.set_feedback(key, store.list_events(key)[0].event.id, 1)
    if way == "purge":
        store.delete_sessions([session])
        store.purge_deleted(older_than=-1)
    elif way == "workspace":
        store.move_sessions([session], work.id)
        store.delete_workspace(work.id)
    else:
        store.log.remove([session]).result()

    assert (count(store, "results"), count(store, "feedback"), count(store, "result_data")) == (1, 1, 3)
    assert store.result_data("r2") == LARGE
    assert not store.add_result(replace(TABLE, id="late"), LARGE)
    assert count(store, "result_data") == 3


def test_a_result_whose_data_cannot_be_stored_leaves_nothing_behind(store, session, monkeypatch):
    store.add_result(TABLE, b"rows")
    with pytest.raises(StoreError):
        store.add_result(replace(TABLE, created_at=9.0), LARGE)  # an id already in use

    assert store.get_result("r1") == TABLE
    assert store.result_data("r1") == b"rows"
    assert store.add_result(CHART, LARGE)
    assert store.result_data("r2") == LARGE


def test_deleting_a_workspace_with_running_turns_leaves_nothing_behind(store):
    """Whatever arrives too late is refused and leaves nothing behind."""
    work = store.create_workspace("Work")
    keys = [SessionKey("agent", "ann", str(number)) for number in range(4)]
    for key in keys:
        store.create_session(key, workspace_id=work.id)
    outcomes = {}

    def turn(key: SessionKey) -> None:
        number = 0
        while store.add_result(replace(TABLE, id=f"{key.session_id}-{number}", key=key), LARGE):
            number += 1
        outcomes[key] = number

    threads = [threading.Thread(target=turn, args=[key]) for key in keys]
    for thread in threads:
        thread.start()
    while not all(store.count_results(key) for key in keys):
        pass
    store.delete_workspace(work.id)
    for thread in threads:
        thread.join()

    assert set(outcomes) == set(keys)
    assert (count(store, "results"), count(store, "result_data"), count(store, "sessions")) == (0, 0, 0)


_DIES_HALFWAY = """
import os, sys
from session_store import Store
from tests.session_store.sessions.test_results import CHART, KEY, LARGE, TABLE
store = Store(sys.argv[1])
store.create_session(KEY)
store.add_result(TABLE, LARGE)
store._add_part(CHART.id, 0, LARGE[:1000])
os._exit(1)
"""


def test_a_process_that_dies_while_storing_a_result_leaves_nothing_behind(path):
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", _DIES_HALFWAY, str(path)], cwd=root, timeout=120, check=False)
    assert done.returncode == 1

    store = Store(path)
    assert store.list_results(KEY).items == (TABLE,)
    assert store.result_data("r1") == LARGE
    store.add_result(CHART, b"again")  # waits for the work started when the store was opened
    assert store.result_data("r2") == b"again"
    assert count(store, "result_data") == 4
    store.close()
