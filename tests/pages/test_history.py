"""The history page: the list of all conversations, search, labels, transcripts."""

import asyncio
import json
from datetime import UTC, datetime
from functools import partial
from unittest.mock import patch

import pytest
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from streamlit.components.v2.bidi_component.main import _make_trigger_id

from colloquy.runtime.application import install
from colloquy.ui.history import actions
from colloquy.ui.history.drill_down import drill_of
from colloquy.ui.history.listing import ROWS
from colloquy.ui.history.table import COLUMNS, pieces, ref_of
from colloquy.ui.history.window import MOST, SIZE
from session_store.engine.database import Database
from session_store.history.filters import HistoryFilter, only
from session_store.models import SAMPLE_SHOP, TitleSource
from tests.pages.conftest import said_in
from tests.support.applications import conversation, finish, new_session, open_application, said

QUERY = "/sql select month, month * 10.5 as revenue from (values (1), (2), (3)) as made(month)"


@pytest.fixture
def history(open_page):
    """Opens the page in a new tab, with parameters in its URL."""
    return partial(open_page, "history")


@pytest.fixture
def talk(application):
    """Makes a conversation from these messages, and gives it a title."""

    def make(title, *texts, agent="assistant", **where):
        key = new_session(application, agent, **where)
        for text in texts:
            finish(application, application.turns.submit(key, text))
        application.rename_session(key, title)
        return key

    return make


def component(tab, field):
    """The data given to a component with this field; None if there is none."""
    found = [json.loads(element.proto.json) for element in tab.main if element.type == "bidi_component"]
    found += [json.loads(element.proto.json) for element in tab.get("bidi_component")]
    return next((data for data in found if field in data), None)


def foot_of(tab, message_id):
    """The foot of a message as rendered by Streamlit."""
    feet = [element.proto for element in tab.get("bidi_component")]
    return next(foot for foot in feet if foot.id.endswith(f"copy-{message_id}"))


def versions(tab, message_id):
    """Which of how many versions of a message is shown."""
    data = json.loads(foot_of(tab, message_id).json)
    return data["version"], data["versions"]


def acted(tab, message_id, act):
    """Click a button in the foot of a message, which AppTest shows but cannot click."""
    states = tab._tree.get_widget_states()
    trigger = json.dumps([{"event": "act", "value": act}])
    states.widgets.add(id=_make_trigger_id(foot_of(tab, message_id).id, "events"), json_trigger_value=trigger)
    return tab._run(states)


def titles(tab):
    table = component(tab, "rows")
    return [row["cells"]["title"] for row in table["rows"]] if table else []


def cells(tab, title):
    return next(row for row in component(tab, "rows")["rows"] if row["cells"]["title"] == title)


def texts(tab):
    """The texts of the bubbles."""
    return [words for bubble in tab.chat_message if (words := said_in(bubble))]


def said_on(tab):
    return " ".join(element.proto.body for element in tab.get("html"))


def button(tab, key):
    return tab.button(key=key)


def has(tab, key):
    return any(element.key == key for element in tab.button)


def picked(tab, application, *keys):
    """Select conversations in the list."""
    rows = [application.store.history.row(key) for key in keys]
    tab.session_state[actions.PICKED] = {ref_of(row): row for row in rows}
    return tab.run()


