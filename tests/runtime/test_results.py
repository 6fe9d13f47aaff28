"""Results of turns are stored, announced, and can be produced again."""

import io

import pyarrow as pa
import pytest
from pyarrow import parquet

from colloquy.agents.data.errors import ConnectionInvalidError, QueryStoppedError, SqlFailedError
from colloquy.agents.data.guard.bounds import Bounds
from colloquy.agents.data.results import QueryResult
from colloquy.runtime.bus import EventKind
from colloquy.runtime.results import ResultGoneError, ResultOrigin, as_parquet
from session_store.errors import StoreFullError
from session_store.models import SAMPLE_SHOP, ResultKind, TurnStatus
from tests.agents.folders import agent_folders
from tests.support.applications import conversation, finish, new_session, open_application, until_loaded

TABLE = 'call run_sql {"sql": "select product_id, name from products order by 1", "title": "Products"}'
CHART = (
    'call make_chart {"title": "Orders", "sql": "select channel, count(*) as orders from orders group by 1",'
    ' "encoding": {"x": "channel", "y": "orders"}}'
)
FILES = """
from google.adk.agents import LlmAgent
from google.adk.tools import ToolContext
from google.genai import types
from tests.support.scripted import ScriptedModel


async def save(name: str, text: str, tool_context: ToolContext) -> dict:
    part = types.Part.from_bytes(data=text.encode(), mime_type="text/csv")
    return {"version": await tool_context.save_artifact(name, part)}


root_agent = LlmAgent(name="writer", model=ScriptedModel(), tools=[save])
"""


def ask(application, message, agent_id="data_analyst"):
    key = new_session(application, agent_id, workspace_id=SAMPLE_SHOP)
    [turn] = finish(application, application.turns.submit(key, message))
    return key, turn


def results(application, key):
    return list(application.store.results.list(key).items)


def rows_of(application, result):
    return parquet.read_table(io.BytesIO(application.store.results.data(result.id)))


@pytest.mark.usefixtures("sample_data")
class TestTablesAndCharts:
    def test_a_table_is_stored_with_its_query_and_its_call(self, application):
        key, turn = ask(application, TABLE)
        [result] = results(application, key)
        assert (result.kind, result.title, result.turn_id) == (ResultKind.TABLE, "Products", turn.id)
        assert result.sql == "select product_id, name from products order by 1"
        assert result.rows == rows_of(application, result).num_rows > 100
        assert result.size == len(application.store.results.data(result.id))
        assert application.store.results.of_calls([result.call_id]) == {result.call_id: [result]}
        assert "run_sql answered" in conversation(application, key)[-1].text

    def test_a_chart_is_stored_with_its_specification(self, application):
        key, _ = ask(application, CHART)
        [result] = results(application, key)
        assert (result.kind, result.title) == (ResultKind.CHART, "Orders")
        assert result.spec["encoding"]["x"]["field"] == "channel"
        assert rows_of(application, result).column_names == ["channel", "orders"]

    def test_a_result_is_announced_once_it_can_be_read(self, application):
        heard = []

        def hear(event):
            if event.kind is EventKind.RESULT_ADDED:
                heard.append((event.key, event.turn_id, application.store.results.count(event.key)))

        application.bus.subscribe(hear)
        key, turn = ask(application, TABLE)
        assert heard == [(key, turn.id, 1)]

    def test_rows_beyond_the_limit_are_cut_and_the_result_says_so(self, tmp_path):
        application = open_application(tmp_path, query_rows=7)
        key, _ = ask(application, TABLE)
        [result] = results(application, key)
        assert (result.rows, rows_of(application, result).num_rows) == (7, 7)
        assert "Only the first 7 rows were read" in result.note
        application.close()

    def test_a_full_disk_is_explained_and_the_session_continues(self, application, monkeypatch):
        def full(*_):
            raise StoreFullError("The disk is full. Make room and try again.")

        with monkeypatch.context() as patch:
            patch.setattr(application.store.results, "add", full)
            key, turn = ask(application, TABLE)
        assert turn.status is TurnStatus.FAILED
        assert turn.error == "The result “Products” could not be saved: The disk is full. Make room and try again."
        assert finish(application, application.turns.submit(key, "hello"))[0].error is None

    def test_results_are_deleted_with_their_session(self, tmp_path):
        application = open_application(tmp_path, undo_seconds=0)
        key, _ = ask(application, TABLE)
        [result] = results(application, key)
        application.delete_sessions([key])
        assert application.store.results.get(result.id) is None
        application.close()


