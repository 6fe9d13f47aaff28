"""The SQL page: the editor, what can be inserted into it, results, and the way to a chat about the history."""

import json
import re
from functools import partial
from pathlib import Path

import pytest

from colloquy.ui.sql.editor import LONGEST_IN_URL, TEXT
from colloquy.ui.sql.examples import EXAMPLES
from session_store.models import SessionKey
from tests.pages.conftest import choose
from tests.support.applications import finish, new_session

DOCUMENT = Path(__file__).parents[2] / "docs" / "console.md"
ROW = re.compile(r"^\| `(\w+)` \| ([\w\[\]]+) \|", re.MULTILINE)
ENDLESS = "select count(*) from range(10000000) a, range(10000000) b where a.range * b.range = 1"


@pytest.fixture
def console(open_page):
    """Opens the page in a new tab, with parameters in its URL."""
    return partial(open_page, "sql")


class Field:
    """The content sent to the editor."""

    def __init__(self, tab):
        [proto] = [one.proto for one in tab.get("bidi_component") if one.proto.component_name == "colloquy.sql"]
        self.told = json.loads(proto.json)
        self.value = self.told["text"]


def field(tab):
    return Field(tab)


def write(tab, sql):
    """Send text as the browser does when the user types."""
    tab.session_state[TEXT] = sql
    tab.run()


def over(tab):
    """Wait until the query has finished, and run the page again."""
    tab.session_state["console_question"]._answer.exception(timeout=20)
    tab.run()
    assert not tab.exception


def run(tab, sql):
    write(tab, sql)
    tab.button(key="run-query").click().run()
    over(tab)


def rows(tab):
    return tab.dataframe[0].value.to_dict("records")


def foot(tab):
    return next(element.proto.body for element in tab.get("html") if 'class="result-footer"' in element.proto.body)


class TestRunning:
    def test_a_query_shows_its_rows_with_count_duration_and_time(self, console, application):
        finish(application, application.turns.submit(new_session(application), "hello"))
        tab = console()
        run(tab, "select role, text from messages order by created_at")
        assert rows(tab) == [{"role": "user", "text": "hello"}, {"role": "agent", "text": "You said: hello"}]
        assert re.search(r"2 rows · \d+ ms · as of \d\d:\d\d:\d\d", foot(tab))

    def test_both_names_of_a_view_work(self, console):
        tab = console()
        run(tab, "select (select count(*) from conversations) + (select count(*) from history.conversations) as n")
        assert rows(tab) == [{"n": 0}]

    def test_conversations_of_all_users_can_be_queried(self, console, application):
        application.store.sessions.create(SessionKey("assistant", "somebody else", "s-1"))
        tab = console()
        run(tab, 'select "user" from conversations')
        assert rows(tab) == [{"user": "somebody else"}]

    @pytest.mark.parametrize(
        ("sql", "why"),
        [
            ("drop table messages", "DROP is not run here"),
            ("select * from sessions", "not available here"),
            ("select * from read_csv('/etc/passwd')", "not among those that may be called"),
            ("select nothing from messages", 'Referenced column "nothing" not found'),
            ("select 1; select 2", "one statement at a time"),
        ],
    )
    def test_an_invalid_query_is_explained(self, console, sql, why):
        tab = console()
        run(tab, sql)
        assert why in tab.error[0].value.replace("\\", "")
        assert not tab.dataframe

    def test_a_cut_result_is_marked(self, application, console):
        bounds = application.services.bounds
        tab = console()
        run(tab, f"select * from range({bounds.rows + 1})")
        assert "Only the first 10,000 rows were read" in tab.warning[0].value
        assert any("of 10,000" in caption.value for caption in tab.main.caption)

    def test_a_query_does_not_block_the_page_and_can_be_cancelled(self, console, application):
        tab = console()
        write(tab, ENDLESS)
        tab.button(key="run-query").click().run()
        question = tab.session_state["console_question"]
        assert not question.is_over
        tab.button(key="cancel-query").click().run()
        over(tab)
        assert not tab.error
        assert tab.info[0].value == "The query was cancelled."
        [asked] = application.store.queries.asked()
        assert (asked.error, asked.row_count) == (None, None)

    def test_a_new_query_ends_the_previous_one(self, console):
        tab = console()
        write(tab, ENDLESS)
        tab.button(key="run-query").click().run()
        before = tab.session_state["console_question"]
        run(tab, "select 1 as one")
        assert rows(tab) == [{"one": 1}]
        assert "stopped" in str(before._answer.exception(timeout=20))

    def test_an_empty_editor_runs_nothing(self, console):
        tab = console()
        tab.button(key="run-query").click().run()
        assert "console_question" not in tab.session_state


