"""The overview page: which agents are active, by workspace."""

import re
import time
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from session_store.models import GENERAL, SessionStatus, TurnStatus
from tests.support.applications import finish, new_session, until
from tests.support.servers import free_port

PAGE = Path(__file__).parents[2] / "pages" / "overview.py"


@pytest.fixture
def overview(page):
    def open_overview() -> AppTest:
        tab = page()
        tab.switch_page(str(PAGE)).run()
        assert not tab.exception
        return tab

    return open_overview


def rows(tab):
    """The lines of the tree: workspaces, and the active chats below them."""
    return [button.label for button in tab.main.button if (button.key or "").startswith(("go-", "enter-"))]


def status(tab):
    """The status of the chats, in words."""
    told = [re.sub("<[^>]+>", "", html.proto.body) for html in tab.get("html") if 'class="doing"' in html.proto.body]
    return [re.split(" for | · ", text)[0] for text in told]


def about(tab):
    """The captions below the chats."""
    told = [html.proto.body for html in tab.get("html") if html.proto.body.startswith("<div>")]
    return [re.sub("<[^>]+>", "", text) for text in told]


def badges(tab):
    return [
        html.proto.body for html in tab.get("html") if "badge" in html.proto.body and "<style" not in html.proto.body
    ]


def waiting(application, **where):
    """A session whose turn runs until it is stopped."""
    key = new_session(application, **where)
    application.turns.submit(key, "count 1 then wait")
    until(application, lambda: application.turns.live(key)[0].text)
    return key


def test_without_active_chats_it_explains_how_to_start(application, overview):
    tab = overview()
    assert rows(tab) == ["General", "Sample shop"]
    assert tab.main.caption[0].value.startswith("No active agents.")
    assert tab.button(key="start-chat").label == "Start a chat"


def test_each_chat_is_listed_under_its_workspace_with_its_status(application, overview):
    inner = application.workspaces.create("Inner", GENERAL)
    answered = new_session(application, workspace_id=inner.id)
    finish(application, application.turns.submit(answered, "hello"))
    failed = new_session(application)
    finish(application, application.turns.submit(failed, "count 1 then fail"))
    running = waiting(application, workspace_id=inner.id)
    tab = overview()
    assert rows(tab) == ["General", "count 1 then fail", "Inner", "count 1 then wait", "hello", "Sample shop"]
    assert status(tab) == ["Failed", "Answering", "Idle"]
    assert tab.main.caption[0].value == "3 chats · 1 failed · 1 answering · 1 idle"
    assert ['badge failed"' in badge for badge in badges(tab)] == [True, False]
    assert 'badge running at-work"' in badges(tab)[1]
    application.turns.stop(application.turns.live(running)[0].turn.id)


def test_a_workspace_with_unusable_data_shows_the_reason(application, overview, tmp_path):
    gone, unreachable = application.workspaces.create("Gone"), application.workspaces.create("Away")
    file = tmp_path / "sales.db"
    duckdb.connect(str(file)).close()
    application.workspaces.set_connection(gone.id, "duckdb", str(file))
    file.unlink()
    application.workspaces.set_connection(
        unreachable.id, "postgres", f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    )
    until(application, lambda: overview() and unreachable.id in application.workspaces.problems())
    tab = overview()
    told = about(tab)
    assert len(told) == 2
    assert any(
        text == f"Its data is unavailable. No file was found at {file}. Was it moved or deleted?" for text in told
    )
    icons = {button.label: button.proto.icon for button in tab.main.button if (button.key or "").startswith("go-")}
    assert {name for name, icon in icons.items() if icon == ":material/warning:"} == {"Gone", "Away"}


def test_several_chats_with_one_agent_are_one_badge_with_a_count(application, overview):
    for text in ("one", "two"):
        finish(application, application.turns.submit(new_session(application), text))
    finish(application, application.turns.submit(new_session(application, "specialist"), "three"))
    [badge] = badges(overview())
    assert badge.count("badge idle") == 2
    assert 'aria-label="Assistant: 2 idle"' in badge
    assert "<b>2</b>" in badge
    assert 'aria-label="Specialist: 1 idle"' in badge


def test_running_turns_can_be_stopped(application, overview):
    key = waiting(application)
    tab = overview()
    turn = application.turns.live(key)[0].turn
    tab.button(key=f"halt-{key.session_id}").click().run()
    assert application.store.turns.get(turn.id).status is TurnStatus.STOPPED
    assert status(tab) == ["Stopped"]


def test_a_terminated_chat_leaves_the_page_and_keeps_its_messages(application, overview):
    key = waiting(application)
    tab = overview()
    tab.button(key=f"terminate-{key.session_id}").click().run()
    assert rows(tab) == ["General", "Sample shop"]
    assert application.store.sessions.get(key.session_id).status is SessionStatus.TERMINATED
    assert application.store.events.list(key)
    finish(application, application.turns.submit(key, "and on"))
    assert "count 1 then wait" in rows(tab.run())


def test_it_shows_the_model_the_latest_words_and_the_reason_of_a_failure(application, overview):
    failed = new_session(application)
    finish(application, application.turns.submit(failed, "count 1 then fail"))
    running = waiting(application)
    tab = overview()
    assert about(tab) == ["Scripted w0", "Scripted The scripted model failed as it was told to."]
    application.turns.stop(application.turns.live(running)[0].turn.id)


def test_it_shows_how_long_an_agent_has_been_running(application, overview):
    key = waiting(application)
    turn = application.turns.live(key)[0].turn
    application.store.turns.update(turn.id, status=TurnStatus.RUNNING, started_at=time.time() - 3725)
    [told] = [html.proto.body for html in overview().get("html") if 'class="doing"' in html.proto.body]
    assert ">1 h 2 min<" in told
    application.turns.stop(turn.id)


def test_a_dismissed_chat_is_hidden_until_its_next_message_and_otherwise_unchanged(application, overview):
    key = new_session(application)
    finish(application, application.turns.submit(key, "hello"))
    tab = overview()
    assert f"terminate-{key.session_id}" not in [button.key for button in tab.main.button]
    tab.button(key=f"dismiss-{key.session_id}").click().run()
    assert rows(tab) == ["General", "Sample shop"]
    assert application.store.sessions.get(key.session_id).status is SessionStatus.IDLE
    finish(application, application.turns.submit(key, "and on"))
    assert "hello" in rows(tab.run())


def test_a_restored_chat_reappears(application, overview):
    key = new_session(application)
    finish(application, application.turns.submit(key, "count 1 then fail"))
    application.delete_sessions([key])
    tab = overview()
    assert rows(tab) == ["General", "Sample shop"]
    application.restore_sessions([key])
    assert status(tab.run()) == ["Failed"]


def test_a_row_opens_its_chat(application, overview):
    key = waiting(application)
    tab = overview()
    tab.button(key=f"enter-{key.session_id}").click().run()
    assert tab.query_params["session"] == key.session_id
    assert tab.chat_message
    application.turns.stop(application.turns.live(key)[0].turn.id)


def test_names_are_shown_literally(application, overview):
    application.workspaces.create("<b>*one*</b>")
    key = new_session(application)
    finish(application, application.turns.submit(key, "hello"))
    application.rename_session(key, ":red[two] <i>")
    shown = rows(overview())
    assert r"\<b\>\*one\*\</b\>" in shown
    assert r"\:red\[two\] \<i\>" in shown