@pytest.mark.usefixtures("sample_data")
class TestAgain:
    def test_running_a_query_again_adds_a_result_to_the_same_turn(self, application):
        key, turn = ask(application, CHART)
        [first] = results(application, key)
        again = application.rerun(first).result()
        assert [result.id for result in results(application, key)] == [again.id, first.id]
        assert (again.kind, again.title, again.sql, again.spec) == (first.kind, first.title, first.sql, first.spec)
        assert (again.turn_id, again.call_id, again.rows) == (turn.id, first.call_id, first.rows)

    def test_a_deleted_result_cannot_run_again(self, application):
        key, _ = ask(application, CHART)
        [result] = results(application, key)
        application.delete_result(result)
        with pytest.raises(ResultGoneError):
            application.rerun(result).result()

    def test_a_missing_connection_is_explained(self, application):
        key, _ = ask(application, TABLE)
        [result] = results(application, key)
        application.workspaces.set_connection(SAMPLE_SHOP, None)
        with pytest.raises(ConnectionInvalidError, match="no longer has a data connection"):
            application.rerun(result).result()

    def test_a_query_that_no_longer_matches_the_data_is_explained(self, application, tmp_path):
        key, _ = ask(application, TABLE)
        [result] = results(application, key)
        (tmp_path / "files").mkdir()
        (tmp_path / "files" / "other.csv").write_text("a,b\n1,2\n", "utf-8")
        application.workspaces.set_connection(SAMPLE_SHOP, "folder", str(tmp_path / "files"))
        with pytest.raises(SqlFailedError):
            application.rerun(result).result()

    def test_a_query_of_the_history_analyst_runs_on_the_conversations_again(self, application):
        key, _ = ask(
            application, 'call run_sql {"sql": "select count(*) from history.conversations"}', "history_analyst"
        )
        [result] = results(application, key)
        new_session(application)
        assert rows_of(application, result).column(0).to_pylist() == [1]
        for _ in range(200):  # on a slow machine, the queried copy may be five seconds old
            again = application.rerun(result).result()
            if rows_of(application, again).column(0).to_pylist() != [1]:
                break
        assert rows_of(application, again).column(0).to_pylist() == [2]

    def test_what_still_runs_is_stopped_when_the_app_closes(self, tmp_path):
        application = open_application(tmp_path)
        key, turn = ask(application, TABLE)
        endless = "select count(*) from orders a, orders b, orders c, orders d where a.channel <> d.channel"
        table = QueryResult(endless, pa.table({"n": [1]}), 0.0, Bounds())
        result = application.services.results.add_query(ResultOrigin(key, turn.id), "Endless", table)
        running = [application.rerun(result) for _ in range(6)]  # more than may run at once
        application.close()
        assert [type(future.exception(timeout=0)) for future in running] == [QueryStoppedError] * 6


class TestFiles:
    @pytest.fixture
    def app(self, tmp_path):
        with agent_folders(tmp_path) as write:
            write("writing_desk", FILES)
            application = open_application(tmp_path / "data", agents_dir=write.parent, undo_seconds=0)
            until_loaded(application)
            yield application
            application.close()

    async def test_a_file_saved_by_an_agent_is_a_result(self, app):
        key = new_session(app, "writing_desk")
        [turn] = finish(app, app.turns.submit(key, 'call save {"name": "list.csv", "text": "a,b"}'))
        assert turn.error is None
        [result] = results(app, key)
        assert (result.kind, result.file_name, result.file_version) == (ResultKind.FILE, "list.csv", 0)
        assert (result.mime_type, result.size, result.turn_id) == ("text/csv", 3, turn.id)
        assert result.call_id is not None
        part = await app.artifacts.load_artifact(
            app_name=key.app_name, user_id=key.user_id, session_id=key.session_id, filename="list.csv", version=0
        )
        assert part.inline_data.data == b"a,b"

    def test_a_file_is_deleted_with_the_last_result_that_is_a_version_of_it(self, app, tmp_path):
        key = new_session(app, "writing_desk")
        for text in ("a", "b"):
            finish(app, app.turns.submit(key, f'call save {{"name": "list.csv", "text": "{text}"}}'))
        finish(app, app.turns.submit(key, 'call save {"name": "user:all.csv", "text": "c"}'))

        def kept() -> set[str]:
            return {path.name for path in (tmp_path / "data" / "artifacts").rglob("*.csv") if path.is_file()}

        shared, newest, oldest = results(app, key)
        app.delete_result(newest)
        assert kept() == {"list.csv", "all.csv"}
        app.delete_result(oldest)
        app.delete_result(shared)
        assert kept() == {"all.csv"}
        assert not results(app, key)

    def test_files_are_deleted_with_their_session(self, app, tmp_path):
        keys = [new_session(app, "writing_desk") for _ in range(2)]
        finish(app, *[app.turns.submit(key, 'call save {"name": "list.csv", "text": "a"}') for key in keys])
        app.delete_sessions(keys[:1])
        kept = [path.parts for path in (tmp_path / "data" / "artifacts").rglob("list.csv") if path.is_file()]
        assert [keys[1].session_id in parts for parts in kept] == [True]


class TestParquet:
    def test_writing_a_large_value_takes_no_more_than_three_times_its_size(self):
        size = 40_000_000
        table = pa.table({"text": ["x" * size]})
        pool = pa.default_memory_pool()
        held, most = pool.bytes_allocated(), pool.max_memory()
        data = as_parquet(table)
        assert pool.max_memory() <= max(most, held + 3.1 * size)
        assert parquet.read_table(io.BytesIO(data)).equals(table)

    def test_column_names_may_repeat(self):
        table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["n", "n"])
        assert parquet.ParquetFile(io.BytesIO(as_parquet(table))).schema_arrow.names == ["n", "n"]

    def test_a_result_without_columns_can_be_stored(self):
        result = QueryResult("select 1 where false", pa.table({"n": pa.array([], pa.int64())}), 0.1, Bounds())
        assert parquet.read_table(io.BytesIO(as_parquet(result.table))).num_rows == 0
