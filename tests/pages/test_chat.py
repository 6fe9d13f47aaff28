"""The chat page, as far as it can be tested without a browser."""

import pytest
from google.adk.events.event import Event
from google.genai import types

from colloquy.runtime.application import install
from colloquy.ui.chat.session_list import SAVED_ROWS
from colloquy.ui.long_texts import MOST_CHARACTERS
from session_store.errors import StoreFullError
from session_store.models import TurnStatus
from tests.pages.conftest import choose, put_back, said_in
from tests.session_store.events import append
from tests.session_store.events import said as event
from tests.support.applications import finish, new_session, open_application, said, until

PROMPT = "Explain what a database index is, in three sentences."


def bubbles(page):
    return [(bubble.name, said_in(bubble)) for bubble in page.chat_message]


def rows(page):
    return [button.label for button in page.sidebar.button if (button.key or "").startswith("open-")]


def headings(page):
    return [caption.value for caption in page.sidebar.caption]


def menu(page, key, option):
    return choose(page, f"menu-{key.session_id}", option)


def undoable(page):
    """What the sidebar says about a deletion that can be undone; None if nothing."""
    told = [html.proto.body for html in page.sidebar.get("html") if 'role="status"' in html.proto.body]
    return told[0].partition(">")[2].partition("<")[0] if told else None


def answered(application, text="hello"):
    key = new_session(application)
    finish(application, application.turns.submit(key, text))
    return key


class TestNewChat:
    def test_a_first_visit_offers_suggestions_and_stores_nothing(self, application, page):
        assert PROMPT in [button.label for button in page().button]
        assert not application.store.sessions.list("local").items

    def test_a_suggestion_starts_a_session_that_is_named_in_the_url(self, application, page):
        tab = page()
        next(button for button in tab.button if button.label == PROMPT).click().run()
        [session] = application.store.sessions.list("local").items
        assert tab.query_params["session"] == session.key.session_id
        until(application, lambda: not application.turns.live(session.key))
        assert bubbles(tab.run()) == [("user", PROMPT), ("assistant", f"You said: {PROMPT}")]

    def test_the_session_uses_the_chosen_agent_and_model(self, application, page):
        tab = page()
        tab.get("button_group")[0].set_value("specialist").run()
        choose(tab, "model-menu", "Scripted two")
        tab.chat_input[0].set_value("hello").run()
        [session] = application.store.sessions.list("local").items
        assert (session.key.app_name, session.model) == ("specialist", "scripted/two")

    def test_a_first_message_that_cannot_be_saved_stays_in_the_field(self, application, page, monkeypatch):
        def full(*_):
            raise StoreFullError("The disk is full. Free some space and try again.")

        tab = page()
        with monkeypatch.context() as patched:
            patched.setattr(application.turns, "submit", full)
            tab.chat_input[0].set_value("hello").run()
        assert tab.query_params["session"]
        assert "Free some space" in tab.warning[0].value
        assert put_back(tab) == "hello"
        tab.chat_input[0].set_value("hello").run()
        assert not tab.warning

    def test_new_chat_leaves_the_session(self, application, page):
        tab = page(answered(application).session_id)
        tab.sidebar.button(key="new-chat").click().run()
        assert "session" not in tab.query_params
        assert not tab.chat_message


TABLE = "| n | name |\n|---|---|\n" + "\n".join(f"| {n} | Item \\| {n} |" for n in range(20_000))
CODE = "```python\n" + "x = 1\n" * 100_000 + "```"
PARAGRAPH = "two words " * 50_000


