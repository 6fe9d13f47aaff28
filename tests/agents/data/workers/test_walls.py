"""Every query runs in a process with hard limits on memory and time, even when nothing in it reacts."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from colloquy.agents.data.connection import Connection
from colloquy.agents.data.database import WorkerDatabase
from colloquy.agents.data.errors import DataError, QueryBoundError, QueryStoppedError, SqlFailedError
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.history_database import HistoryDatabase
from colloquy.agents.data.workers import memory_limits
from colloquy.agents.data.workers.cancellation import Cancellation
from colloquy.agents.data.workers.memory_limits import EXIT_MEMORY, bytes_of
from colloquy.agents.data.workers.pool import Workers
from session_store import Store

MEMORY_MIB = 128
BASE_MIB = 100
"""Memory that a worker uses before its first query, plus what the engine's threads may need."""

BOUNDS = Bounds(seconds=2)
LONG = "with t as (select string_agg('a', '') as a from range(1000000))"
DEAF = f"{LONG} select levenshtein(a, a || 'b') from t"
"""No engine reacts to an interruption during this."""

HUNGRY = [
    "select list_sort(range(60000000))[1]",
    "select count(*) from (select unnest(range(60000000)) as x)",
    "select list_distinct(range(60000000))[1]",
    "select list_zip(range(30000000), range(30000000))[1]",
    "select flatten([range(30000000), range(30000000)])[1]",
    "select list_filter(range(60000000), lambda x: x % 2 = 0)[1]",
    "select list_resize([1], 100000000)[1]",
    "select length(list_reduce(list_transform(range(40), lambda x: 'xx'), lambda a, b: a || a))",
    "select list_transform(range(10000), lambda x: list_transform(range(10000), lambda y: x * y))[1][1]",
    "select map(range(20000000), range(20000000))",
    "select json_group_array(x) from range(100000000) t(x)",
    "select len(array_agg(x)) from range(100000000) t(x)",
    "select histogram(x) from range(100000000) t(x)",
    "select count(*) from (select x from range(100000000) t(x) order by hash(x) offset 5)",
    "select string_split(string_agg(x::varchar, ','), ',')[1] from range(50000000) t(x)",
]
ENDLESS = [
    DEAF,
    f"{LONG} select damerau_levenshtein(a, a || 'b') from t",
    "select count(*) from range(100000000) a, range(100000000) b where a.range * b.range = 1",
    f"{LONG} select count(*) from t, range(1000000) r(i) where regexp_matches(a || i::varchar, '(a|aa|b)*c(a*)*d')",
    "select count(*) from range(1000000000000) a where (select max(b.range) from range(1000000) b) > a.range % 7",
]


@pytest.fixture(scope="module")
def workers():
    workers = Workers()
    yield workers
    workers.close()


@pytest.fixture(scope="module")
def history(tmp_path_factory, workers):
    with closing(Store(tmp_path_factory.mktemp("walls") / "colloquy.duckdb")) as store:
        yield HistoryDatabase("conversations", store, memory_mib=MEMORY_MIB, workers=workers)


@contextmanager
def peak_of(workers):
    """Yields a list that, after the block, contains the most memory of the query processes, in MB."""
    found, over = [0.0], threading.Event()

    def look():
        while not over.wait(0.005):
            for worker in list(workers._busy):
                found[0] = max(found[0], bytes_of(worker.pid) / 2**20)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        over.set()
        looking.join()


@pytest.mark.parametrize("sql", HUNGRY)
def test_memory_of_a_query_is_limited(history, workers, sql):
    with peak_of(workers) as peak, pytest.raises(QueryBoundError, match=r"needed more than 128 MB|seconds"):
        history.query(sql, BOUNDS)
    assert peak[0] < MEMORY_MIB + BASE_MIB
    assert history.query("select count(*) from conversations").rows == 1


@pytest.mark.parametrize("sql", ENDLESS)
def test_endless_and_uninterruptible_queries_end_at_their_time_limit(history, sql):
    with pytest.raises(QueryBoundError, match=r"after 1 second,|more than 128 MB"):
        history.query(sql, Bounds(seconds=1))
    assert history.query("select 1").rows == 1


