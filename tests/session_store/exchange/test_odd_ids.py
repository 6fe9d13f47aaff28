"""Ids that do not work in addresses, pages or style sheets are replaced, and references between them stay intact."""

from __future__ import annotations

import json
import zipfile
from contextlib import closing

import pytest

from session_store import Store
from session_store.exchange import Format, export, import_file, selected
from session_store.models import SessionKey
from tests.session_store.events import append, rewind, said
from tests.session_store.exchange.foreign_chats import AT, answered, asked, gpt_chat, imported, text, webui_chat
from tests.session_store.exchange.histories import turn

KEY = SessionKey("garden", "u", "s")
ODD = ['e"]{}*{x', "../up", "a/b", "two words", "<b>", "x" * 200, "ü"]


def archive_with(odd, tmp_path):
    """An archive in which the ids of the events, a turn and a workspace are odd."""
    with closing(Store(tmp_path / "here.duckdb")) as store:
        workspace = store.workspaces.create("Vegetables")
        store.sessions.create(KEY, workspace_id=workspace.id)
        for name in ("turn-1", "turn-2"):
            message = said("Garlic?", turn=name)
            answer = said("In October", author="garden", turn=name)
            message.id, answer.id = f"question-{name}", f"answer-{name}"
            append(store, KEY, message, answer)
            store.turns.create(turn(KEY, name, "Garlic?"))
        store.feedback.set(KEY, "answer-turn-1", 1, "Right")
        append(store, KEY, rewind("turn-2"))
        [made] = export(store, selected(store), Format.ZIP, tmp_path / "made.zip")
    names = {workspace.id: odd + "w", **{name: odd + name for name in ("turn-1", "turn-2")}}
    names |= {f"{what}-{name}": odd + what + name for what in ("question", "answer") for name in ("turn-1", "turn-2")}
    with zipfile.ZipFile(made) as read, zipfile.ZipFile(tmp_path / "odd.zip", "w") as written:
        for name in read.namelist():
            written.writestr(name, json.dumps(_renamed(json.loads(read.read(name)), names)))
    return tmp_path / "odd.zip", names


def _renamed(value, names):
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {key: _renamed(one, names) for key, one in value.items()}
    return [_renamed(one, names) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("odd", ODD)
def test_odd_ids_in_an_archive_are_replaced_everywhere(odd, store, tmp_path):
    file, names = archive_with(odd, tmp_path)

    report = import_file(store, file)
    again = import_file(store, file)

    assert again.taken == ()
    assert f"ids with unusual characters, or too many ({len(names)})" in report.remarks[0]
    [key] = [taken.key for taken in report.taken]
    session = store.sessions.get(key.session_id)
    [workspace] = [one for one in store.workspaces.list() if one.name == "Vegetables"]
    assert session.workspace_id == workspace.id
    kept = store.events.list(key)
    assert [stored.event.content.parts[0].text for stored in kept] == ["Garlic?", "In October"]  # the rest is rewound
    question, answer = (stored.event for stored in kept)
    assert question.invocation_id == answer.invocation_id
    assert store.turns.get(question.invocation_id).key == key
    assert store.feedback.of_events(key, [answer.id])[answer.id].comment == "Right"
    used = {workspace.id, question.id, answer.id, question.invocation_id}
    assert not any(odd in one for one in used)


@pytest.mark.parametrize("odd", ODD)
def test_odd_ids_of_other_programs_are_replaced(odd, store, tmp_path):
    chat = gpt_chat(("user", text("Garlic"), {}), ("assistant", text("Yes"), {}))
    chat["mapping"]["m2"]["message"]["id"] = chat["mapping"]["m2"]["id"] = odd
    webui = webui_chat(asked("Garlic"), answered("Yes"))
    webui["chat"]["history"]["messages"]["m2"]["id"] = odd
    session = {"id": "adk", "appName": "garden", "userId": "u", "state": {}, "lastUpdateTime": AT}
    event = {"id": odd, "invocationId": odd, "author": "user", "timestamp": AT}
    adk = {**session, "events": [{**event, "content": {"role": "user", "parts": [{"text": "Garlic"}]}}]}
    for chats in ([chat], [webui], [adk]):
        for taken in imported(store, tmp_path, *chats).taken:
            for stored in store.events.list(taken.key):
                assert odd not in (stored.event.id, stored.event.invocation_id)
                assert stored.event.content.parts[0].text in ("Garlic", "Yes")


@pytest.mark.parametrize("usual", ["3504eec2-177e-4d1d-823a-40750611e781", "e-1_2.3:4", "x" * 128, "8chars00"])
def test_usual_ids_are_kept(usual, store, tmp_path):
    file, _ = archive_with("", tmp_path)
    event = {"id": usual, "invocationId": usual, "author": "user", "timestamp": AT, "content": {"parts": []}}
    (tmp_path / "s.json").write_text(json.dumps({"id": "s", "appName": "a", "userId": "u", "events": [event]}))

    assert import_file(store, file).remarks == []
    [taken] = import_file(store, tmp_path / "s.json").taken
    [stored] = store.events.list(taken.key)
    assert (stored.event.id, stored.event.invocation_id) == (usual, usual)