class TestLongTexts:
    """A text that would freeze the browser shows its beginning, and the rest on request."""

    def session_with(self, application, *events):
        key = new_session(application)
        append(application.store, key, *events)
        return key

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (f"Here it is.\n\n{TABLE}\n\nThat is all.", "Show all 20,000 rows and what follows"),
            (f"Here it is.\n{CODE}\nThat is all.", "Show all 100,000 lines and what follows"),
            (PARAGRAPH, "Show all 500,000 characters"),
            ("- one\n" * 5_000, "Show all 5,001 lines"),
            (f"<think>{PARAGRAPH}</think>Yes.", "Show all 499,999 characters"),
        ],
    )
    @pytest.mark.parametrize("place", [None, "history"])
    def test_a_long_answer_shows_its_beginning(self, application, open_page, text, words, place):
        key = self.session_with(application, event("Go on."), event(text, author="assistant"))
        tab = open_page(place, session=key.session_id)
        [more] = [button for button in tab.button if (button.key or "").startswith("long-")]
        assert more.label == words
        shown = sum(len(one.value) for one in tab.markdown)
        assert 500 < shown < MOST_CHARACTERS + 2_000
        more.click().run()
        whole = sum(len(one.value) for one in (*tab.markdown, *tab.code))
        assert whole > 20_000 or len(tab.dataframe[0].value) == 20_000
        assert next(button for button in tab.button if button.key == more.key).label == "Show less"

    def test_a_long_streaming_answer_shows_its_beginning_and_its_length(self, application, page):
        key = new_session(application)
        turn = application.turns.submit(key, "count 5000 then wait")
        until(application, lambda: any(view.text.endswith("w4999 ") for view in application.turns.live(key)))
        tab = page(key.session_id)
        assert 500 < len(said_in(tab.chat_message[-1])) <= MOST_CHARACTERS
        assert tab.chat_message[-1].caption[0].value.startswith("Still writing: 28,890 characters so far.")
        application.turns.stop(turn.id)

    @pytest.mark.parametrize("asked", [PARAGRAPH, CODE, f"/sql select '{PARAGRAPH}'"])
    def test_a_long_user_message_shows_its_beginning(self, application, page, asked):
        tab = page(self.session_with(application, event(asked)).session_id)
        [more] = [button for button in tab.button if (button.key or "").startswith("long-")]
        assert (
            sum(len(said_in(bubble)) + sum(len(one.value) for one in bubble.code) for bubble in tab.chat_message)
            < 30_000
        )
        more.click().run()
        assert len(said_in(tab.chat_message[0])) + sum(len(one.value) for one in tab.code) > len(asked) - 20

    def test_long_tool_arguments_answers_and_errors_show_their_beginning(self, application, page):
        call = types.Part(function_call=types.FunctionCall(id="c", name="read", args={"path": PARAGRAPH}))
        answer = types.Part(
            function_response=types.FunctionResponse(id="c", name="read", response={"error": PARAGRAPH})
        )
        key = self.session_with(
            application,
            event("Go on."),
            Event(author="assistant", invocation_id="turn-1", content=types.ModelContent(call)),
            Event(author="assistant", invocation_id="turn-1", content=types.UserContent(answer)),
        )
        tab = page(key.session_id)
        assert [button.label for button in tab.button if (button.key or "").startswith("long-")] == [
            "Show all 500,016 characters",
            "Show all 500,000 characters",
        ]
        assert sum(len(one.value) for one in (*tab.code, *tab.error)) < 3 * MOST_CHARACTERS


