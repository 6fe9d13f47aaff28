"""Background imports: one at a time, with progress, a way to stop them, and a report afterwards."""

import io
import json
import threading

import pytest

from colloquy.runtime.imports import Imports, ImportState, UnknownImportError
from session_store.exchange import Format, Wishes, export, import_file, selected
from session_store.models import TurnStatus
from tests.support.applications import finish, new_session, open_application

EVENT = {"author": "user", "id": "e", "timestamp": 1.0, "content": {"role": "user", "parts": [{"text": "Hello"}]}}


@pytest.fixture
def application(tmp_path):
    application = open_application(tmp_path / "data")
    yield application
    application.close()


def uploaded(application, content, name="history.json"):
    return application.imports.receive(name, io.BytesIO(content.encode()))


def sessions(number, user="somebody"):
    return json.dumps(
        [{"id": f"s-{one}", "appName": "critic", "userId": user, "events": [EVENT]} for one in range(number)]
    )


def test_a_file_is_imported_and_its_report_is_kept(application):
    path = uploaded(application, sessions(3), "old chats?.json")
    begun = application.imports.begin_file(path, Wishes(adopt="local"))
    ended = application.imports.wait(begun.id)
    assert (ended.name, ended.state, len(ended.report.taken)) == ("old chats .json", ImportState.DONE, 3)
    assert len(application.store.sessions.list("local").items) == 3
    assert application.imports.all() == [ended]
    assert not path.parent.exists()


def test_own_exports_keep_their_users_and_other_files_go_to_the_importing_user(application, tmp_path):
    own = tmp_path / "own.json"
    theirs = tmp_path / "theirs.json"
    theirs.write_text(sessions(1), "utf-8")
    import_file(application.store, theirs)
    export(application.store, selected(application.store), Format.JSON, own)
    application.store.log.remove(selected(application.store)).result()
    for file in (own, theirs):
        ended = application.imports.wait(
            application.imports.begin_file(uploaded(application, file.read_text("utf-8")), Wishes(adopt="local")).id
        )
        assert len(ended.report.taken) == 1
    assert {key.user_id for key in selected(application.store)} == {"somebody", "local"}


def test_a_failed_import_names_the_file_and_the_reason_and_changes_nothing(application):
    path = uploaded(application, '{"events": [', "cut.json")
    ended = application.imports.wait(application.imports.begin_file(path, Wishes()).id)
    assert ended.state is ImportState.FAILED
    assert ended.problem.startswith("cut.json was not imported: it is not valid JSON from line 1 on")
    assert selected(application.store) == []
    assert not path.parent.exists()


def test_an_import_can_be_stopped_before_it_stores_anything(application):
    reading, stopped = threading.Event(), threading.Event()
    path = uploaded(application, sessions(3))

    def slowly(run):
        def wrapped(progress):
            reading.set()
            assert stopped.wait(20)
            return run(progress)

        return wrapped

    begin = application.imports._begin
    application.imports._begin = lambda name, run: begin(name, slowly(run))
    begun = application.imports.begin_file(path, Wishes())
    assert reading.wait(20)
    assert application.imports.get(begun.id).state is ImportState.WAITING
    application.imports.stop(begun.id)
    stopped.set()
    ended = application.imports.wait(begun.id)
    assert (ended.state, ended.report) == (ImportState.STOPPED, None)
    assert "import again to get the rest" in ended.problem
    assert selected(application.store) == []


def test_stopping_an_import_that_is_over_or_unknown_leaves_nothing_behind(application):
    begun = application.imports.begin_file(uploaded(application, sessions(1)), Wishes())
    application.imports.wait(begun.id)
    for import_id in (begun.id, "unknown"):
        application.imports.stop(import_id)
    assert application.imports.get(begun.id).state is ImportState.DONE
    assert application.imports._stopped == set()


def test_only_the_latest_imports_are_listed_and_each_can_be_dismissed(application):
    begun = [application.imports.begin_file(uploaded(application, sessions(1)), Wishes()) for _ in range(25)]
    for one in begun:
        try:
            application.imports.wait(one.id)
        except UnknownImportError:
            assert one is not begun[-1]
    application.imports.begin_file(uploaded(application, sessions(1)), Wishes())
    known = application.imports.all()
    assert len(known) <= 21
    application.imports.wait(known[0].id)
    application.imports.forget(known[0].id)
    with pytest.raises(UnknownImportError, match="Unknown import"):
        application.imports.get(known[0].id)


def test_leftover_files_of_a_dead_process_are_removed_at_startup(application, tmp_path):
    path = uploaded(application, "x")
    Imports(application.store, application.bus, incoming=path.parents[1], files=tmp_path)
    assert not path.exists()


def test_an_adk_database_is_imported_by_url_and_no_message_contains_a_password(application):
    ended = application.imports.wait(
        application.imports.begin_database("postgresql://ana:s3cret@127.0.0.1:1/adk", Wishes()).id
    )
    assert ended.state is ImportState.FAILED
    assert "s3cret" not in ended.problem + ended.name
    assert "127.0.0.1" in ended.problem


def test_the_workspace_must_exist(application):
    path = uploaded(application, sessions(1))
    ended = application.imports.wait(application.imports.begin_file(path, Wishes(workspace_id="gone")).id)
    assert "does not exist" in ended.problem


def test_an_imported_chat_can_be_continued(application):
    ended = application.imports.wait(
        application.imports.begin_file(
            uploaded(application, sessions(1).replace("critic", "assistant")), Wishes(adopt="local")
        ).id
    )
    [outcome] = ended.report.taken
    [turn] = finish(application, application.turns.submit(outcome.key, "And now?"))
    assert turn.error is None
    assert new_session(application) != outcome.key


def test_a_chat_that_ended_during_a_call_can_be_continued(application, tmp_path):
    call = {"functionCall": {"id": "c-1", "name": "order", "args": {}}}
    events = [
        {"id": "e-1", "author": "user", "content": {"role": "user", "parts": [{"text": "Order garlic"}]}},
        {
            "id": "e-2",
            "author": "assistant",
            "content": {"role": "model", "parts": [call]},
            "longRunningToolIds": ["c-1"],
        },
    ]
    events = [{**event, "invocationId": "i-1", "timestamp": 1_772_000_000.0} for event in events]
    session = {"id": "s-1", "appName": "assistant", "userId": "user", "events": events}
    begun = application.imports.begin_file(uploaded(application, json.dumps(session)), Wishes(adopt="local"))
    [taken] = application.imports.wait(begun.id).report.taken

    [ended] = finish(application, application.turns.submit(taken.key, "history"))

    assert (ended.status, ended.error) == (TurnStatus.COMPLETED, None)