class TestList:
    def test_an_empty_page_explains_its_purpose(self, history):
        tab = history()
        assert "Your chats will be listed here" in tab.main.markdown[0].value
        assert has(tab, "history-begin")
        assert not tab.text_input

    def test_one_conversation_is_shown_with_all_columns(self, history, application, talk):
        key = talk("Greetings", "hello", "again")
        application.set_saved([key], True)
        application.store.labels.set_tags([key], add=["polite"])
        application.store.labels.set_note(key, "A short one")
        application.set_feedback(key, conversation(application, key)[1].id, 1)
        row = cells(history(), "Greetings")
        assert row["cells"] | {"updated": ""} == {
            "title": "Greetings",
            "workspace": "General",
            "agent": "Assistant",
            "model": "Scripted",
            "user": "local",
            "updated": "",
            "messages": "4",
            "tokens": "8",
            "cost": "unknown",
            "status": "",
        }
        assert {*row["cells"], "feedback"} == {column.value for column in COLUMNS}  # thumbs are drawn specially
        assert (row["saved"], row["tags"], row["note"], row["up"], row["down"]) == (
            True,
            ["polite"],
            "A short one",
            1,
            0,
        )
        assert row["href"] == f"./history?session={key.session_id}"

    def test_filters_and_order_are_read_from_the_url(self, history, application, talk):
        talk("Beta", "hello")
        saved = talk("Alpha", "hello", "again", agent="specialist")
        application.set_saved([saved], True)
        application.store.labels.set_tags([saved], add=["kept"])
        assert titles(history()) == ["Alpha", "Beta"]
        assert titles(history(sort="messages")) == ["Beta", "Alpha"]
        assert titles(history(sort="-title")) == ["Beta", "Alpha"]
        assert titles(history(saved="yes")) == titles(history(tag="kept")) == titles(history(agent="specialist"))
        assert titles(history(saved="no")) == ["Beta"]
        today = datetime.now(UTC).date().isoformat()
        assert len(titles(history(**{"from": today, "to": today}))) == 2
        assert titles(history(to="2001-01-01")) == []

    def test_filters_may_have_several_values_and_invalid_ones_are_ignored(self, history, talk):
        talk("One", "hello", agent="assistant")
        talk("Two", "hello", agent="specialist")
        assert len(titles(history(agent=["assistant", "specialist"]))) == 2
        tab = history(sort="nonsense", saved="maybe", feedback="so-so", **{"from": "yesterday"})
        assert titles(tab) == ["Two", "One"]

    def test_a_changed_filter_is_written_to_the_url(self, history, talk):
        talk("One", "hello", agent="assistant")
        talk("Two", "hello", agent="specialist")
        tab = history(sort="title")
        tab.multiselect(key="history-agents").select("specialist").run()
        assert titles(tab) == ["Two"]
        assert tab.query_params["agent"] == "specialist"
        assert tab.query_params["sort"] == "title"

    def test_filters_without_matches_are_reported_and_can_be_reset(self, history, talk):
        talk("One", "hello")
        tab = history(status="failed")
        assert "No chats match these filters" in tab.info[0].value
        button(tab, "history-reset").click().run()
        assert titles(tab) == ["One"]

    def test_the_status_shows_how_the_last_turn_ended(self, history, talk):
        talk("Bad luck", "count 2 then fail")
        talk("Fine", "hello")
        assert cells(history(), "Bad luck")["cells"]["status"] == "Failed"
        assert titles(history(status="failed")) == ["Bad luck"]

    def test_long_lists_are_paged(self, history, application):
        for number in range(ROWS + 2):
            application.store.sessions.rename(new_session(application), f"Chat {number:03}", TitleSource.PERSON)
        tab = history(sort="title")
        assert titles(tab)[0] == "Chat 000"
        assert len(titles(tab)) == ROWS
        button(tab, "history-next").click().run()
        assert titles(tab) == [f"Chat {ROWS:03}", f"Chat {ROWS + 1:03}"]
        button(tab, "history-previous").click().run()
        assert titles(tab)[0] == "Chat 000"


