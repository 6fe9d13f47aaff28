"""Workspaces have data: connections without passwords, databases to query, a sample shop."""

import logging
import sqlite3
import threading
from contextlib import closing
from functools import partial

import pytest
from structlog.testing import capture_logs

from colloquy.agents.data.connection import HIDDEN
from colloquy.agents.data.errors import ConnectionInvalidError, ConnectionUnavailableError, DataError
from colloquy.agents.data.shop import shop
from colloquy.runtime.application import ARTIFACTS, DATABASE, SNAPSHOTS
from colloquy.runtime.bus import EventKind
from colloquy.runtime.workspaces import workspaces as workspaces_module
from colloquy.runtime.workspaces.passwords import SecretsError
from colloquy.runtime.workspaces.workspaces import SAMPLE
from colloquy.ui.chat.steps import step_line
from session_store.errors import WorkspaceError
from session_store.models import GENERAL, SAMPLE_SHOP, TurnStatus
from tests.agents.data.postgres import PASSWORD, URL_PASSWORD
from tests.support.applications import conversation, finish, new_session, open_application, until


@pytest.fixture
def workspaces(application):
    return application.workspaces


@pytest.fixture
def sqlite_file(tmp_path):
    return make_sqlite(tmp_path / "cats.sqlite", "cats", 3)


def make_sqlite(path, table, rows):
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"create table {table} (number integer)")
        database.executemany(f"insert into {table} values (?)", [(n,) for n in range(rows)])
        database.commit()
    return path


class TestTree:
    def test_changes_are_announced(self, application, workspaces):
        heard = []
        application.bus.subscribe(lambda event: heard.append(event.kind))
        top = workspaces.create("Team")
        below = workspaces.create("Data", top.id)
        workspaces.rename(below.id, "Figures")
        workspaces.move(below.id, None)
        workspaces.delete(top.id)
        assert heard == [EventKind.WORKSPACES_CHANGED] * 5
        assert application.store.workspaces.get(below.id).name == "Figures"

    def test_nothing_is_deleted_while_the_passwords_are_unreadable(self, application, workspaces):
        top = workspaces.create("Team")
        file = application.settings.data_dir / "secrets.json"
        file.write_text("{", "utf-8")
        with pytest.raises(SecretsError):
            application.delete_workspace(top.id)
        file.unlink()
        assert application.store.workspaces.get(top.id) == top

    def test_deleting_a_workspace_deletes_its_descendants_and_stops_their_turns(self, application, workspaces):
        top = workspaces.create("Team")
        below = workspaces.create("Data", top.id)
        key = new_session(application, workspace_id=below.id)
        other = new_session(application)
        turn = application.turns.submit(key, "count 1 then wait")
        until(application, lambda: application.turns.live(key)[0].text)
        application.delete_workspace(top.id)
        assert application.turns.live(key) == []
        assert application.store.turns.get(turn.id) is None
        assert application.store.sessions.get(key.session_id) is None
        assert application.store.workspaces.get(below.id) is None
        assert application.store.sessions.get(other.session_id).workspace_id == GENERAL

    def test_the_general_workspace_and_its_turns_stay(self, application):
        key = new_session(application)
        turn = application.turns.submit(key, "count 1 then wait")
        until(application, lambda: application.turns.live(key)[0].text)
        with pytest.raises(WorkspaceError):
            application.delete_workspace(GENERAL)
        assert application.turns.live(key)[0].status is TurnStatus.RUNNING
        application.turns.stop(turn.id)

    def test_sessions_can_be_moved(self, application, workspaces):
        key, team = new_session(application), workspaces.create("Team")
        application.move_sessions([key], team.id)
        assert application.store.sessions.get(key.session_id).workspace_id == team.id


