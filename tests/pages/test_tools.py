"""How the chat shows tools: steps, questions, files, and feedback on answers."""

import io
import json
import re
from itertools import count

import pytest
from PIL import Image
from structlog.testing import capture_logs

from colloquy.runtime.application import install
from colloquy.ui.chat.context_mark import WORDS
from session_store.models import SAMPLE_SHOP, TurnStatus
from tests.agents.folders import PATIENCE, agent_folders
from tests.pages.conftest import put_back, said_in
from tests.runtime import desk
from tests.support.applications import conversation, finish, new_session, open_application, until

NUMBERS = count(1)
CLERK = (
    desk.HEAD
    + '''
import threading

go_on = threading.Event()


def run_sql(sql: str, title: str = "") -> dict:
    """Pretends to run a query."""
    if "nowhere" in sql:
        return {"error": "There is no table *nowhere*."}
    return {"columns": ["x"], "rows": [[1]], "row_count": 1200, "truncated": False, "seconds": 0.1}


def wait() -> dict:
    """Waits."""
    go_on.wait(30)
    return {"waited": True}


def raises() -> dict:
    """Raises."""
    raise LookupError("the archive is *closed*")


clerk = LlmAgent(name="clerk", model=ScriptedModel(), tools=[*tools, run_sql, wait, raises])
'''
)
FRONT = CLERK + "root_agent = LlmAgent(name='front', model=ScriptedModel(), sub_agents=[clerk])\n"


@pytest.fixture
def application(tmp_path):
    with agent_folders(tmp_path) as write, capture_logs():  # printing all variables takes seconds
        number = next(NUMBERS)
        write(f"page_clerk_{number}", CLERK + "root_agent = clerk\n")
        write(f"page_front_{number}", FRONT)
        application = open_application(tmp_path / "data", agents_dir=write.parent)
        assert application.agents._folders.loaded.wait(PATIENCE)
        install(application)
        yield application
        install(None)
        application.close()


def agent(application, kind="clerk"):
    return next(agent.id for agent in application.agents.list() if agent.id.startswith(f"page_{kind}"))


@pytest.fixture
def chat_with(application):
    """A session with a finished turn."""

    def send(*messages, kind="clerk"):
        key = new_session(application, agent(application, kind))
        finish(application, *[application.turns.submit(key, message) for message in messages])
        return key

    return send


@pytest.fixture
def asked(application):
    """A session in which a tool asks the user."""

    def ask(message):
        key = new_session(application, agent(application))
        turn = application.turns.submit(key, message)
        until(application, lambda: application.store.turns.get(turn.id).status is TurnStatus.PAUSED)
        return key, turn

    return ask


def steps(tab):
    return [step.label for message in tab.chat_message for step in message.expander]


def code(tab):
    return [(block.language, block.value) for block in tab.main.code]


def foot(tab, place=-1):
    feet = [element.proto for element in tab.main if element.type == "bidi_component"]
    return [json.loads(proto.json) for proto in feet if proto.component_name == "colloquy.toolbar"][place]


def press(tab, name):
    next(button for button in tab.main.button if button.label == name).click().run()
    return tab


