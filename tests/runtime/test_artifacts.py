"""Files that agents made are deleted with their session, and nothing else is."""

from pathlib import Path

import pytest
from google.adk.artifacts import FileArtifactService
from google.adk.errors.input_validation_error import InputValidationError
from google.genai import types

from colloquy.runtime.artifacts import Artifacts
from session_store.models import SessionKey
from tests.support.applications import new_session, open_application


@pytest.fixture
def artifacts(tmp_path):
    return Artifacts(tmp_path / "artifacts")


async def test_deleting_a_session_deletes_its_files_and_no_others(artifacts):
    one, other = SessionKey("agent", "ada", "one"), SessionKey("agent", "ada", "other")
    names = [{"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id} for key in (one, other)]
    for name in names:
        await artifacts.save_artifact(**name, filename="notes.txt", artifact=types.Part(text="kept"))
    artifacts.delete_files([one])
    assert [await artifacts.list_artifact_keys(**name) for name in names] == [[], ["notes.txt"]]


ODD = ["", ".", "./artifact", "q ", " q", "q\u00a0", "a//b", "a/./b", "a/", "/a", "a\\b", "../a", "a/../a", "a/.."]


@pytest.mark.parametrize("name", [*ODD, *(f"user:{name}" for name in ODD)])
async def test_a_name_that_maps_to_the_file_of_another_is_refused(artifacts, name):
    session = {"app_name": "agent", "user_id": "ada", "session_id": "one"}
    with pytest.raises(InputValidationError, match=r"No file can have the name|parent traversal|Rooted"):
        await artifacts.save_artifact(**session, filename=name, artifact=types.Part(text="kept"))
    assert await artifacts.list_artifact_keys(**session) == []


async def test_each_accepted_name_has_its_own_file(artifacts):
    session = {"app_name": "agent", "user_id": "ada", "session_id": "one"}
    names = [
        "artifact",
        "user:artifact",
        "user:user:artifact",
        "q",
        "q q",
        ".q",
        "a",
        "a/b",
        "a/b/c",
        "...",
        "a/...",
        "Ä",
    ]
    for name in names:
        assert await artifacts.save_artifact(**session, filename=name, artifact=types.Part(text=name)) == 0
    assert sorted(await artifacts.list_artifact_keys(**session)) == sorted(names)
    assert [(await artifacts.load_artifact(**session, filename=name)).text for name in names] == names


async def test_files_of_earlier_versions_with_refused_names_can_still_be_read(artifacts):
    session = {"app_name": "agent", "user_id": "ada", "session_id": "one"}
    for name in ("q ", "a//b", "./c"):
        await FileArtifactService(artifacts.root_dir).save_artifact(
            **session, filename=name, artifact=types.Part(text=name)
        )
        assert (await artifacts.load_artifact(**session, filename=name)).text == name
    for name in await artifacts.list_artifact_keys(**session):
        assert await artifacts.load_artifact(**session, filename=name)


async def test_sessions_with_files_are_listed(artifacts):
    assert artifacts.sessions() == []
    key = SessionKey("agent", "ada", "one")
    name = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id}
    await artifacts.save_artifact(**name, filename="notes/of today.txt", artifact=types.Part(text="kept"))
    await artifacts.save_artifact(**name, filename="user:all.txt", artifact=types.Part(text="kept"))
    assert artifacts.sessions() == [key]


async def test_ids_never_escape_their_folder(artifacts, tmp_path):
    ids = [
        "zz",
        "zz/b",
        "zz/sessions/b",
        "ZZ",
        "zz%2Fb",
        "..",
        "../../../../../outside",
        "/outside",
        "C:\\x",
        "con",
        "x" * 400,
    ]
    keys = [SessionKey("agent", "ada", name) for name in ids]
    keys += [SessionKey("agent", "ada/sessions/zz", "b"), SessionKey("agent/users/ada", "eve", "zz")]
    names = [{"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id} for key in keys]
    for name in names:
        await artifacts.save_artifact(**name, filename="notes.txt", artifact=types.Part(text=str(name)))
    assert {path.name for path in tmp_path.iterdir()} == {"artifacts"}
    assert {key for key in keys if len(key.session_id) < 100} == set(artifacts.sessions())
    while keys:
        artifacts.delete_files([keys.pop()])
        names.pop()
        for name in names:
            loaded = await artifacts.load_artifact(**name, filename="notes.txt")
            assert loaded.text == str(name)
    assert artifacts.sessions() == []


async def test_folders_of_earlier_versions_named_by_plain_ids_are_found(tmp_path):
    plain = FileArtifactService(tmp_path / "artifacts")
    ids = ["one", "zz", "zz/b", "Ada's", "50%25"]
    for session_id in ids:
        for name in ("notes.txt", "user:all.txt"):
            await plain.save_artifact(
                app_name="My agent", user_id="Ada", session_id=session_id, filename=name, artifact=types.Part(text=name)
            )
    for _ in range(2):  # not again at the next start
        artifacts = Artifacts(tmp_path / "artifacts")
        for session_id in ids:
            names = {"app_name": "My agent", "user_id": "Ada", "session_id": session_id}
            assert await artifacts.list_artifact_keys(**names) == ["notes.txt", "user:all.txt"]
            assert (await artifacts.load_artifact(**names, filename="notes.txt")).text == "notes.txt"
        assert {key.session_id for key in artifacts.sessions()} == set(ids)


async def test_a_process_that_dies_while_renaming_folders_leaves_nothing_behind(tmp_path, monkeypatch):
    plain, ids = FileArtifactService(tmp_path / "artifacts"), ["A%41", "B", "C", "d"]
    for session_id in ids:
        await plain.save_artifact(
            app_name="App", user_id="Ada", session_id=session_id, filename="f", artifact=types.Part(text=session_id)
        )
    replace, left = Path.replace, 3

    def replace_some(path, target):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError("killed")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", replace_some)
    with pytest.raises(OSError, match="killed"):
        Artifacts(tmp_path / "artifacts")
    monkeypatch.undo()
    artifacts = Artifacts(tmp_path / "artifacts")
    for session_id in ids:
        names = {"app_name": "App", "user_id": "Ada", "session_id": session_id}
        assert (await artifacts.load_artifact(**names, filename="f")).text == session_id
    assert {key.session_id for key in artifacts.sessions()} == set(ids)


async def test_files_without_a_session_are_deleted_at_the_next_start(tmp_path):
    application = open_application(tmp_path)
    kept, hidden, removed = (new_session(application) for _ in range(3))
    for key in (kept, hidden, removed):
        name = {"app_name": key.app_name, "user_id": key.user_id, "session_id": key.session_id}
        await application.artifacts.save_artifact(**name, filename="notes.txt", artifact=types.Part(text="kept"))
    application.store.sessions.delete([removed])
    assert application.store.sessions.purge_deleted(older_than=-1) == [removed]  # and here the process dies
    application.store.sessions.delete([hidden])
    application.close()
    application = open_application(tmp_path)
    assert sorted(key.session_id for key in application.artifacts.sessions()) == sorted(
        key.session_id for key in (kept, hidden)
    )
    application.close()
