"""Workspaces, and the sessions in them."""

from __future__ import annotations

import pytest

from session_store import Store
from session_store.errors import WorkspaceError
from session_store.limits import LONGEST_NAME
from session_store.models import GENERAL, SAMPLE_SHOP, SessionKey, StoredConnection
from tests.session_store.events import append, said

KEY = SessionKey("agent", "ann", "one")


def ids(page) -> list[str]:
    return [summary.key.session_id for summary in page.items]


def names(store: Store) -> list[str]:
    return [workspace.name for workspace in store.list_workspaces()]


def test_a_new_store_has_a_general_workspace_and_one_with_sample_data(store):
    assert names(store) == ["General", "Sample shop"]
    assert store.get_workspace(GENERAL).connection is None
    assert store.get_workspace(SAMPLE_SHOP).connection == StoredConnection("sample", "", "Sample shop")


def test_workspaces_form_a_tree_that_survives_a_restart(store, path):
    work = store.create_workspace("  My   work ")
    part = store.create_workspace("a part", work.id)
    store.rename_workspace(GENERAL, "Everything")
    store.set_connection(part.id, StoredConnection("postgres", "postgresql://ann@db/shop", "Shop"))
    store.move_workspace(SAMPLE_SHOP, part.id)
    before = store.list_workspaces()
    store.close()

    again = Store(path)
    assert again.list_workspaces() == before
    assert names(again) == ["a part", "Everything", "My work", "Sample shop"]
    assert again.get_workspace(SAMPLE_SHOP).parent_id == part.id
    assert again.get_workspace(part.id).connection.address == "postgresql://ann@db/shop"
    again.set_connection(part.id, None)
    again.move_workspace(part.id, None)
    assert again.get_workspace(part.id) == again.list_workspaces()[0]
    assert (again.get_workspace(part.id).connection, again.get_workspace(part.id).parent_id) == (None, None)
    again.close()


def test_invalid_workspaces_are_refused_with_an_explanation(store):
    work = store.create_workspace("Work")
    part = store.create_workspace("Part", work.id)

    for refused in (
        lambda: store.create_workspace(" \t"),
        lambda: store.rename_workspace(work.id, ""),
        lambda: store.create_workspace("x" * (LONGEST_NAME + 1)),
        lambda: store.rename_workspace(work.id, "x" * (LONGEST_NAME + 1)),
        lambda: store.create_workspace("x", "nowhere"),
        lambda: store.rename_workspace("nowhere", "x"),
        lambda: store.move_workspace(work.id, "nowhere"),
        lambda: store.move_workspace(work.id, part.id),
        lambda: store.move_workspace(work.id, work.id),
        lambda: store.move_workspace(GENERAL, work.id),
        lambda: store.set_connection("nowhere", None),
        lambda: store.delete_workspace("nowhere"),
        lambda: store.delete_workspace(GENERAL),
        lambda: store.create_session(KEY, workspace_id="nowhere"),
        lambda: store.move_sessions([KEY], "nowhere"),
    ):
        with pytest.raises(WorkspaceError, match=r"\w \w"):
            refused()
    assert names(store) == ["General", "Part", "Sample shop", "Work"]
    assert store.get_session("one") is None


def test_each_workspace_has_its_own_list_in_the_global_order(store, path):
    work = store.create_workspace("Work")
    for number in range(12):
        key = SessionKey("agent" if number % 3 else "other", "ann", f"{number:02}")
        store.create_session(key, workspace_id=work.id if number % 2 else GENERAL)
        append(store, key, said("x", timestamp=float(number % 5)))
    everything = ids(store.list_sessions("ann"))

    def check(opened: Store) -> None:
        assert ids(opened.list_sessions("ann")) == everything
        assert ids(opened.list_sessions("ann", workspace_id=work.id)) == [s for s in everything if int(s) % 2]
        assert ids(opened.list_sessions("ann", workspace_id=GENERAL)) == [s for s in everything if not int(s) % 2]
        first = opened.list_sessions("ann", workspace_id=work.id, limit=4)
        rest = opened.list_sessions("ann", workspace_id=work.id, limit=4, before=first.next)
        assert ids(first) + ids(rest) == [s for s in everything if int(s) % 2]
        assert rest.next is None
        assert ids(opened.list_sessions("ann", workspace_id=work.id, app_name="other")) == ["09", "03"]
        assert ids(opened.list_sessions("ann", workspace_id=SAMPLE_SHOP)) == []
        assert opened.count_sessions() == {GENERAL: 6, work.id: 6}

    check(store)
    store.close()
    again = Store(path)
    check(again)
    again.close()


def test_search_and_the_saved_filter_are_limited_to_the_workspace(store):
    work = store.create_workspace("Work")
    for name, workspace in (("one", GENERAL), ("two", work.id)):
        key = SessionKey("agent", "ann", name)
        store.create_session(key, workspace_id=workspace)
        append(store, key, said("tides"))
        store.set_saved([key], True)

    assert ids(store.list_sessions("ann", workspace_id=work.id, search="TIDE")) == ["two"]
    assert ids(store.list_sessions("ann", workspace_id=GENERAL, saved=True)) == ["one"]


def test_a_moved_session_appears_only_in_its_new_workspace_and_stays_there(store):
    work = store.create_workspace("Work")
    other = SessionKey("agent", "ann", "two")
    store.create_session(KEY)
    store.create_session(other)
    store.move_sessions([KEY, other, SessionKey("agent", "ann", "unknown")], work.id)
    append(store, KEY, said("hello"))

    assert ids(store.list_sessions("ann", workspace_id=GENERAL)) == []
    assert sorted(ids(store.list_sessions("ann", workspace_id=work.id))) == ["one", "two"]
    assert store.get_session("one").workspace_id == work.id


def test_a_restored_session_returns_to_its_workspace(store):
    work = store.create_workspace("Work")
    store.create_session(KEY)
    store.delete_sessions([KEY])
    store.move_sessions([KEY], work.id)
    assert ids(store.list_sessions("ann", workspace_id=work.id)) == []
    assert store.sessions_in([work.id]) == [KEY]

    store.restore_sessions([KEY])
    assert ids(store.list_sessions("ann", workspace_id=work.id)) == ["one"]
    assert store.get_session("one").workspace_id == work.id


def test_deleting_a_workspace_deletes_its_descendants_and_nothing_else(store, path):
    work = store.create_workspace("Work")
    part = store.create_workspace("Part", work.id)
    deeper = store.create_workspace("Deeper", part.id)
    gone = [SessionKey("agent", "ann", name) for name in ("one", "two", "three")]
    for key, workspace in zip(gone, (work, part, deeper), strict=True):
        store.create_session(key, workspace_id=workspace.id)
        append(store, key, said("hello"))
    stays = SessionKey("agent", "ann", "stays")
    store.create_session(stays)
    store.delete_sessions([gone[1]])

    assert sorted(store.delete_workspace(work.id), key=str) == sorted(gone, key=str)
    store.restore_sessions(gone)
    assert names(store) == ["General", "Sample shop"]
    assert ids(store.list_sessions("ann")) == ["stays"]
    assert store.sessions_in([work.id, part.id, deeper.id]) == []
    assert store.log.database.rows("select count(*) from events") == [(0,)]
    store.close()
    again = Store(path)
    assert names(again) == ["General", "Sample shop"]
    assert ids(again.list_sessions("ann")) == ["stays"]
    again.close()