class TestConnections:
    def test_a_connection_is_tested_before_it_is_stored(self, workspaces, sqlite_file):
        assert "cats" in workspaces.test("sqlite", str(sqlite_file)) or "1 table" in workspaces.test(
            "sqlite", str(sqlite_file)
        )
        with pytest.raises(DataError):
            workspaces.test("duckdb", str(sqlite_file.with_name("not-here.duckdb")))
        with pytest.raises(ConnectionInvalidError):
            workspaces.test("postgres", "not a url")

    @pytest.mark.parametrize("kind", ["duckdb", "sqlite", "folder"])
    def test_connecting_to_files_of_colloquy_is_refused_under_any_name(
        self, workspaces, tmp_path, tmp_path_factory, kind
    ):
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        (elsewhere / "link").symlink_to(tmp_path / DATABASE)
        (elsewhere / "hard").hardlink_to(tmp_path / DATABASE)
        (tmp_path / "secrets.json").write_text("{}", "utf-8")
        (elsewhere / "passwords").hardlink_to(tmp_path / "secrets.json")
        (elsewhere / "folder").symlink_to(tmp_path)
        ours = [tmp_path, tmp_path / DATABASE, tmp_path / f"{DATABASE}.wal", tmp_path / ARTIFACTS / "apps"]
        ours += [*elsewhere.iterdir(), elsewhere / "folder" / DATABASE, tmp_path / "x" / ".." / DATABASE]
        for place in ours:
            for attempt in (workspaces.test, partial(workspaces.set_connection, GENERAL)):
                with pytest.raises(ConnectionInvalidError, match="its own chats"):
                    attempt(kind, str(place))
        for place in (tmp_path / "cats", tmp_path / SNAPSHOTS / "a.duckdb", elsewhere, tmp_path.parent):
            workspaces.set_connection(GENERAL, kind, str(place))
            assert workspaces.database(GENERAL)

    def test_a_link_later_redirected_to_files_of_colloquy_is_refused(self, workspaces, sqlite_file, tmp_path):
        workspaces.set_connection(GENERAL, "sqlite", str(sqlite_file))
        sqlite_file.unlink()
        sqlite_file.symlink_to(tmp_path / DATABASE)
        with pytest.raises(ConnectionInvalidError, match="its own chats"):
            workspaces.database(GENERAL)
        assert workspaces.shown_address(GENERAL) == str(sqlite_file)  # so that it can be edited

    def test_a_link_in_a_connected_folder_exposes_no_passwords(self, workspaces, tmp_path, tmp_path_factory):
        (tmp_path / "secrets.json").write_text('{"a": {"password": "hunter2"}}', "utf-8")
        folder = tmp_path_factory.mktemp("connected")
        (folder / "secrets.csv").hardlink_to(tmp_path / "secrets.json")
        assert "a file of Colloquy's own" in workspaces.test("folder", str(folder))
        workspaces.set_connection(GENERAL, "folder", str(folder))
        with pytest.raises(DataError, match="a file of Colloquy's own"):
            workspaces.database(GENERAL).query("select * from secrets")

    def test_a_workspace_queries_its_own_connection(self, workspaces, sqlite_file):
        team = workspaces.create("Team")
        assert workspaces.database(team.id) is None
        with pytest.raises(ConnectionInvalidError, match="no data connection"):
            workspaces.test_workspace(team.id)
        workspaces.set_connection(team.id, "sqlite", str(sqlite_file), "Cats")
        assert workspaces.database(team.id).name == "Cats"
        assert workspaces.database(team.id).query("select count(*) from cats").table.column(0).to_pylist() == [3]
        assert workspaces.database(team.id) is workspaces.database(team.id)
        assert workspaces.shown_address(team.id) == str(sqlite_file)
        assert workspaces.test_workspace(team.id)

    def test_a_changed_connection_replaces_the_old_one(self, workspaces, sqlite_file, tmp_path):
        team = workspaces.create("Team")
        workspaces.set_connection(team.id, "sqlite", str(sqlite_file))
        before = workspaces.database(team.id)
        workspaces.set_connection(team.id, "sqlite", str(make_sqlite(tmp_path / "dogs.sqlite", "dogs", 2)))
        assert workspaces.database(team.id) is not before
        assert [table.name for table in workspaces.database(team.id).tables()] == ["dogs"]
        workspaces.set_connection(team.id, None)
        assert workspaces.database(team.id) is None

    def test_a_missing_connection_is_explained(self, workspaces, sqlite_file):
        team = workspaces.create("Team")
        workspaces.set_connection(team.id, "sqlite", str(sqlite_file))
        sqlite_file.unlink()
        with pytest.raises(ConnectionUnavailableError):
            workspaces.test_workspace(team.id)

    def test_a_deleted_workspace_has_no_data(self, workspaces):
        assert workspaces.database("no-such-workspace") is None
        assert workspaces.shown_address("no-such-workspace") == ""