class TestSteps:
    def test_an_answer_with_tool_calls_is_one_bubble_with_a_line_per_call(self, chat_with, page):
        tab = page(chat_with('call look_up {} and call run_sql {"sql": "select 1", "title": "All"}').session_id)
        assert len(tab.chat_message) == 2
        [first, second] = steps(tab)
        assert first.startswith(r"look\_up")
        assert second.startswith(r"Ran a query\: All · 1,200 rows")

    def test_sql_is_shown_as_such_and_other_arguments_as_json(self, chat_with, page):
        tab = page(chat_with('call run_sql {"sql": "select 1"} and call look_up {}').session_id)
        assert ("sql", "select 1") in code(tab)
        assert ("json", '{"found": 7}') in code(tab)

    def test_a_tool_error_is_explained_in_its_step(self, chat_with, page):
        tab = page(chat_with('call run_sql {"sql": "select * from nowhere"}').session_id)
        assert steps(tab)[0].startswith("The query failed")
        assert [error.value for error in tab.chat_message[1].expander[0].error] == ["There is no table \\*nowhere\\*."]

    def test_a_tool_that_raises_shows_its_failed_step_the_error_and_advice(self, chat_with, page):
        tab = page(chat_with("call raises {}").session_id)
        assert len(tab.chat_message) == 2
        answer = tab.chat_message[1]
        [step] = answer.expander
        assert step.label.startswith("raises failed")
        assert "the archive is" in step.error[0].value
        assert "the archive is" in answer.error[-1].value
        labels = [element.label if element.type == "button" else element.type for element in answer]
        assert labels.index("Try again") > len(labels) - labels[::-1].index("error") - 1

    @pytest.mark.parametrize("tool", ["ticket", "order"])
    def test_a_pending_tool_is_shown_as_waiting_rather_than_failed(self, chat_with, page, tool):
        tab = page(chat_with(f"call {tool} {{}}").session_id)
        assert steps(tab)[0].startswith(f"{tool} · waiting for its result")
        assert not tab.main.error

    def test_the_answer_names_the_running_tool(self, application, page):
        key = new_session(application, agent(application))
        turn = application.turns.submit(key, "call wait {}")
        until(application, lambda: len(application.store.events.list(key)) == 2)
        tab = page(key.session_id)
        assert steps(tab) == ["Calling wait"]
        application.turns.stop(turn.id)

    def test_a_transfer_and_the_answer_are_one_bubble_by_the_answering_agent(self, chat_with, page):
        tab = page(chat_with('call transfer_to_agent {"agent_name": "clerk"}', kind="front").session_id)
        assert len(tab.chat_message) == 2
        assert steps(tab)[0].startswith(r"Handed over\: clerk")
        assert foot(tab)["note"].startswith("clerk · ")


class TestConfirmation:
    def test_a_tool_that_asks_shows_what_it_would_do(self, asked, page):
        tab = page(asked('call book {"days": 3}')[0].session_id)
        assert ":material/front_hand: **Allow clerk to run book?**" in [text.value for text in tab.main.markdown]
        assert "Book 3 days?" in [text.value for text in tab.main.markdown]
        assert ("json", '{"days": 3}') in code(tab)

    def test_developer_messages_of_adk_are_not_shown(self, asked, page):
        tab = page(asked('call pay {"amount": 5}')[0].session_id)
        assert "FunctionResponse" not in " ".join(text.value for text in tab.main.markdown)

    @pytest.mark.parametrize(("answer", "line"), [("Approve", "approved"), ("Decline", "declined")])
    def test_the_answer_replaces_the_question(self, application, asked, page, answer, line):
        key, turn = asked('call pay {"amount": 5}')
        tab = press(page(key.session_id), answer)
        finish(application, turn)
        tab.run()
        [step] = steps(tab)
        assert f"pay · {line}" in step
        assert not [button for button in tab.main.button if button.label in ("Approve", "Decline")]
        assert len(tab.chat_message) == 2

    def test_one_of_two_questions_can_be_answered_first(self, application, asked, page):
        key, turn = asked('call pay {"amount": 5} and call book {"days": 3}')
        tab = press(page(key.session_id), "Approve")
        assert len([button for button in tab.main.button if button.label == "Approve"]) == 1
        assert "approved" in steps(tab)[0]
        press(tab, "Approve")
        finish(application, turn)
        assert len(steps(tab.run())) == 2

    def test_a_late_answer_is_reported(self, application, asked, page):
        key, turn = asked('call pay {"amount": 5}')
        tab = page(key.session_id)
        application.turns.stop(turn.id)
        assert "already answered" in press(tab, "Approve").toast[0].value


class TestFeedback:
    def test_only_answers_can_be_rated(self, chat_with, page):
        tab = page(chat_with("hello").session_id)
        assert not foot(tab, 0)["rated"]
        assert (foot(tab)["rated"], foot(tab)["score"], foot(tab)["comment"]) == (True, None, "")

    def test_a_rating_is_shown_on_the_next_visit(self, application, chat_with, page):
        key = chat_with("hello")
        answer = application.store.events.list(key)[-1].event
        application.set_feedback(key, answer.id, -1, "Too short")
        tab = page(key.session_id)
        assert (foot(tab)["score"], foot(tab)["comment"]) == (-1, "Too short")