def test_four_uninterruptible_queries_block_nobody_else_and_can_be_stopped(history, workers):
    cancellations = [Cancellation(f"hostile {number}") for number in range(4)]
    with ThreadPoolExecutor(4) as threads:
        hostile = [
            threads.submit(history.query, DEAF, Bounds(seconds=600), cancellation) for cancellation in cancellations
        ]
        wait_for(lambda: len(workers._busy) == 4)
        assert history.query("select 42", cancellation=Cancellation("healthy")).table[0][0].as_py() == 42
        assert not any(one.done() for one in hostile)
        pids = [worker.pid for worker in workers._busy]
        for cancellation in cancellations:
            cancellation.cancel()
        for one in hostile:
            with pytest.raises(QueryStoppedError):
                one.result(5)
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def test_waiting_queries_of_the_least_busy_session_run_first():
    workers, order = Workers(most=2), []
    release = {name: threading.Event() for name in ("many 1", "many 2", "many 3", "one")}

    def ask(name):
        with workers._turn(Cancellation(name.split()[0])):
            order.append(name)
            release[name].wait(30)

    with ThreadPoolExecutor(4) as threads:
        for number, name in enumerate(release, 1):
            threads.submit(ask, name)
            wait_for(lambda number=number: len(workers._waiting) + len(workers._running) == number)
        release["many 1"].set()
        wait_for(lambda: len(order) == 3)
        for event in release.values():
            event.set()
    assert order == ["many 1", "many 2", "one", "many 3"]


def test_a_waiting_query_can_be_stopped():
    workers, cancellation = Workers(most=1), Cancellation("waiting")
    with workers._turn(Cancellation("running")), ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(workers._turn(cancellation).__enter__)
        wait_for(lambda: workers._waiting)
        cancellation.cancel()
        with pytest.raises(QueryStoppedError):
            waiting.result(5)


def test_total_memory_is_limited_and_the_largest_query_is_ended(tmp_path):
    workers = Workers(together_mib=250)
    database = WorkerDatabase(Connection.of("folder", str(tmp_path)), workers=workers)
    try:
        with pytest.raises(QueryBoundError, match="all running queries together"):
            database.query("select count(*) from (select unnest(range(20000000)) as x)", Bounds(seconds=60))
    finally:
        workers.close()


def test_cells_and_columns_of_a_result_are_limited(history):
    wide = ", ".join(f"i as c{number}" for number in range(100))
    result = history.query(f"select {wide} from range(1000) t(i)", Bounds(cells=5_000))
    assert (result.rows, result.cut) == (50, "cells")
    assert "5,000 cells" in result.note
    with pytest.raises(SqlFailedError, match="1,001 columns"):
        history.query("select " + ", ".join(map(str, range(1001))))


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        ("folder", HUNGRY[0]),
        ("folder", "select length(repeat(repeat('x', 1000000), 2000))"),
        ("duckdb", "select printf('%1000000000d', 1)"),
        ("duckdb", "select levenshtein(repeat('a', 1000000), repeat('b', 1000000))"),
        ("sqlite", "select group_concat(hex(zeroblob(1000000))) from orders a, orders b"),
        ("sqlite", "select sum(instr(hex(zeroblob(4000000)), a.id || 'x')) from orders a, orders b"),
    ],
)
def test_other_databases_have_the_same_limits(shops, workers, kind, sql):
    database = WorkerDatabase(shops(kind).connection, memory_mib=MEMORY_MIB, workers=workers)
    with peak_of(workers) as peak, pytest.raises(DataError, match=r"MB|seconds|memory"):
        database.query(sql, Bounds(seconds=2))
    assert peak[0] < MEMORY_MIB + BASE_MIB
    assert database.query("select count(*) from orders").rows == 1


