"""Files that agents made go with their session, and nothing else does."""

import pytest
from google.genai import types

from runtime.artifacts import Artifacts
from session_store.models import SessionKey
from tests.support.workbenches import new_session, open_workbench


@pytest.fixture
def artifacts(tmp_path):
    return Artifacts(tmp_path / "artifacts")


async def test_the_files_of_a_session_go_with_it_and_those_of_others_stay(artifacts):
    one, other = SessionKey("agent", "ada", "one"), SessionKey("agent", "ada", "other")
    names = [{"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id} for key in (one, other)]
    for name in names:
        await artifacts.save_artifact(**name, filename="notes.txt", artifact=types.Part(text="kept"))
    artifacts.forget(one)
    assert [await artifacts.list_artifact_keys(**name) for name in names] == [[], ["notes.txt"]]


async def test_the_sessions_that_have_files_are_known(artifacts):
    assert artifacts.sessions() == []
    key = SessionKey("agent", "ada", "one")
    name = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id}
    await artifacts.save_artifact(**name, filename="notes/of today.txt", artifact=types.Part(text="kept"))
    await artifacts.save_artifact(**name, filename="user:all.txt", artifact=types.Part(text="kept"))
    assert artifacts.sessions() == [key]


@pytest.mark.parametrize("name", ["../../../../../outside", "..", "/outside"])
def test_ids_that_lead_out_of_the_folder_remove_nothing(artifacts, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "artifacts" / "apps" / "agent" / "users" / "ada" / "sessions").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    for key in (SessionKey("agent", "ada", name), SessionKey(name, "ada", "one"), SessionKey("agent", name, "one")):
        artifacts.forget(key)
    artifacts.forget(SessionKey("agent", "ada", str(outside)))
    assert sorted(tmp_path.rglob("*")) == before


async def test_files_whose_session_went_without_them_go_at_the_next_start(tmp_path):
    workbench = open_workbench(tmp_path)
    kept, hidden, removed = (new_session(workbench) for _ in range(3))
    for key in (kept, hidden, removed):
        name = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id}
        await workbench.artifacts.save_artifact(**name, filename="notes.txt", artifact=types.Part(text="kept"))
    workbench.store.delete_sessions([removed])
    assert workbench.store.purge_deleted(older_than=-1) == [removed]  # and here the process dies
    workbench.store.delete_sessions([hidden])
    workbench.close()
    workbench = open_workbench(tmp_path)
    assert sorted(key.session_id for key in workbench.artifacts.sessions()) == sorted(
        key.session_id for key in (kept, hidden)
    )
    workbench.close()