class TestSampleShop:
    def test_the_sample_shop_exists_from_the_start(self, workspaces):
        found = workspaces.database(SAMPLE_SHOP).query("select count(*) from orders").table.column(0).to_pylist()
        assert found == [shop.ORDERS]
        assert "orders" in workspaces.test(SAMPLE, "") or "tables" in workspaces.test(SAMPLE, "")
        assert workspaces.shown_address(SAMPLE_SHOP) == ""

    def test_the_sample_shop_is_created_once_under_concurrent_requests(self, workspaces, monkeypatch):
        made = []
        real = shop.sample_shop

        def make(folder):
            if not (folder / shop.FILE_NAME).exists():
                made.append(threading.current_thread().name)
            return real(folder)

        monkeypatch.setattr(workspaces_module, "sample_shop", make)
        assert workspaces.lacks_shop(SAMPLE_SHOP)
        assert not workspaces.lacks_shop(GENERAL)
        workspaces.warm(SAMPLE_SHOP)
        threads = [threading.Thread(target=workspaces.database, args=(SAMPLE_SHOP,)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 1
        assert not workspaces.lacks_shop(SAMPLE_SHOP)

    def test_a_full_disk_is_explained(self, workspaces, monkeypatch):
        def full(folder):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(workspaces_module, "sample_shop", full)
        with pytest.raises(ConnectionUnavailableError, match=r"The sample shop could not be created: .*No space left"):
            workspaces.database(SAMPLE_SHOP)

    def test_the_data_analyst_queries_the_sample_shop(self, application):
        key = new_session(application, "data_analyst", workspace_id=SAMPLE_SHOP)
        finish(application, application.turns.submit(key, 'call run_sql {"sql": "select count(*) as n from orders"}'))
        assert f'"rows": [[{shop.ORDERS}]]' in conversation(application, key)[-1].text


ENDLESS = 'call run_sql {"sql": "select count(*) from order_items a, order_items b, order_items c"}'


@pytest.mark.usefixtures("sample_data")
class TestQueries:
    def test_stopping_a_turn_ends_its_query_and_the_session_continues(self, application):
        key = new_session(application, "data_analyst", workspace_id=SAMPLE_SHOP)
        turn = application.turns.submit(key, ENDLESS)
        until(application, lambda: len(application.store.events.list(key)) == 2)
        application.turns.stop(turn.id)
        assert finish(application, turn)[0].status is TurnStatus.STOPPED
        [step] = [step for message in conversation(application, key) for step in message.steps]
        assert step_line(step, running=False).startswith("The query was stopped")
        assert finish(application, application.turns.submit(key, "hello"))[0].error is None

    def test_a_query_over_its_time_limit_is_cut_off_and_says_so(self, tmp_path, sample_data):
        with closing(open_application(tmp_path, query_seconds=0.3)) as application:
            key = new_session(application, "data_analyst", workspace_id=SAMPLE_SHOP)
            [turn] = finish(application, application.turns.submit(key, ENDLESS))
            assert turn.error is None
            assert (
                "The query was stopped after 0.3 seconds, which is the limit."
                in conversation(application, key)[-1].text
            )


class TestPasswords:
    def test_passwords_are_in_one_file_only(self, tmp_path, postgres_url, caplog, capfd):
        caplog.set_level(logging.DEBUG)
        heard = []
        with capture_logs() as logs, closing(open_application(tmp_path)) as application:
            application.bus.subscribe(heard.append)
            workspaces, team = application.workspaces, application.workspaces.create("Team")
            workspaces.set_connection(team.id, "postgres", postgres_url)
            assert workspaces.test_workspace(team.id)
            assert HIDDEN in workspaces.shown_address(team.id)
            key = new_session(application, "data_analyst", workspace_id=team.id)
            for message in (
                'call run_sql {"sql": "select 40 + 2 as answer"}',
                'call run_sql {"sql": "select no_such_column"}',
                "call list_tables",
            ):
                finish(application, application.turns.submit(key, message))
            assert "42" in conversation(application, key)[1].text
            wrong = postgres_url.replace(URL_PASSWORD, "wr0ng-password")
            with pytest.raises(DataError) as refused:
                workspaces.test("postgres", wrong)
            workspaces.set_connection(team.id, "postgres", wrong)
            finish(application, application.turns.submit(key, "call list_tables"))
            seen = f"{refused.value} {workspaces.shown_address(team.id)} {application.store.workspaces.list()} {heard}"
            errors = [
                turn.error
                for turn in application.store.turns.by_id({m.turn_id for m in conversation(application, key)}).values()
            ]
        everything = seen + str(errors) + str(logs) + caplog.text + "".join(capfd.readouterr())
        for password in (PASSWORD, URL_PASSWORD, "wr0ng-password"):
            assert password not in everything
            for file in (path for path in tmp_path.rglob("*") if path.is_file() and path.name != "secrets.json"):
                assert password.encode() not in file.read_bytes(), file
        assert "wr0ng-password" in (tmp_path / "secrets.json").read_text("utf-8")

    def test_the_stored_password_is_used_where_the_shown_address_hides_it(self, workspaces, postgres_url):
        team = workspaces.create("Team")
        workspaces.set_connection(team.id, "postgres", postgres_url)
        shown = workspaces.shown_address(team.id)
        assert workspaces.test("postgres", shown, team.id)
        workspaces.set_connection(team.id, "postgres", shown, "Renamed")
        assert workspaces.database(team.id).name == "Renamed"
        assert workspaces.test_workspace(team.id)

    @pytest.mark.parametrize("change", [("127.0.0.1", "localhost"), ("owner", "eve")])
    def test_a_password_is_not_sent_to_another_server_or_user(self, workspaces, postgres_url, change):
        team = workspaces.create("Team")
        workspaces.set_connection(team.id, "postgres", postgres_url)
        shown = workspaces.shown_address(team.id)
        with pytest.raises(ConnectionInvalidError, match="Enter the password"):
            workspaces.set_connection(team.id, "postgres", shown.replace(*change))
        with pytest.raises(ConnectionInvalidError, match="Enter the password"):
            workspaces.test("postgres", shown)

    def test_passwords_are_deleted_with_their_workspace(self, workspaces, postgres_url, tmp_path):
        team = workspaces.create("Team")
        workspaces.set_connection(team.id, "postgres", postgres_url)
        workspaces.delete(team.id)
        assert (tmp_path / "secrets.json").read_text("utf-8") == "{}"


def test_ten_concurrent_sessions_in_three_workspaces_each_query_their_own_data(application, tmp_path):
    """Each workspace has its own table, and each session asks for a number that only its table contains."""
    kept = []
    for n in range(3):
        workspace = application.workspaces.create(f"Workspace {n}")
        path = make_sqlite(tmp_path / f"data{n}.sqlite", "things", 10 + n)
        application.workspaces.set_connection(workspace.id, "sqlite", str(path))
        kept.append(workspace.id)
    keys = [new_session(application, "data_analyst", workspace_id=kept[n % 3]) for n in range(10)]
    sql = "select count(*) as things, {} as session from things"
    turns = [
        application.turns.submit(key, f'call run_sql {{"sql": "{sql.format(n)}", "title": "Of {n}"}}')
        for n, key in enumerate(keys)
    ]
    finish(application, *turns)
    for n, (key, turn) in enumerate(zip(keys, turns, strict=True)):
        assert application.store.sessions.get(key.session_id).workspace_id == kept[n % 3]
        assert f'"rows": [[{10 + n % 3}, {n}]]' in conversation(application, key)[-1].text
        [result] = application.store.results.list(key).items
        assert (result.key, result.turn_id, result.title) == (key, turn.id, f"Of {n}")
        assert result.sql == sql.format(n)
    for n, workspace_id in enumerate(kept):
        listed = application.store.sessions.list("local", workspace_id=workspace_id).items
        assert {session.key for session in listed} == set(keys[n::3])
