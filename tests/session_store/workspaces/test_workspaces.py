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
    return [workspace.name for workspace in store.workspaces.list()]


def test_a_new_store_has_a_general_workspace_and_one_with_sample_data(store):
    assert names(store) == ["General", "Sample shop"]
    assert store.workspaces.get(GENERAL).connection is None
    assert store.workspaces.get(SAMPLE_SHOP).connection == StoredConnection("sample", "", "Sample shop")


def test_workspaces_form_a_tree_that_survives_a_restart(store, path):
    work = store.workspaces.create("  My   work ")
    part = store.workspaces.create("a part", work.id)
    store.workspaces.rename(GENERAL, "Everything")
    store.workspaces.set_connection(part.id, StoredConnection("postgres", "postgresql://ann@db/shop", "Shop"))
    store.workspaces.move(SAMPLE_SHOP, part.id)
    before = store.workspaces.list()
    store.close()

    again = Store(path)
    assert again.workspaces.list() == before
    assert names(again) == ["a part", "Everything", "My work", "Sample shop"]
    assert again.workspaces.get(SAMPLE_SHOP).parent_id == part.id
    assert again.workspaces.get(part.id).connection.address == "postgresql://ann@db/shop"
    again.workspaces.set_connection(part.id, None)
    again.workspaces.move(part.id, None)
    assert again.workspaces.get(part.id) == again.workspaces.list()[0]
    assert (again.workspaces.get(part.id).connection, again.workspaces.get(part.id).parent_id) == (None, None)
    again.close()


def test_invalid_workspaces_are_refused_with_an_explanation(store):
    work = store.workspaces.create("Work")
    part = store.workspaces.create("Part", work.id)

    for refused in (
        lambda: store.workspaces.create(" \t"),
        lambda: store.workspaces.rename(work.id, ""),
        lambda: store.workspaces.create("x" * (LONGEST_NAME + 1)),
        lambda: store.workspaces.rename(work.id, "x" * (LONGEST_NAME + 1)),
        lambda: store.workspaces.create("x", "nowhere"),
        lambda: store.workspaces.rename("nowhere", "x"),
        lambda: store.workspaces.move(work.id, "nowhere"),
        lambda: store.workspaces.move(work.id, part.id),
        lambda: store.workspaces.move(work.id, work.id),
        lambda: store.workspaces.move(GENERAL, work.id),
        lambda: store.workspaces.set_connection("nowhere", None),
        lambda: store.workspaces.delete("nowhere"),
        lambda: store.workspaces.delete(GENERAL),
        lambda: store.sessions.create(KEY, workspace_id="nowhere"),
        lambda: store.sessions.move([KEY], "nowhere"),
    ):
        with pytest.raises(WorkspaceError, match=r"\w \w"):
            refused()
    assert names(store) == ["General", "Part", "Sample shop", "Work"]
    assert store.sessions.get("one") is None


def test_each_workspace_has_its_own_list_in_the_global_order(store, path):
    work = store.workspaces.create("Work")
    for number in range(12):
        key = SessionKey("agent" if number % 3 else "other", "ann", f"{number:02}")
        store.sessions.create(key, workspace_id=work.id if number % 2 else GENERAL)
        append(store, key, said("x", timestamp=float(number % 5)))
    everything = ids(store.sessions.list("ann"))

    def check(opened: Store) -> None:
        assert ids(opened.sessions.list("ann")) == everything
        assert ids(opened.sessions.list("ann", workspace_id=work.id)) == [s for s in everything if int(s) % 2]
        assert ids(opened.sessions.list("ann", workspace_id=GENERAL)) == [s for s in everything if not int(s) % 2]
        first = opened.sessions.list("ann", workspace_id=work.id, limit=4)
        rest = opened.sessions.list("ann", workspace_id=work.id, limit=4, before=first.next)
        assert ids(first) + ids(rest) == [s for s in everything if int(s) % 2]
        assert rest.next is None
        assert ids(opened.sessions.list("ann", workspace_id=work.id, app_name="other")) == ["09", "03"]
        assert ids(opened.sessions.list("ann", workspace_id=SAMPLE_SHOP)) == []
        assert opened.workspaces.count_sessions() == {GENERAL: 6, work.id: 6}

    check(store)
    store.close()
    again = Store(path)
    check(again)
    again.close()


def test_search_and_the_saved_filter_are_limited_to_the_workspace(store):
    work = store.workspaces.create("Work")
    for name, workspace in (("one", GENERAL), ("two", work.id)):
        key = SessionKey("agent", "ann", name)
        store.sessions.create(key, workspace_id=workspace)
        append(store, key, said("tides"))
        store.sessions.set_saved([key], True)

    assert ids(store.sessions.list("ann", workspace_id=work.id, search="TIDE")) == ["two"]
    assert ids(store.sessions.list("ann", workspace_id=GENERAL, saved=True)) == ["one"]


def test_a_moved_session_appears_only_in_its_new_workspace_and_stays_there(store):
    work = store.workspaces.create("Work")
    other = SessionKey("agent", "ann", "two")
    store.sessions.create(KEY)
    store.sessions.create(other)
    store.sessions.move([KEY, other, SessionKey("agent", "ann", "unknown")], work.id)
    append(store, KEY, said("hello"))

    assert ids(store.sessions.list("ann", workspace_id=GENERAL)) == []
    assert sorted(ids(store.sessions.list("ann", workspace_id=work.id))) == ["one", "two"]
    assert store.sessions.get("one").workspace_id == work.id


def test_a_restored_session_returns_to_its_workspace(store):
    work = store.workspaces.create("Work")
    store.sessions.create(KEY)
    store.sessions.delete([KEY])
    store.sessions.move([KEY], work.id)
    assert ids(store.sessions.list("ann", workspace_id=work.id)) == []
    assert store.workspaces.sessions_in([work.id]) == [KEY]

    store.sessions.restore([KEY])
    assert ids(store.sessions.list("ann", workspace_id=work.id)) == ["one"]
    assert store.sessions.get("one").workspace_id == work.id


def test_deleting_a_workspace_deletes_its_descendants_and_nothing_else(store, path):
    work = store.workspaces.create("Work")
    part = store.workspaces.create("Part", work.id)
    deeper = store.workspaces.create("Deeper", part.id)
    gone = [SessionKey("agent", "ann", name) for name in ("one", "two", "three")]
    for key, workspace in zip(gone, (work, part, deeper), strict=True):
        store.sessions.create(key, workspace_id=workspace.id)
        append(store, key, said("hello"))
    stays = SessionKey("agent", "ann", "stays")
    store.sessions.create(stays)
    store.sessions.delete([gone[1]])

    assert sorted(store.workspaces.delete(work.id), key=str) == sorted(gone, key=str)
    store.sessions.restore(gone)
    assert names(store) == ["General", "Sample shop"]
    assert ids(store.sessions.list("ann")) == ["stays"]
    assert store.workspaces.sessions_in([work.id, part.id, deeper.id]) == []
    assert store.log.database.rows("select count(*) from events") == [(0,)]
    store.close()
    again = Store(path)
    assert names(again) == ["General", "Sample shop"]
    assert ids(again.sessions.list("ann")) == ["stays"]
    again.close()