class TestConversation:
    def test_a_message_is_answered_below(self, application, page):
        key = answered(application)
        tab = page(key.session_id)
        turn = application.turns
        tab.chat_input[0].set_value("count 3").run()
        until(application, lambda: not turn.live(key))
        assert bubbles(tab.run())[-2:] == [("user", "count 3"), ("assistant", "w0 w1 w2")]

    def test_a_streaming_answer_is_shown_with_a_stop_button(self, application, page):
        key = new_session(application)
        turn = application.turns.submit(key, "count 4 then wait")
        until(application, lambda: any(view.text.endswith("w3 ") for view in application.turns.live(key)))
        tab = page(key.session_id)
        assert bubbles(tab)[-1] == ("assistant", "w0 w1 w2 w3")
        tab.button(key=f"stop-{turn.id}").click().run()
        assert application.store.turns.get(turn.id).status is TurnStatus.STOPPED
        assert "Stopped: this answer is incomplete." in tab.chat_message[-1].caption[0].value

    def test_thoughts_are_shown_while_streaming_and_kept_out_of_the_text(self, application, page):
        key = new_session(application)
        turn = application.turns.submit(key, "think 3 then count 0 then wait")
        until(application, lambda: any("t2" in text for view in application.turns.live(key) for _, text in view.pieces))
        tab = page(key.session_id)
        [thought] = tab.chat_message[-1].expander
        assert (thought.label, thought.markdown[0].value) == ("Thinking", "t0 t1 t2")
        assert not [caption for caption in tab.chat_message[-1].caption if caption.value == "Thinking"]
        application.turns.stop(turn.id)
        until(application, lambda: not application.turns.live(key))
        [thought] = page(key.session_id).chat_message[-1].expander
        assert (thought.label, thought.markdown[0].value) == ("Thought (incomplete)", "t0 t1 t2")

    def test_a_queued_message_is_marked_and_can_be_withdrawn(self, application, page):
        key = new_session(application)
        first = application.turns.submit(key, "count 1 then wait")
        second = application.turns.submit(key, "second")
        tab = page(key.session_id)
        assert bubbles(tab)[-2][1] == "second"
        assert tab.chat_message[-1].caption[0].value == "Queued"
        tab.button(key=f"stop-{second.id}").click().run()
        assert "second" not in [text for _, text in bubbles(tab)]
        application.turns.stop(first.id)

    def test_a_failure_shows_its_reason_and_can_be_retried(self, application, page):
        key = new_session(application)
        [failed] = finish(application, application.turns.submit(key, "count 2 then fail"))
        tab = page(key.session_id)
        assert tab.error[0].value == "The scripted model failed as it was told to."
        tab.button(key=f"retry-{failed.id}").click().run()
        until(application, lambda: not application.turns.live(key))
        assert application.store.turns.get(failed.id).rewound
        assert len(bubbles(tab.run())) == 2

    def test_a_branch_that_ends_with_a_question_answers_it_on_request(self, application, page):
        key = answered(application)
        branch = application.branch_session(key, application.store.events.list(key)[0].event.id).key
        tab = page(branch.session_id)
        assert tab.chat_message[-1].caption[0].value == "This message is waiting for an answer."
        [answer] = [button for button in tab.button if (button.key or "").startswith("retry-")]
        assert answer.label == "Answer it"
        answer.click().run()
        until(application, lambda: not application.turns.live(branch))
        assert bubbles(tab.run()) == [("user", "hello"), ("assistant", "You said: hello")]

    def test_the_last_message_can_be_edited_and_sent_again(self, application, page):
        key = answered(application, "tpyo")
        tab = page(key.session_id)
        tab.session_state["editing"] = application.store.events.list(key)[-1].event.invocation_id
        tab.run()
        tab.text_area[0].set_value("typo")
        next(button for button in tab.button if button.label == "Send again").click().run()
        until(application, lambda: not application.turns.live(key))
        assert said(application, key) == [("user", "typo"), ("assistant", "You said: typo")]
        assert bubbles(tab.run()) == [("user", "typo"), ("assistant", "You said: typo")]

    def test_older_messages_are_shown_on_request(self, application, page):
        key = new_session(application)
        finish(application, *[application.turns.submit(key, f"message {n}") for n in range(40)])
        tab = page(key.session_id)
        few = len(bubbles(tab))
        assert bubbles(tab)[-1][1] == "You said: message 39"
        assert few <= 40
        tab.button(key="older").click().run()
        assert len(bubbles(tab)) > few
        while "older" in [button.key for button in tab.button]:
            tab.button(key="older").click().run()
        assert bubbles(tab)[0] == ("user", "message 0")

    def test_a_long_exchange_in_one_visit_stays_in_order(self, application, page):
        key = new_session(application)
        tab = page(key.session_id)
        for n in range(10):
            tab.chat_input[0].set_value(f"message {n}").run()
            until(application, lambda: not application.turns.live(key))
        tab.run()
        assert [text for name, text in bubbles(tab) if name == "user"] == [f"message {n}" for n in range(10)]

    def test_the_model_can_be_changed_and_unavailable_ones_explain_what_to_do(self, application, page):
        key = answered(application)
        tab = page(key.session_id)
        choose(tab, "model-menu", "Not here")
        assert r"COLLOQUY\_NOT\_HERE" in tab.toast[0].value
        choose(tab, "model-menu", "Scripted two")
        assert application.store.sessions.get(key.session_id).model == "scripted/two"

    def test_a_session_with_a_missing_model_explains_what_to_do(self, application, page):
        key = answered(application)
        application.store.sessions.set_model(key, "scripted/none")
        assert r"COLLOQUY\_NOT\_HERE" in page(key.session_id).info[0].value

    def test_a_model_without_a_setting_explains_what_to_do(self, application, page):
        key = answered(application)
        application.store.sessions.set_model(key, "nope")
        assert "No model with this name is configured" in page(key.session_id).info[0].value

    def test_an_unknown_session_is_reported(self, page):
        assert "no longer exists" in page("00000000-0000-4000-8000-000000000000").warning[0].value