def test_a_query_process_loads_no_unneeded_modules():
    engines = "duckdb_engine, history_engine, postgres_engine, sqlite_engine"
    program = f"""
import sys, colloquy.agents.data.workers.worker
from colloquy.agents.data.engines import {engines}
unneeded = {{"google.adk", "google.genai", "session_store.store", "streamlit", "pandas", "psutil"}}
print(*sorted(unneeded & set(sys.modules)))
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])}
    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert asked.stdout.split() == []


@pytest.mark.skipif(not Path("/proc").exists(), reason="what a process has taken is looked for in /proc")
def test_memory_left_over_by_a_query_is_available_to_the_next_one(tmp_path):
    workers = Workers()
    database = WorkerDatabase(Connection.of("folder", str(tmp_path)), workers=workers)
    try:
        database.query("select 1")
        [kept] = workers._idle
        for _ in range(20):  # how much an allocator keeps varies
            database.query("select list(i), list(i + 1) from range(900000) t(i)")
            if kept not in workers._idle:
                break
        assert kept not in workers._idle
        assert database.query("select 1").rows == 1
    finally:
        workers.close()


@pytest.mark.skipif(not Path("/proc").exists(), reason="processes are looked for in /proc")
def test_long_queries_yield_to_the_app_and_to_short_ones(tmp_path):
    workers, cancellation = Workers(), Cancellation("patient")
    database = WorkerDatabase(Connection.of("folder", str(tmp_path)), workers=workers)
    niceness = os.getpriority(os.PRIO_PROCESS, 0)

    def more_than_ours(pid):
        return {
            os.getpriority(os.PRIO_PROCESS, int(one.name)) - niceness for one in Path(f"/proc/{pid}/task").iterdir()
        }

    try:
        database.query("select 1")
        [idle] = workers._idle
        assert more_than_ours(idle.pid) == {10}
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(database.query, DEAF, Bounds(seconds=60), cancellation)
            wait_for(lambda: more_than_ours(idle.pid) == {19 - niceness})
            cancellation.cancel()
            with pytest.raises(QueryStoppedError):
                asked.result(5)
        assert all(more_than_ours(one.pid) == {10} for one in workers._spare.values())
    finally:
        workers.close()


@pytest.mark.parametrize("how", ["its time is over", "it is stopped", "its process is killed"])
def test_nothing_of_a_query_remains_on_the_server_when(how, shops, postgres_url):
    workers, cancellation = Workers(), Cancellation("somebody")
    database = WorkerDatabase(shops("postgres").connection, workers=workers)
    sorting = "select count(*) from (select md5(i::text) as m from generate_series(1, 100000000) i order by 1) t"
    with psycopg.connect(postgres_url, autocommit=True) as server, ThreadPoolExecutor(1) as threads:

        def left():
            backends = "select count(*) from pg_stat_activity where application_name = 'Colloquy'"
            return server.execute(f"select ({backends}), (select count(*) from pg_ls_tmpdir())").fetchone()

        try:
            seconds = 3 if how == "its time is over" else 60
            asked = threads.submit(database.query, sorting, Bounds(seconds=seconds), cancellation)
            wait_for(lambda: all(left()))
            pids = [worker.pid for worker in workers._busy]
            if how == "it is stopped":
                cancellation.cancel()
            elif how == "its process is killed":
                os.kill(pids[0], signal.SIGKILL)
            with pytest.raises(DataError):
                asked.result(30)
            wait_for(lambda: left() == (0, 0))
        finally:
            workers.close()
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


@pytest.mark.skipif(not Path("/proc").exists(), reason="processes are looked for in /proc")
def test_query_processes_end_when_the_app_is_killed(tmp_path):
    program = f"""
import threading
from colloquy.agents.data.connection import Connection
from colloquy.agents.data.database import WorkerDatabase
from colloquy.agents.data.workers.pool import WORKERS
database = WorkerDatabase(Connection.of("folder", {str(tmp_path)!r}))
database.query("select 1")
threading.Thread(target=database.query, args=({DEAF!r},)).start()
while not WORKERS._busy:
    pass
print(*[one.pid for one in (*WORKERS._busy, *WORKERS._spare.values())], flush=True)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as app:
        pids = [int(pid) for pid in app.stdout.readline().split()]
        assert len(pids) == 2
        app.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in pids))


def is_alive(pid):
    """Whether a process is running; a zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


ELSEWHERE = """
import sys
from pathlib import Path
from colloquy.agents.data.workers import memory_limits
memory_limits._PROC = Path("no such folder")
memory_limits.take_at_most(64)
kept = bytearray(32 * 2**20)
print("kept", flush=True)
kept += bytearray(200 * 2**20)
sys.stdin.read()
"""


def test_where_the_system_limits_no_memory_a_process_ends_itself_above_its_limit():
    with subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE],
        cwd=Path(__file__).parents[4],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "kept\n"
        assert process.wait(30) == EXIT_MEMORY


@pytest.mark.parametrize("proc", ["/proc", "no such folder"])
def test_the_memory_of_a_process_is_known_on_every_system(monkeypatch, proc):
    monkeypatch.setattr(memory_limits, "_PROC", Path(proc))
    with subprocess.Popen(
        [sys.executable, "-c", "kept = bytearray(b'x' * (50 * 2**20)); print(); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        assert 50 * 2**20 < bytes_of(process.pid) < 150 * 2**20
    assert bytes_of(process.pid) == 0