class TestCost:
    """How many store queries a run of the page takes."""

    @pytest.fixture
    def asked(self, history):
        """Opens the page and counts queries."""

        def count(**parameters):
            history(**parameters)  # the first run of a process also asks whether the data is demo data
            reading = Database.reading
            with patch.object(Database, "reading", autospec=True, side_effect=reading) as counted:
                history(**parameters)
            return counted.call_count

        return count

    def test_the_cost_of_the_list_does_not_grow_with_its_length(self, asked, application):
        new_session(application)
        few = asked()
        for _ in range(ROWS):
            new_session(application)
        assert asked() == few <= 7

    def test_the_cost_of_a_search_is_no_greater(self, asked, talk):
        talk("Trees", "The oak is a tree", "and another oak")
        assert asked(text="oak") <= 6

    def test_the_cost_of_a_transcript_does_not_grow_with_its_length(self, asked, talk):
        short, longer = talk("Short", "one"), talk("Longer", *"abcdefghij")
        assert asked(session=longer.session_id) <= asked(session=short.session_id) <= 12


class TestSearch:
    def test_hits_are_shown_in_context_with_marked_words(self, history, application, talk):
        key = talk("Trees", "The oak is a tree")
        hits = component(history(text="oak"), "hits")["hits"]
        assert [hit["kind"] for hit in hits] == ["Message", "Message"]
        assert hits[1]["pieces"] == [["The ", False], ["oak", True], [" is a tree", False]]
        asked = conversation(application, key)[0]
        assert hits[1]["href"] == f"./history?session={key.session_id}&message={asked.id}&text=oak"

    def test_titles_are_found(self, history, talk):
        talk("About bees", "hello")
        [hit] = component(history(text="bees"), "hits")["hits"]
        assert (hit["kind"], hit["title"]) == ("Title", "About bees")

    def test_conversations_can_be_shown_instead_of_hits(self, history, talk):
        talk("Trees", "The oak is a tree", "and another oak")
        talk("Flowers", "The rose is a flower")
        tab = history(text="oak")
        assert titles(tab) == []
        tab.segmented_control(key="history-kind").set_value("Chats").run()
        assert titles(tab) == ["Trees"]
        assert tab.query_params["view"] == "list"

    def test_a_search_without_hits(self, history, talk):
        talk("Trees", "hello")
        assert "No chats match these filters" in history(text="birch").info[0].value

    def test_marks_at_both_ends_and_side_by_side(self):
        assert pieces("abc", ((0, 1), (1, 2))) == [("a", True), ("b", True), ("c", False)]
        assert pieces("abc", ()) == [("abc", False)]


class TestSelection:
    def test_tags_are_added_and_removed(self, history, application, talk):
        keys = [talk("One", "hello"), talk("Two", "hello")]
        application.store.labels.set_tags(keys[:1], add=["old"])
        application.store.labels.set_tags([talk("Other", "hello")], add=["known"])
        tab = picked(history(), application, *keys)
        tab.multiselect(key="history-add-tags").select("known").run()
        assert [application.store.labels.tags(key) for key in keys] == [("known", "old"), ("known",)]
        tab.multiselect(key="history-remove-tags").select("old").run()
        assert [application.store.labels.tags(key) for key in keys] == [("known",), ("known",)]
        assert cells(tab, "One")["tags"] == ["known"]

    def test_selected_chats_are_saved_together(self, history, application, talk):
        keys = [talk("One", "hello"), talk("Two", "hello")]
        button(picked(history(), application, *keys), "history-save").click().run()
        assert application.store.history.count(HistoryFilter(saved=True)) == 2

    def test_a_deletion_can_be_undone(self, history, application, talk):
        keys = [talk("One", "hello"), talk("Two", "hello")]
        tab = picked(history(), application, *keys)
        button(tab, "history-delete").click().run()
        assert titles(tab) == []
        button(tab, "history-undo").click().run()
        assert sorted(titles(tab)) == ["One", "Two"]

    def test_a_deletion_that_cannot_be_undone_needs_confirmation(self, history, application, tmp_path, talk):
        talk("One", "hello")
        application.close()
        final = open_application(tmp_path, undo_seconds=0)
        install(final)
        [row] = final.store.history.list(HistoryFilter()).items
        tab = picked(history(), final, row.key)
        button(tab, "history-delete").click().run()
        assert titles(tab) == ["One"]
        button(tab, "history-really-delete").click().run()
        assert titles(tab) == []
        final.close()

    def test_two_transcripts_are_shown_side_by_side(self, history, application, talk):
        keys = [talk("One", "first words"), talk("Two", "second words")]
        tab = picked(history(), application, *keys)
        button(tab, "history-beside").click().run()
        assert tab.query_params["session"] == keys[0].session_id
        assert tab.query_params["beside"] == keys[1].session_id
        assert texts(tab) == ["first words", "You said: first words", "second words", "You said: second words"]
        button(tab, "right-alone").click().run()
        assert texts(tab) == ["second words", "You said: second words"]

    def test_selected_chats_can_be_exported(self, history, application, talk):
        keys = [talk("One", "hello"), talk("Two", "hello")]
        tab = picked(history(), application, *keys)
        button(tab, "history-export").click().run()
        ids = "&amp;".join(f"id={key.session_id}" for key in keys)
        assert f"/api/v1/exports/file?format=markdown&amp;{ids}" in said_on(tab)