class TestFiles:
    @pytest.fixture
    def picture(self):
        written = io.BytesIO()
        Image.new("RGB", (640, 400), "purple").save(written, "PNG")
        return written.getvalue()

    def send(self, page, key, text, *files):
        tab = page(key.session_id)
        tab.chat_input[0].set_value(text)
        for name, content, mime_type in files:
            tab.chat_input[0].upload(name, content, mime_type)
        return tab.run()

    def test_a_text_file_is_sent_with_the_message_and_shown_by_name(self, application, page):
        key = new_session(application)
        tab = self.send(page, key, "read this", ("notes.txt", b"first\nsecond", "text/plain"))
        until(application, lambda: not application.turns.live(key))
        tab.run()
        question = tab.chat_message[0]
        assert said_in(question) == "read this"
        assert "notes.txt" in question.caption[0].value
        assert [file.data for file in conversation(application, key)[0].files] == [b"first\nsecond"]

    def test_a_picture_is_shown_as_a_thumbnail(self, application, page, picture):
        key = new_session(application)
        tab = self.send(page, key, "what is this?", ("shop.png", picture, "image/png"))
        until(application, lambda: not application.turns.live(key))
        assert len(tab.run().chat_message[0].image) == 1

    def test_a_broken_picture_is_shown_by_name(self, application, page):
        key = new_session(application)
        tab = self.send(page, key, "look", ("broken.png", b"no picture", "image/png"))
        until(application, lambda: not application.turns.live(key))
        assert "broken.png" in tab.run().chat_message[0].caption[0].value

    def test_files_may_be_sent_without_text(self, application, page):
        key = new_session(application)
        self.send(page, key, "", ("notes.txt", b"first", "text/plain"))
        until(application, lambda: not application.turns.live(key))
        assert [file.name for file in conversation(application, key)[0].files] == ["notes.txt"]

    def test_pictures_for_a_model_that_cannot_read_them_are_refused_and_the_text_stays(
        self, application, page, picture
    ):
        key = new_session(application)
        application.store.sessions.set_model(key, "scripted/two")
        tab = self.send(page, key, "what is this?", ("shop.png", picture, "image/png"))
        assert "Scripted two does not read images" in tab.warning[0].value
        assert put_back(tab) == "what is this?"
        assert not application.store.events.list(key)
        tab.chat_input[0].set_value("what is this?").run()
        until(application, lambda: not application.turns.live(key))
        assert not tab.run().warning

    def test_a_first_message_that_cannot_be_sent_creates_no_session(self, application, page):
        tab = page()
        tab.chat_input[0].set_value("look").upload("a.bin", b"\0\1\2", "application/octet-stream").run()
        assert "neither a text file" in tab.warning[0].value
        assert put_back(tab) == "look"
        assert not application.store.sessions.list("local").items


class TestContext:
    def mark(self, tab):
        """The message below the mark, by its id."""
        styles = [text for html in tab.main.get("html") if WORDS in (text := html.proto.body)]
        return re.search(r"st-key-copy-([\w-]+)", styles[0])[1] if styles else None

    def test_the_first_message_in_the_context_is_marked(self, application, page):
        key = new_session(application)
        finish(application, *[application.turns.submit(key, f"message {n}") for n in range(15)])
        shown = conversation(application, key)
        # The model got the newest 20 of the 29 messages that existed then.
        tab = page(key.session_id)
        assert self.mark(tab) is None
        tab.button(key="older").click().run()
        assert self.mark(tab) == shown[-21].id

    def test_a_short_conversation_has_no_mark(self, application, page):
        key = new_session(application)
        finish(application, *[application.turns.submit(key, f"message {n}") for n in range(3)])
        assert self.mark(page(key.session_id)) is None


class TestData:
    def test_a_query_by_the_user_is_shown_as_code_with_all_its_rows(self, application, page):
        key = analyst(application, "scripted/one")
        finish(application, application.turns.submit(key, "/sql select 2 * 3 as a, 4 * 5 as b"))
        tab = page(key.session_id)
        assert ("sql", "/sql select 2 * 3 as a, 4 * 5 as b") in code(tab)
        assert steps(tab)[0].startswith("Ran a query")
        [table] = tab.chat_message[1].dataframe
        assert table.value.to_dict("list") == {"a": [6], "b": [20]}

    def test_a_guessed_query_is_labeled_with_advice_for_better_ones(self, application, page):
        key = analyst(application, "scripted/small")
        finish(application, application.turns.submit(key, "guess select count(*) as orders from orders"))
        tab = page(key.session_id)
        [notice] = [caption.value for caption in tab.main.caption if "guessed" in caption.value]
        assert notice == (
            ":material/lightbulb: A small model guessed this query."
            " For better queries, choose Scripted or Scripted two above."
        )


def analyst(application, model):
    return application.create_session(agent_id="data_analyst", model=model, workspace_id=SAMPLE_SHOP).key