class TestSessionList:
    def test_sessions_are_listed_newest_first_and_open_on_click(self, application, page):
        first, _ = answered(application, "first"), answered(application, "second")
        tab = page()
        assert (rows(tab), headings(tab)) == (["second", "first"], ["Today"])
        tab.sidebar.button(key=f"open-{first.session_id}").click().run()
        assert bubbles(tab)[0] == ("user", "first")

    def test_saved_sessions_are_listed_first(self, application, page):
        old = answered(application, "old")
        answered(application, "new")
        tab = menu(page(), old, "Save")
        assert (rows(tab), headings(tab)) == (["old", "new"], ["Saved", "Today"])
        tab = menu(tab, old, "Remove from saved")
        assert headings(tab) == ["Today"]

    def test_saved_sessions_leave_room_for_those_of_today(self, application, page):
        saved = [answered(application, f"saved {number}") for number in range(SAVED_ROWS + 2)]
        application.set_saved(saved, True)
        answered(application, "new")
        tab = page()
        assert len(rows(tab)) == SAVED_ROWS + 1
        assert rows(tab)[-1] == "new"
        tab.sidebar.button(key="more-saved").click().run()
        assert len(rows(tab)) == SAVED_ROWS + 3
        assert "more-saved" not in [button.key for button in tab.sidebar.button]

    def test_deleting_needs_no_confirmation_if_it_can_be_undone(self, application, page):
        key = answered(application)
        tab = menu(page(key.session_id), key, "Delete")
        assert rows(tab) == []
        assert application.store.sessions.get(key.session_id) is None
        tab.sidebar.button(key="undo").click().run()
        assert rows(tab) == ["hello"]

    def test_a_change_that_cannot_be_saved_is_explained_and_the_chat_stays(self, application, page, monkeypatch):
        def full(*_):
            raise StoreFullError("The disk is full. Free some space and try again.")

        key = answered(application)
        tab = page(key.session_id)
        for change, option in (("delete_sessions", "Delete"), ("set_saved", "Save"), ("terminate_sessions", "Termin")):
            monkeypatch.setattr(type(application), change, full)
            tab = menu(tab, key, option)
            assert not tab.exception
            assert "Free some space" in tab.toast[0].value
            assert (rows(tab), bubbles(tab)[0]) == (["hello"], ("user", "hello"))

    def test_deleting_needs_confirmation_if_it_cannot_be_undone(self, tmp_path, application, page):
        final = open_application(tmp_path / "final", undo_seconds=0)
        install(final)
        key = answered(final)
        tab = menu(page(), key, "Delete")
        assert rows(tab) == ["hello"]
        tab.button(key="confirm-delete").click().run()
        assert rows(tab) == []
        assert undoable(tab) is None
        install(application)
        final.close()

    def test_deletions_can_be_undone_in_any_tab_latest_first(self, application, page):
        first, second, third = (answered(application, text) for text in ("a", "b", "c"))
        application.delete_sessions([first])
        application.delete_sessions([second, third])
        tab = page()
        assert undoable(tab) == "Deleted 2 chats."
        tab.sidebar.button(key="undo").click().run()
        assert sorted(rows(tab)) == ["b", "c"]
        assert undoable(tab) == "Deleted 1 chat."
        tab.sidebar.button(key="undo").click().run()
        assert sorted(rows(tab)) == ["a", "b", "c"]
        assert "undo" not in [button.key for button in tab.sidebar.button]

    def test_the_undo_offer_can_be_dismissed_until_the_next_deletion(self, application, page):
        first, second = answered(application, "a"), answered(application, "b")
        tab = menu(page(), first, "Delete")
        tab.sidebar.button(key="undo-dismiss").click().run()
        assert undoable(tab) is None
        application.restore_sessions([first])
        tab = menu(tab.run(), first, "Delete")
        assert undoable(tab) == "Deleted 1 chat."
        tab.sidebar.button(key="undo-dismiss").click().run()
        tab = menu(tab, second, "Delete")
        tab.sidebar.button(key="undo").click().run()
        assert rows(tab) == ["b"]

    def test_undoing_too_late_is_reported(self, application, page):
        key = answered(application)
        application.delete_sessions([key])
        tab = page()
        application.store.sessions.purge_deleted(older_than=0)
        tab.sidebar.button(key="undo").click().run()
        assert tab.toast[0].value == r"Too late to undo\: the deletion is now permanent."
        assert "undo" not in [button.key for button in tab.sidebar.button]

    def test_several_are_deleted_at_once(self, application, page):
        keys = [answered(application, text) for text in ("a", "b", "c")]
        tab = page()
        tab.sidebar.button(key="select").click().run()
        for key in keys[:2]:
            tab.sidebar.checkbox(key=f"pick-{key.session_id}").check().run()
        tab.sidebar.button(key="delete-picked").click().run()
        assert rows(tab) == ["c"]
        assert undoable(tab) == "Deleted 2 chats."

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            ("FIRST", ["**first** one :small[General]"]),
            ("you said: sec", [r"second one :small[General · **You said\: sec**ond one]"]),
            ("%", []),
        ],
    )
    def test_search_covers_titles_and_texts(self, application, page, words, found):
        answered(application, "first one")
        answered(application, "second one")
        tab = page()
        tab.sidebar.text_input(key="search").set_value(words).run()
        assert rows(tab) == found

    def test_search_covers_all_workspaces_and_names_them(self, application, page):
        where = application.workspaces.create("Sales [north]")
        far = new_session(application, workspace_id=where.id)
        finish(application, application.turns.submit(far, "far away"))
        tab = page()
        assert rows(tab) == []
        tab.sidebar.text_input(key="search").set_value("away").run()
        assert rows(tab) == [r"far **away** :small[Sales \[north\]]"]

    def test_the_list_can_be_filtered_by_agent(self, application, page):
        answered(application, "with the assistant")
        finish(application, application.turns.submit(new_session(application, "specialist"), "with the specialist"))
        tab = page()
        tab.sidebar.selectbox(key="agent_filter").set_value("specialist").run()
        assert rows(tab) == ["with the specialist"]

    def test_more_rows_are_shown_on_request(self, application, page):
        for n in range(35):
            application.rename_session(new_session(application), f"chat {n}")
        tab = page()
        assert len(rows(tab)) == 30
        tab.sidebar.button(key="more-sessions").click().run()
        assert len(rows(tab)) == 35
        assert "more-sessions" not in [button.key for button in tab.sidebar.button]

    def test_an_empty_list_explains_its_purpose(self, page):
        assert headings(page()) == ["Your chats appear here."]


def test_warnings_about_the_app_are_shown_on_its_pages(application, page, tmp_path):
    (tmp_path / "transcripts").write_text("a file where a folder should be", encoding="utf-8")
    answered(application)
    application.files.transcripts.flush()
    [warning] = page().warning
    assert "transcript" in warning.value.lower()


def test_a_terminated_chat_is_marked_until_it_continues(application, page):
    key = answered(application)
    application.terminate_sessions([key])
    tab = page(key.session_id)
    mark = "Terminated. Send a message to continue."
    assert [caption.value for caption in tab.main.caption if mark in caption.value]
    tab.chat_input[0].set_value("and on").run()
    until(application, lambda: not application.turns.live(key))
    assert not [caption.value for caption in tab.run().main.caption if mark in caption.value]


def test_the_reason_of_an_earlier_failure_stays_in_the_conversation(application, page):
    key = new_session(application)
    for text in ("count 0 then fail", "hello", "and on"):
        finish(application, application.turns.submit(key, text))
    tab = page(key.session_id)
    assert [name for name, _ in bubbles(tab)] == ["user", "assistant", "user", "assistant", "user", "assistant"]
    assert [error.value for error in tab.main.error] == ["The scripted model failed as it was told to."]