class TestReader:
    def test_a_transcript_shows_its_measurements(self, history, talk):
        tab = history(session=talk("Greetings", "hello").session_id)
        assert texts(tab) == ["hello", "You said: hello"]
        assert "<h2>Greetings</h2>" in said_on(tab)
        foot = component(tab, "rated")
        notes = [
            json.loads(one.proto.json)["note"]
            for one in tab.get("bidi_component")
            if "note" in json.loads(one.proto.json)
        ]
        assert "first word after" in notes[1]
        assert "1 token in, 2 out" in notes[1]
        assert foot["actions"] == ["Branch here"]

    def test_the_versions_of_a_message_can_be_paged(self, history, application, talk):
        key = talk("Fruit", "apples", "pears", "plums")
        pears = application.store.events.list(key)[2].event.invocation_id
        finish(application, application.turns.replace(application.store.turns.get(pears), "figs"))
        tab = history(session=key.session_id)
        assert texts(tab) == ["apples", "You said: apples", "figs", "You said: figs"]
        tab = acted(tab, application.store.events.list(key)[2].event.id, -1)
        assert texts(tab) == ["apples", "You said: apples", "pears", "You said: pears", "plums", "You said: plums"]
        asked = application.store.events.list(key)[2].event.id
        assert versions(tab, asked) == (1, 2)
        assert component(tab, "anchor")["anchor"] == f"st-key-copy-{asked}"
        assert versions(acted(tab, asked, 1), application.store.events.list(key)[2].event.id) == (2, 2)

    def test_tables_and_charts_are_complete_even_beside_those_of_a_branch(self, history, application):
        key = new_session(application, "data_analyst", workspace_id=SAMPLE_SHOP)
        finish(application, application.turns.submit(key, QUERY))
        branch = application.branch_session(key, conversation(application, key)[-1].id)
        alone = history(session=key.session_id)
        assert len(alone.dataframe) == len(alone.get("vega_lite_chart")) == 1
        assert QUERY.removeprefix("/sql ") in alone.code[0].value
        both = history(session=key.session_id, beside=branch.key.session_id)
        assert len(both.dataframe) == len(both.get("vega_lite_chart")) == 2

    def test_titles_and_notes_are_plain_text(self, history, application, talk):
        key = talk("<script>alert(1)</script>", "hello")
        application.store.labels.set_note(key, "<img src=x>")
        shown = said_on(history(session=key.session_id))
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown
        assert "<img" not in shown

    def test_a_deleted_conversation_is_reported(self, history):
        assert "no longer exists" in history(session="nowhere").warning[0].value

    def test_a_conversation_without_messages(self, history, application):
        tab = history(session=new_session(application).session_id)
        assert "This chat has no messages yet" in tab.caption[0].value

    def test_a_conversation_with_state_changes_only(self, history, application):
        key = new_session(application)
        session = asyncio.run(
            application.sessions.get_session(app_name=key.app_name, user_id=key.user_id, session_id=key.session_id)
        )
        change = Event(author="user", actions=EventActions(state_delta={"colour": "red"}))
        asyncio.run(application.sessions.append_event(session, change))
        tab = history(session=key.session_id, message=change.id)
        assert "This chat has no messages yet" in tab.caption[0].value

    def test_failures_are_shown_in_place(self, history, talk):
        tab = history(session=talk("Bad luck", "count 2 then fail", "hello").session_id)
        assert "failed as it was told" in tab.error[0].value
        assert texts(tab)[-1] == "You said: hello"

    def test_continue_opens_the_chat(self, history, talk):
        key = talk("Greetings", "hello")
        tab = history(session=key.session_id)
        button(tab, "go-on").click().run()
        assert tab.query_params["session"] == key.session_id
        assert tab.chat_input

    def test_tags_and_a_note_are_saved(self, history, application, talk):
        key = talk("Greetings", "hello")
        application.store.labels.set_tags([talk("Other", "hello")], add=["known"])
        tab = history(session=key.session_id)
        tags = tab.multiselect(key=f"tags-{key.session_id}")
        assert tags.options == ["known"]
        tags.select("known").run()
        tab.text_area(key=f"note-{key.session_id}").set_value("To remember").run()
        assert application.store.labels.tags(key) == ("known",)
        assert application.store.labels.note(key) == "To remember"
        assert "<b>known</b>" in said_on(tab)

    def test_another_conversation_can_be_opened_beside_it(self, history, talk):
        first, second = talk("Trees", "The oak is a tree"), talk("Flowers", "The rose is a flower")
        tab = history(session=first.session_id)
        button(tab, "history-compare").click().run()
        assert not has(tab, f"beside-{first.session_id}")
        button(tab, f"beside-{second.session_id}").click().run()
        assert tab.query_params["beside"] == second.session_id
        assert len(texts(tab)) == 4

    def test_back_returns_to_the_unchanged_list(self, history, application, talk):
        keys = [talk("One", "hello"), talk("Two", "hello")]
        application.set_saved(keys, True)
        tab = picked(history(saved="yes", sort="title"), application, *keys)
        button(tab, "history-beside").click().run()
        button(tab, "history-back").click().run()
        assert tab.query_params["saved"] == "yes"
        assert titles(tab) == ["One", "Two"]

    def test_previous_and_next_follow_the_list(self, history, talk):
        keys = [talk(name, "hello") for name in ("One", "Two", "Three")]
        talk("Other", "good bye")
        tab = history(session=keys[2].session_id, text="hello", sort="title", view="list")
        assert "2 of 3" in {caption.value for caption in tab.caption}  # One, Three, Two
        assert button(tab, "history-previous-one").disabled is False
        button(tab, "history-next-one").click().run()
        assert tab.query_params["session"] == keys[1].session_id
        assert button(tab, "history-next-one").disabled
        assert tab.query_params["text"] == "hello"
        button(tab, "history-previous-one").click().run()
        assert tab.query_params["session"] == keys[2].session_id

    def test_a_conversation_outside_the_list_has_no_neighbors(self, history, talk):
        keys = [talk("One", "hello"), talk("Two", "good bye")]
        assert not has(history(session=keys[0].session_id, text="bye"), "history-next-one")


