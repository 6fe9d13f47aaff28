"""From a page with filters to a chat with the history analyst about the filtered conversations."""

import pytest
from streamlit.testing.v1 import AppTest

from session_store.history.filters import HistoryFilter
from tests.pages.test_analytics import values
from tests.support.applications import finish, new_session, said


@pytest.fixture
def demo(open_demo):
    """An application with demo conversations instead of the empty one."""
    return open_demo(sessions=300)


def counted(application, scope, sql):
    return application.workspaces.history(scope).query(sql).table[0][0].as_py()


class TestScopeOfAPage:
    @pytest.mark.parametrize(
        "filters",
        [
            {"period": "Year"},
            {"period": "90 days", "agent": "Specialist"},
            {"period": "Year", "status": "failed"},
            {"period": "All time", "show": "Saved"},
        ],
        ids=str,
    )
    def test_a_chat_from_the_analytics_page_has_the_same_counts(self, open_page, demo, filters):
        tab = open_page("analytics", **{"show": "All", **filters})
        tab.button(key="ask-history").click().run()
        scope = tab.session_state["draft_scope"]
        figures = values(open_page("analytics", **{"show": "All", **filters}))
        for figure, sql in (
            ("Chats", "select count(*) from conversations"),
            ("Turns", "select count(*) from turns"),
            ("Messages", "select count(*) from messages"),
        ):
            assert figures[figure] == f"{counted(demo, scope, sql):,}"


SCOPE = HistoryFilter(agents=frozenset({"specialist"}), text="hello *there*")


def about_the_scope():
    from colloquy.ui.history.ask import ask_history_button
    from session_store.history.filters import HistoryFilter

    ask_history_button(HistoryFilter(agents=frozenset({"specialist"}), text="hello *there*"))


class TestAskingTheHistory:
    def captions(self, tab):
        return [caption.value for caption in tab.main.caption if "filters" in caption.value]

    def test_the_console_opens_a_new_chat_about_everything(self, open_page):
        tab = open_page("sql")
        tab.button(key="ask-history").click().run()
        assert tab.main.pills[0].value == "history_analyst"
        assert self.captions(tab) == []

    def test_filters_are_shown_above_the_messages_and_stored_in_the_session(self, application, open_page):
        for agent in ("assistant", "specialist"):
            finish(application, application.turns.submit(new_session(application, agent), "hello *there*"))
        tab = open_page(about=SCOPE.as_json())
        [line] = self.captions(tab)
        assert "agent Specialist; with “hello" in line
        tab.chat_input[0].set_value("/sql select agent from history.conversations").run()
        session = application.store.sessions.list("local").items[0]
        [turn] = [view.turn for view in application.turns.live(session.key)] or [None]
        if turn:
            finish(application, turn)
        assert said(application, session.key)[-1][1].startswith("**agent**: specialist As of ")
        tab.run()
        assert self.captions(tab) == [line]

    def test_another_new_chat_has_no_filters(self, open_page):
        tab = open_page(about=SCOPE.as_json())
        tab.button(key="new-chat").click().run()
        assert self.captions(tab) == []
        assert "about" not in tab.query_params

    def test_the_filters_are_in_the_url_and_survive_a_reload(self, application, open_page):
        for agent in ("assistant", "specialist"):
            finish(application, application.turns.submit(new_session(application, agent), "hello"))
        tab = open_page("history", agent="specialist")
        tab.button(key="ask-history").click().run()
        [line] = self.captions(tab)
        again = open_page(about=tab.query_params["about"])
        assert self.captions(again) == [line]
        assert again.main.pills[0].value == "history_analyst"

    def test_a_chat_with_another_agent_has_no_filters(self, open_page):
        tab = open_page(about=SCOPE.as_json())
        tab.main.pills[0].set_value("assistant").run()
        assert self.captions(tab) == []
        assert "about" not in tab.query_params

    @pytest.mark.parametrize("about", ["", "everything", '{"saved": "perhaps"}', '{"more": 1}', "[" * 5_000])
    def test_unreadable_filters_in_the_url_are_reported(self, open_page, about):
        tab = open_page(about=about)
        assert "Start a new chat" in tab.toast[0].value
        assert self.captions(tab) == []

    def test_the_button_opens_that_chat(self, application):
        tab = AppTest.from_function(about_the_scope).run()
        tab.button(key="ask-history").click().run()
        assert tab.session_state["draft_scope"] == SCOPE
        assert tab.session_state["destination"] == ("", {})

    def test_an_unreadable_scope_is_reported(self, application, page):
        session = application.create_session(
            agent_id="history_analyst", model="scripted/one", state={"colloquy_history_scope": "all"}
        )
        tab = page(session.key.session_id)
        assert "Start a new chat" in tab.main.warning[0].value