class TestResult:
    def test_has_downloads_of_all_rows(self, console):
        tab = console()
        run(tab, "select * from range(500)")
        assert len(rows(tab)) == 200
        assert re.findall(r'href="\.(/api/v1/queries/[\w-]+)\.(\w+)" download', foot(tab)) == [
            (f"/api/v1/queries/{tab.session_state['console_question'].answer().id}", form)
            for form in ("csv", "parquet")
        ]

    def test_is_charted_automatically_or_as_chosen(self, console):
        tab = console()
        run(tab, "select 'day ' || i as day, i as chats, i * 2 as messages from range(5) t(i)")
        tab.segmented_control(key="console-shown").set_value("Chart").run()
        assert [box.value for box in tab.selectbox] == ["bar", "day", "chats", "None"]
        next(box for box in tab.selectbox if box.label == "Chart").set_value("line")
        next(box for box in tab.selectbox if box.label == "Y axis").set_value("messages").run()
        assert not tab.exception
        [chart] = tab.get("vega_lite_chart")
        assert '"messages"' in chart.proto.spec
        assert '"line"' in chart.proto.spec

    @pytest.mark.parametrize(
        "sql", ["select 1 as one", "select 'a' as x, 'b' as y", "select 1 as a, 2 as b where false"]
    )
    def test_without_a_suitable_chart_says_so(self, console, sql):
        tab = console()
        run(tab, sql)
        tab.segmented_control(key="console-shown").set_value("Chart").run()
        assert "These rows cannot be charted" in tab.info[0].value

    def test_with_duplicate_column_names_is_shown_but_not_charted(self, console):
        tab = console()
        run(tab, "select 1 as x, 2 as x, 'a' as y, 3 as z")
        assert rows(tab) == [{"x": 1, "x (2)": 2, "y": "a", "z": 3}]
        tab.segmented_control(key="console-shown").set_value("Chart").run()
        assert [box.value for box in tab.selectbox] == ["bar", "y", "z", "None"]

    def test_with_column_names_that_look_like_paths_is_charted(self, console):
        tab = console()
        run(tab, "select 'a' as \"x.y\", sum(t.n) from (values (1), (2)) t(n)")
        tab.segmented_control(key="console-shown").set_value("Chart").run()
        assert not tab.error
        assert [box.value for box in tab.selectbox][1:3] == ["x.y", "sum(t.n)"]

    def test_with_many_rows_is_paged(self, console):
        tab = console()
        run(tab, "select i from range(450) t(i)")
        assert [len(rows(tab)), tab.button(key="answer-previous").disabled] == [200, True]
        assert "Rows 1 to 200 of 450" in {caption.value for caption in tab.caption}
        tab.button(key="answer-next").click().run()
        assert rows(tab)[0] == {"i": 200}
        tab.button(key="answer-next").click().run()
        assert [rows(tab)[0], len(rows(tab)), tab.button(key="answer-next").disabled] == [{"i": 400}, 50, True]
        run(tab, "select i + 1000 as i from range(201) t(i)")
        assert rows(tab)[0] == {"i": 1000}

    def test_links_chat_ids_in_any_column(self, console, application):
        key = new_session(application)
        finish(application, application.turns.submit(key, "hello"))
        tab = console()
        run(tab, "select conversation_id as chat, text, id from messages order by created_at limit 1")
        [row] = rows(tab)
        assert (row["chat"], row["text"]) == (f"./history?session={key.session_id}", "hello")
        assert "history" not in row["id"]
        config = json.loads(tab.dataframe[0].proto.columns)
        assert config["chat"]["type_config"]["type"] == "link"
        assert "id" not in config
        assert "history?" not in str(tab.session_state["console_question"].answer().data)

    def test_does_not_link_columns_that_also_contain_other_values(self, console, application):
        key = new_session(application)
        run(tab := console(), f"select unnest(['{key.session_id}', 'another', null]) as id")
        assert [row["id"] for row in rows(tab)][:2] == [key.session_id, "another"]

    def test_has_separators_in_large_numbers_but_not_in_years_and_ids(self, console):
        tab = console()
        run(tab, "select 1234567 as tokens, 2026 as since, 1234567 as order_id, 12345 as zip, null::int as nothing")
        config = json.loads(tab.dataframe[0].proto.columns)
        assert {name for name, of in config.items() if of.get("type_config", {}).get("format") == "localized"} == {
            "tokens",
            "nothing",
        }