def drill(**changes):
    """The URL parameters of a list behind a figure."""
    today = datetime.now(UTC).date().isoformat()
    drilled = {"kind": "status", "values": ["failed"], "title": "Failed *turns*", "first": today, "last": today}
    return json.dumps(drilled | {"zone": "UTC", "page": "period=Year&agent=Assistant"} | changes)


class TestDrillDown:
    def test_chats_behind_a_figure_show_time_and_error_and_lead_to_the_turn_and_back(self, history, talk):
        talk("Fine", "hello")
        key = talk("Broken", "hello", "count 2 then fail")
        tab = history(behind=drill())
        assert titles(tab) == ["Broken"]
        row = cells(tab, "Broken")
        assert row["error"]
        assert row["at"].startswith(f"{datetime.now(UTC):%d %b %Y}")
        assert "message=" in row["href"]
        assert f"session={key.session_id}" in row["href"]
        assert any("Failed" in element.value and "turns" in element.value for element in tab.markdown)
        button(tab, "history-analytics").click().run()
        assert not tab.exception
        assert (tab.query_params["period"], tab.query_params["agent"]) == ("Year", "Assistant")

    def test_filters_apply_and_can_be_removed(self, history, application, talk):
        keys = [talk(name, "count 2 then fail") for name in ("One", "Two")]
        talk("Fine", "hello")
        application.set_saved(keys[:1], True)
        tab = history(behind=drill(), saved="yes")
        assert titles(tab) == ["One"]
        button(tab, "history-all").click().run()
        assert len(titles(tab)) == 3

    @pytest.mark.parametrize(
        "told",
        [
            "nonsense",
            "{}",
            drill(kind="other"),
            drill(first="0001-01-01"),
            drill(first="2100-01-01"),
            drill(zone="Nowhere/At all"),
            drill(zone="../../etc/passwd"),
            drill(kind="days", values=["x", "y"]),
            drill(kind="days", values=[1]),
            drill(filters={"agents": "x"}),
            drill(extra=1),
        ],
        ids=str,
    )
    def test_an_invalid_url_is_reported_with_a_button_to_reset_it(self, history, talk, told):
        key = talk("One", "hello")
        tab = history(behind=told)
        assert "again" in tab.error[0].value
        button(tab, "history-reset").click().run()
        assert titles(tab) == ["One"]
        assert texts(history(behind=told, session=key.session_id))

    def test_a_link_made_by_an_earlier_version_filters_as_it_did(self):
        earlier = {"saved_only": True, "models": ["gemini-2.5-pro"], "statuses": ["failed"], "workspaces": ["shop"]}
        assert drill_of(drill(filters=earlier)).filters == HistoryFilter(
            saved=True, answered_by=only("gemini-2.5-pro"), turn_statuses=only("failed"), workspace_ids=only("shop")
        )


