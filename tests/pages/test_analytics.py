"""The analytics page: figures, charts, filters in the URL, and the way to the conversations behind them."""

import json
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from unittest.mock import Mock

import pytest

from colloquy.demo import is_demo
from colloquy.runtime.application import DATABASE
from colloquy.ui import state
from colloquy.ui.analytics import drawings
from colloquy.ui.analytics.cards import preload_charts
from session_store import Store
from session_store.analytics import Analytics
from session_store.models import Turn, TurnStatus
from tests.support.applications import finish, new_session

DRAWINGS = (drawings.over_time, drawings.spending, drawings.heat, drawings.latency, drawings.feedback)


@pytest.fixture
def analytics(open_page):
    """Opens the page in a new tab, with parameters in its URL."""
    return partial(open_page, "analytics")


@pytest.fixture
def demo(open_demo):
    """An application with demo conversations instead of the empty one."""
    return open_demo(sessions=200)


def components(tab, name):
    """What components of this name send to the browser."""
    mounted = [element.proto for element in tab.get("bidi_component")]
    return [json.loads(proto.json) for proto in mounted if proto.component_name == f"colloquy.{name}"]


def figures(tab):
    [row] = components(tab, "figures")
    return {figure["title"]: figure for figure in row["figures"]}


def values(tab):
    return {title: figure["value"] for title, figure in figures(tab).items()}


def questions(tab):
    return [heading.value for heading in tab.header]


class TestEmpty:
    def test_an_empty_page_explains_how_to_start(self, analytics):
        tab = analytics()
        assert "No data yet" in tab.main.markdown[0].value
        assert not tab.header

    def test_demo_data_is_created_in_its_own_folder_with_instructions(self, analytics, application):
        tab = analytics()
        tab.button(key="make-demo").click().run()
        folder = application.settings.data_dir.absolute() / "demo"
        assert str(folder) in tab.code[0].value
        demo = Store(folder / DATABASE)
        assert is_demo(demo)
        demo.close()
        assert not is_demo(application.store)
        assert Analytics(application.store).rollups().first is None
        assert str(folder) in analytics().code[0].value

    def test_one_chat_is_counted(self, analytics, application):
        key = new_session(application)
        finish(application, application.turns.submit(key, "hello"))
        tab = analytics()
        shown = values(tab)
        assert (shown["Chats"], shown["Turns"], shown["Messages"], shown["Users"]) == ("1", "1", "2", "1")
        assert shown["Failed turns"] == "0.0%"
        assert len(questions(tab)) == 12

    def test_figures_are_not_computed_again_while_an_answer_is_streaming(self, analytics, application, monkeypatch):
        turn = Turn("streaming", new_session(application), TurnStatus.RUNNING, {}, None, created_at=time.time())
        application.store.turns.create(turn)
        tab = analytics()
        assert values(tab)["Turns"] == "1"
        computed = Mock(side_effect=AssertionError("Nothing has changed that the page shows."))
        with monkeypatch.context() as streaming:
            for name in ("gather", "report"):
                streaming.setattr(f"session_store.analytics.analytics.{name}", computed)
            application.store.turns.append_chunks({turn.id: "Once upon a time"})
            assert not tab.run().exception
        application.store.turns.update(turn.id, status=TurnStatus.FAILED, ended_at=time.time())
        assert values(tab.run())["Failed turns"] == "100.0%"

    def test_a_chat_without_messages_is_counted(self, analytics, application):
        new_session(application)
        shown = values(analytics())
        assert (shown["Chats"], shown["Turns"], shown["Messages"]) == ("1", "0", "0")
        assert shown["Failed turns"] == "none"

    def test_new_messages_are_counted_at_the_next_visit(self, analytics, application):
        key = new_session(application)
        finish(application, application.turns.submit(key, "hello"))
        tab = analytics()
        finish(application, application.turns.submit(key, "again"))
        assert values(tab.run())["Messages"] == "4"

    def test_the_price_of_an_unknown_model_is_unknown_and_not_zero(self, analytics, application):
        finish(application, application.turns.submit(new_session(application), "hello"))
        cost = figures(analytics())["Cost"]
        assert cost["value"] == "unknown"
        assert "unpriced" in cost["detail"]


