"""Results on the chat page, as far as they can be tested without a browser."""

import pyarrow as pa
import pytest

from session_store.models import ResultKind
from tests.pages.conftest import SHELL, said_in  # noqa: F401 - the page under test
from tests.support.applications import finish, new_session
from tests.support.results import BARS, MONTHS, new_chart, new_result


@pytest.fixture
def key(application):
    """A session with one answered message."""
    key = new_session(application)
    finish(application, application.turns.submit(key, "hello"))
    return key


def keys(page):
    return [button.key for button in page.button]


def titles(page):
    """The titles in the panel, in order."""
    return [
        text.value.split("**")[1]
        for text in page.markdown
        if text.value.startswith(":material/") and "**" in text.value
    ]


def feet(page):
    return [text.proto.body for text in page.get("html") if text.proto.body.startswith('<div class="result-footer')]


def panel_is_open(page):
    return "close-results" in keys(page)


class TestOpeningThePanel:
    def test_a_chat_without_results_has_only_the_button(self, page, key):
        tab = page(key.session_id)
        assert tab.button(key="open-results").label == "Results"
        assert not panel_is_open(tab)

    def test_it_opens_automatically_with_the_first_result(self, page, key, application):
        tab = page(key.session_id)
        new_result(application, key)
        tab.run()
        assert tab.button(key="open-results").label == "Results (1)"
        assert titles(tab) == ["Revenue by month"]

    def test_a_closed_panel_stays_closed_until_reopened(self, page, key, application):
        new_result(application, key)
        tab = page(key.session_id)
        tab.button(key="close-results").click().run()
        new_result(application, key)
        tab.run()
        assert not panel_is_open(tab)
        tab.button(key="open-results").click().run()
        assert len(titles(tab)) == 2

    def test_an_empty_panel_explains_its_purpose(self, page, key):
        tab = page(key.session_id)
        tab.button(key="open-results").click().run()
        assert any("appear here" in caption.value for caption in tab.caption)


class TestContent:
    def test_only_results_of_the_open_session_are_shown(self, page, key, application):
        new_result(application, key, title="Here")
        new_result(application, new_session(application), title="Elsewhere")
        assert titles(page(key.session_id)) == ["Here"]

    def test_results_are_newest_first_and_older_ones_shown_on_request(self, page, key, application):
        for number in range(8):
            new_result(application, key, title=f"number {number}", created_at=1000.0 + number)
        tab = page(key.session_id)
        assert titles(tab) == [f"number {n}" for n in (7, 6, 5, 4)]
        tab.button(key="older-results").click().run()
        assert titles(tab)[-1] == "number 0"
        assert "older-results" not in keys(tab)

    def test_a_table_shows_its_rows_its_query_and_its_downloads(self, page, key, application):
        result = new_result(application, key, note="Only the first 3 rows were read, which is the limit.", seconds=0.2)
        tab = page(key.session_id)
        assert list(tab.dataframe[0].value["revenue"]) == [1200.5, 980.0, 1430.25]
        [foot] = feet(tab)
        assert "3 rows · 0.2 s" in foot
        assert any("Only the first 3 rows were read" in caption.value for caption in tab.caption)
        assert f'href="./api/v1/results/{result.id}.csv" download' in foot
        assert f'href="./api/v1/results/{result.id}.parquet" download' in foot
        assert ".png" not in foot

    def test_a_chart_is_drawn_and_has_pictures_to_download(self, page, key, application):
        result = new_chart(application, key)
        tab = page(key.session_id)
        assert len(tab.get("vega_lite_chart")) == 1
        assert f"/api/v1/results/{result.id}.svg" in feet(tab)[0]

    def test_a_chart_with_external_addresses_becomes_a_table_with_the_reason(self, page, key, application):
        new_chart(application, key, spec={**BARS, "data": {"url": "http://elsewhere.example"}})
        tab = page(key.session_id)
        assert not tab.get("vega_lite_chart")
        assert len(tab.dataframe) == 1
        assert any("A chart cannot have 'data'" in caption.value for caption in tab.caption)

    def test_a_file_is_shown_by_name_and_size(self, page, key, application):
        new_result(
            application, key, None, kind=ResultKind.FILE, title="", sql=None, file_name="a<b>.pdf", size=2_500_000
        )
        tab = page(key.session_id)
        assert titles(tab) == [r"a\<b\>.pdf"]
        assert "2.5 MB" in feet(tab)[0]
        assert "a&lt;b&gt;.pdf" in feet(tab)[0]

    def test_only_some_rows_of_a_large_table_are_sent_to_the_browser(self, page, key, application):
        new_result(application, key, pa.table({"n": range(100_000), "text": ["x" * 5000] * 100_000}))
        tab = page(key.session_id)
        assert len(tab.dataframe[0].value) == 200
        assert max(map(len, tab.dataframe[0].value["text"])) == 501
        assert any(
            "Showing the first 200 rows; the download has all 100,000" in caption.value for caption in tab.caption
        )

    def test_column_names_may_repeat_and_values_may_have_any_type(self, page, key, application):
        odd = pa.Table.from_arrays([pa.array([1]), pa.array([{"a": 1}]), pa.array([b"xy"])], ["n", "n", ""])
        new_result(application, key, odd)
        shown = page(key.session_id).dataframe[0].value
        assert list(shown.columns) == ["n", "n (2)", ""]
        assert list(shown.iloc[0]) == [1, '{"a": 1}', "<2 bytes>"]


class TestActions:
    def test_deleting_needs_confirmation(self, page, key, application):
        result = new_result(application, key)
        tab = page(key.session_id)
        tab.button(key=f"delete-{result.id}").click().run()
        assert titles(tab)
        tab.button(key=f"keep-{result.id}").click().run()
        tab.button(key=f"delete-{result.id}").click().run()
        tab.button(key=f"really-{result.id}").click().run()
        assert not titles(tab)
        assert application.store.results.get(result.id) is None

    def test_a_title_from_a_model_is_plain_text_in_every_place(self, page, key, application):
        result = new_result(application, key, title="![seen](http://tracker.example/a.png)")
        tab = page(key.session_id)
        tab.button(key=f"delete-{result.id}").click().run()
        tab.button(key=f"really-{result.id}").click().run()
        assert [told.value for told in tab.toast] == [r"Deleted “\!\[seen\]\(http\://tracker.example/a.png\)”."]

    def test_the_message_of_an_old_result_is_loaded_into_the_page(self, page, application):
        key = new_session(application)
        turns = finish(application, *[application.turns.submit(key, f"message {n}") for n in range(40)])
        result = new_result(application, key, MONTHS, turn_id=turns[0].id)
        tab = page(key.session_id)
        assert "message 0" not in [said_in(bubble) for bubble in tab.chat_message]
        tab.button(key=f"show-{result.id}").click().run()
        assert "message 0" in [said_in(bubble) for bubble in tab.chat_message]