class TestUrl:
    def test_a_query_in_the_url_fills_the_editor_and_runs_only_on_a_click(self, console):
        tab = console(sql="select 42 as answer")
        assert field(tab).value == "select 42 as answer"
        assert "console_question" not in tab.session_state
        tab.button(key="run-query").click().run()
        over(tab)
        assert rows(tab) == [{"answer": 42}]

    def test_the_url_contains_the_last_query(self, console):
        tab = console()
        run(tab, "select 1 as one")
        assert tab.query_params["sql"] == "select 1 as one"
        run(tab, "select 1 -- " + "x" * LONGEST_IN_URL)
        assert "sql" not in tab.query_params

    def test_text_written_meanwhile_is_not_replaced_by_the_url(self, console):
        tab = console(sql="select 1")
        write(tab, "select 2")
        tab.run()
        assert field(tab).value == "select 2"


class TestEditor:
    def test_the_editor_knows_the_tables_and_their_columns(self, console):
        schema = field(console()).told["schema"]
        assert set(schema) == {"conversations", "messages", "turns", "tool_calls", "feedback"}
        assert '"user"' in schema["conversations"]
        assert "first_token_seconds" in schema["turns"]

    def test_only_inserted_text_is_sent_to_the_browser(self, console):
        tab = console()
        before = field(tab).told["number"]
        write(tab, "select 1")
        assert field(tab).told["number"] == before
        tab.button(key="example-first-0").click().run()
        assert field(tab).told["number"] == before + 1

    def test_the_text_survives_a_visit_to_another_page(self, console):
        tab = console()
        write(tab, "select 'half written")
        tab.switch_page("../../../pages/chat.py").run()
        tab.switch_page("../../../pages/sql.py").run()
        assert field(tab).value == "select 'half written"

    @pytest.mark.parametrize("name", EXAMPLES)
    def test_each_example_runs(self, application, name):
        application.workspaces.history().query(EXAMPLES[name])

    def test_an_example_replaces_the_text_and_can_be_undone(self, console):
        tab = console()
        write(tab, "select 'mine'")
        tab.button(key="example-first-0").click().run()
        assert field(tab).value == EXAMPLES["Chats by agent"]
        tab.button(key="bring-back").click().run()
        assert field(tab).value == "select 'mine'"

    def test_earlier_queries_can_be_restored(self, console, application):
        tab = console()
        run(tab, "select 1 as one")
        run(tab, "select wrong")
        wrong, right = application.store.queries.asked()
        assert (right.row_count, wrong.row_count, wrong.error is None) == (1, None, False)
        tab.button(key=f"asked-{right.id}").click().run()
        assert field(tab).value == "select 1 as one"

    def test_a_query_can_be_saved_renamed_and_removed(self, console, application):
        tab = console()
        write(tab, "select 1 as one")
        save(tab, "One *star*")
        [kept] = application.store.queries.named()
        assert (kept.name, kept.sql) == ("One *star*", "select 1 as one")
        write(tab, "")
        tab.button(key=f"open-query-{kept.id}").click().run()
        assert field(tab).value == "select 1 as one"
        choose(tab, f"menu-query-{kept.id}", "Rename")
        tab.text_input(key=f"name-{kept.id}").set_value("Two").run()
        assert application.store.queries.named()[0].name == "Two"
        choose(tab, f"menu-query-{kept.id}", "Remove")
        assert application.store.queries.named() == []

    def test_a_form_that_saved_does_not_come_back_when_the_browser_reports_it_late(self, console):
        tab = console()
        write(tab, "select 1")
        tab.text_input(key="keep-name-0").set_value("One")
        late = tab._tree.get_widget_states()
        popover = next(block.proto.popover for block in tab.get("popover") if block.proto.popover.label == "Save")
        late.widgets.add(id=popover.id, bool_value=True)
        tab.button(key="keep-query-0").click().run()
        tab._run(late)
        assert tab.text_input(key="keep-name-1").value == ""
        [popover] = [block.proto.popover for block in tab.get("popover") if block.proto.popover.label == "Save"]
        assert not popover.open

    def test_a_duplicate_name_is_refused_with_an_explanation(self, console, application):
        application.store.queries.save("one", "select 1")
        tab = console()
        write(tab, "select 2")
        save(tab, "ONE")
        assert "already" in tab.error[0].value
        assert len(application.store.queries.named()) == 1


def save(tab, name):
    tab.text_input(key="keep-name-0").set_value(name)
    tab.button(key="keep-query-0").click().run()


class TestDocuments:
    def test_the_documentation_lists_every_column_of_every_view_with_its_type(self, application):
        sections = dict(
            re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        )
        views = {view.name: view for view in application.workspaces.history().tables()}
        assert set(sections) == set(views)
        for name, view in views.items():
            assert ROW.findall(sections[name]) == [(column.name, column.type.lower()) for column in view.columns]