class TestScope:
    def test_the_scope_is_all_chats_unless_saved_ones_are_chosen(self, analytics, application):
        keys = [new_session(application) for _ in range(3)]
        application.set_saved(keys[:1], True)
        assert values(analytics())["Chats"] == "3"
        assert values(analytics(show="Saved"))["Chats"] == "1"

    def test_a_tab_keeps_its_choice_of_chats(self, analytics, application):
        keys = [new_session(application) for _ in range(3)]
        application.set_saved(keys[:1], True)
        tab = analytics()
        tab.segmented_control(key="show").set_value("Saved").run()
        tab.switch_page("../../../pages/history.py").run()
        tab.query_params.clear()
        tab.switch_page("../../../pages/analytics.py").run()
        assert not tab.exception
        assert not tab.warning
        assert values(tab)["Chats"] == "1"
        assert tab.query_params["show"] == "Saved"

    def test_filters_are_read_from_the_url(self, analytics, application):
        for agent in ("assistant", "assistant", "specialist"):
            finish(application, application.turns.submit(new_session(application, agent), "hello"))
        assert values(analytics(agent="Assistant"))["Chats"] == "2"
        assert values(analytics(agent="Specialist", period="Year"))["Messages"] == "2"

    def test_tags_and_statuses_are_filters_if_there_are_any(self, analytics, application):
        keys = [new_session(application) for _ in range(3)]
        assert not {"tag", "state"} & {choice.key for choice in analytics().multiselect}
        application.store.labels.set_tags(keys[:1], add=["billing"])
        application.store.sessions.terminate(keys[:2])
        assert {"tag", "state"} <= {choice.key for choice in analytics().multiselect}
        assert values(analytics(tag="billing"))["Chats"] == "1"
        assert values(analytics(state="terminated"))["Chats"] == "2"

    def test_asking_the_history_uses_the_filters(self, analytics, application):
        key = new_session(application, "specialist")
        new_session(application)
        application.store.labels.set_tags([key], add=["billing"])
        application.store.sessions.terminate([key])
        tab = analytics(agent="Specialist", tag="billing", state="terminated", period="7 days")
        tab.button(key="ask-history").click().run()
        scope = tab.session_state[state.SCOPE]
        assert (scope.agents, scope.tags, scope.saved) == (frozenset({"specialist"}), frozenset({"billing"}), None)
        assert (scope.states, scope.statuses, scope.turn_statuses) == (frozenset({"terminated"}), None, None)
        assert scope.within[1] - scope.within[0] == pytest.approx(7 * 86_400, abs=3_600)

    def test_filters_without_matches_are_reported_and_can_be_reset(self, analytics, application):
        finish(application, application.turns.submit(new_session(application), "hello"))
        tab = analytics(status="failed")
        assert "No activity in this period" in tab.info[0].value
        tab.button(key="reset-filters").click().run()
        assert values(tab)["Chats"] == "1"

    @pytest.mark.parametrize("gone", [{"agent": "Gone agent"}, {"tag": "no-such-tag"}, {"state": "running"}], ids=str)
    def test_outdated_filters_in_the_url_match_nothing_rather_than_everything(self, analytics, application, gone):
        finish(application, application.turns.submit(new_session(application), "hello"))
        tab = analytics(**gone)
        assert "No activity in this period" in tab.info[0].value
        tab.button(key="reset-filters").click().run()
        assert values(tab)["Chats"] == "1"

    def test_a_reversed_date_range_in_the_url_is_accepted(self, analytics, application):
        finish(application, application.turns.submit(new_session(application), "hello"))
        today = datetime.now(UTC).date()
        between = [(today + timedelta(days=1)).isoformat(), (today - timedelta(days=3)).isoformat()]
        assert values(analytics(period="Between", between=between))["Chats"] == "1"

    def test_filters_keep_the_open_session_in_the_url(self, analytics, application):
        key = new_session(application)
        tab = analytics(session=key.session_id, show="All")
        assert tab.query_params["session"] == key.session_id


class TestDemo:
    def test_demo_data_is_labeled_on_every_page(self, analytics, demo, page):
        labels = [
            element.proto.body
            for tab in (analytics(), page())
            for element in tab.get("markdown")
            if "Demo" in element.proto.body
        ]
        assert len(labels) == 2

    def test_every_chart_has_a_title_and_data(self, analytics, demo):
        tab = analytics(show="All", period="Year")
        assert all(question for question in questions(tab))
        bars = components(tab, "bars")
        assert all(told["rows"] for told in bars)
        assert len(tab.get("vega_lite_chart")) + len(bars) == 12


def test_a_first_visit_draws_the_precomputed_report(demo, analytics):
    preload_charts()
    made = [drawing.cache_info().misses for drawing in DRAWINGS]
    analytics(show="All", period="Year")
    assert [drawing.cache_info().misses for drawing in DRAWINGS] == made