@pytest.fixture
def long_one(open_demo):
    """An application with one long conversation, and its key."""
    demo = open_demo(sessions=1, messages=1000)
    [row] = demo.store.history.list(HistoryFilter()).items
    return demo, row.key


class TestLongTranscripts:
    def test_it_starts_with_the_first_messages_and_shows_more_on_request(self, history, long_one):
        demo, key = long_one
        everything = [text for _, text in said(demo, key) if text]
        tab = history(session=key.session_id)
        shown = len(tab.chat_message)
        assert SIZE / 4 < shown < 2 * SIZE
        assert not has(tab, "older")
        assert texts(tab)[0] in everything[0]
        button(tab, "newer").click().run()
        assert len(tab.chat_message) > shown
        for _ in range(8):
            button(tab, "newer").click().run()
        assert len(tab.chat_message) < 2 * MOST
        assert has(tab, "older")
        button(tab, "end-False").click().run()
        assert not has(tab, "newer")
        button(tab, "end-True").click().run()
        assert not has(tab, "older")

    def test_it_can_open_at_a_message_in_the_middle(self, history, long_one):
        demo, key = long_one
        middle = conversation(demo, key)[450]
        tab = history(session=key.session_id, message=middle.id)
        assert has(tab, "older")
        assert has(tab, "newer")
        assert middle.text[:20] in " ".join(texts(tab))
        assert component(tab, "anchor")["anchor"] == f"st-key-copy-{middle.id}"
        assert len(tab.chat_message) < 2 * SIZE

    def test_a_missing_message_opens_the_beginning_with_a_notice(self, history, long_one):
        _, key = long_one
        tab = history(session=key.session_id, message="nowhere")
        assert "points to no longer exists" in tab.info[0].value
        assert not has(tab, "older")
