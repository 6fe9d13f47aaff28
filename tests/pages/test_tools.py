"""What the chat shows of tools: steps, questions, files, and what people think of the answers."""

import json
from itertools import count

import pytest

from runtime.workbench import install
from session_store.models import TurnStatus
from tests.agents.folders import PATIENCE, agent_folders
from tests.runtime import desk
from tests.support.workbenches import finish, new_session, open_workbench, until

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
def workbench(tmp_path):
    with agent_folders(tmp_path) as write:
        number = next(NUMBERS)
        write(f"page_clerk_{number}", CLERK + "root_agent = clerk\n")
        write(f"page_front_{number}", FRONT)
        workbench = open_workbench(tmp_path / "data", agents_dir=write.parent)
        assert workbench.agents._folders.loaded.wait(PATIENCE)
        install(workbench)
        yield workbench
        install(None)
        workbench.close()


def agent(workbench, kind="clerk"):
    return next(agent.id for agent in workbench.agents.list() if agent.id.startswith(f"page_{kind}"))


@pytest.fixture
def told(workbench):
    """A session in which the agent was told something, and is done with it."""

    def tell(*messages, kind="clerk"):
        key = new_session(workbench, agent(workbench, kind))
        finish(workbench, *[workbench.turns.submit(key, message) for message in messages])
        return key

    return tell


@pytest.fixture
def asked(workbench):
    """A session in which a tool asks the person."""

    def ask(message):
        key = new_session(workbench, agent(workbench))
        turn = workbench.turns.submit(key, message)
        until(workbench, lambda: workbench.store.get_turn(turn.id).status is TurnStatus.PAUSED)
        return key, turn

    return ask


def steps(tab):
    return [step.label for step in tab.main.expander]


def inside(step):
    return [(part.type, part.value) for part in step.children.values()]


def code(tab):
    return [(block.language, block.value) for block in tab.main.code]


def foot(tab, place=-1):
    feet = [element.proto for element in tab.main if element.type == "bidi_component"]
    return [json.loads(proto.json) for proto in feet if proto.component_name == "colloquy.foot"][place]


def press(tab, name):
    next(button for button in tab.main.button if button.label == name).click().run()
    return tab


class TestSteps:
    def test_an_answer_with_tool_calls_is_one_bubble_with_a_line_for_each(self, told, page):
        tab = page(told('call look_up {} and call run_sql {"sql": "select 1", "title": "All"}').session_id)
        assert len(tab.chat_message) == 2
        [first, second] = steps(tab)
        assert first.startswith(r"look\_up")
        assert second.startswith(r"Ran a query\: All · 1,200 rows")

    def test_sql_is_shown_as_such_and_other_arguments_as_json(self, told, page):
        tab = page(told('call run_sql {"sql": "select 1"} and call look_up {}').session_id)
        assert ("sql", "select 1") in code(tab)
        assert ("json", '{"found": 7}') in code(tab)

    def test_an_error_of_a_tool_stands_in_its_step_in_words(self, told, page):
        tab = page(told('call run_sql {"sql": "select * from nowhere"}').session_id)
        assert steps(tab)[0].startswith("The query failed")
        assert [error.value for error in tab.main.expander[0].error] == ["There is no table *nowhere*."]

    def test_a_tool_that_raises_shows_that_in_its_step_and_the_turn_fails(self, told, page):
        tab = page(told("call raises {}").session_id)
        [step] = tab.main.expander
        assert step.label.startswith("raises failed")
        assert "the archive is *closed*" in step.error[0].value
        assert "the archive is *closed*" in tab.main.error[-1].value
        assert [button.label for button in tab.main.button if "Try again" in button.label]

    def test_while_a_tool_runs_the_answer_says_which(self, workbench, page):
        key = new_session(workbench, agent(workbench))
        turn = workbench.turns.submit(key, "call wait {}")
        until(workbench, lambda: len(workbench.store.list_events(key)) == 2)
        tab = page(key.session_id)
        assert steps(tab) == ["Calling wait"]
        workbench.turns.stop(turn.id)

    def test_who_hands_over_and_who_answers_is_one_bubble_in_the_name_of_the_latter(self, told, page):
        tab = page(told('call transfer_to_agent {"agent_name": "clerk"}', kind="front").session_id)
        assert len(tab.chat_message) == 2
        assert steps(tab)[0].startswith(r"Handed over\: clerk")
        assert foot(tab)["note"].startswith("clerk · ")


class TestConfirmation:
    def test_a_tool_that_asks_shows_what_it_would_do(self, asked, page):
        tab = page(asked('call book {"days": 3}')[0].session_id)
        assert ":material/front_hand: **May clerk run book?**" in [text.value for text in tab.main.markdown]
        assert "Book 3 days?" in [text.value for text in tab.main.markdown]
        assert ("json", '{"days": 3}') in code(tab)

    def test_adks_own_words_for_programmers_are_not_shown(self, asked, page):
        tab = page(asked('call pay {"amount": 5}')[0].session_id)
        assert "FunctionResponse" not in " ".join(text.value for text in tab.main.markdown)

    @pytest.mark.parametrize(("answer", "line"), [("Approve", "approved"), ("Decline", "declined")])
    def test_the_answer_takes_the_place_of_the_question(self, workbench, asked, page, answer, line):
        key, turn = asked('call pay {"amount": 5}')
        tab = press(page(key.session_id), answer)
        finish(workbench, turn)
        tab.run()
        [step] = steps(tab)
        assert f" · {line}" in step
        assert not [button for button in tab.main.button if button.label in ("Approve", "Decline")]
        assert len(tab.chat_message) == 2

    def test_of_two_questions_one_may_be_answered_first(self, workbench, asked, page):
        key, turn = asked('call pay {"amount": 5} and call book {"days": 3}')
        tab = press(page(key.session_id), "Approve")
        assert len([button for button in tab.main.button if button.label == "Approve"]) == 1
        assert "approved" in steps(tab)[0]
        press(tab, "Approve")
        finish(workbench, turn)
        assert len(steps(tab.run())) == 2

    def test_an_answer_that_comes_too_late_says_so(self, workbench, asked, page):
        key, turn = asked('call pay {"amount": 5}')
        tab = page(key.session_id)
        workbench.turns.stop(turn.id)
        assert "answered already" in press(tab, "Approve").toast[0].value


class TestFeedback:
    def test_an_answer_can_be_rated_and_a_question_cannot(self, told, page):
        tab = page(told("hello").session_id)
        assert not foot(tab, 0)["rated"]
        assert (foot(tab)["rated"], foot(tab)["score"], foot(tab)["comment"]) == (True, None, "")

    def test_a_rating_is_there_on_the_next_visit(self, workbench, told, page):
        key = told("hello")
        answer = workbench.store.list_events(key)[-1].event
        workbench.set_feedback(key, answer.id, -1, "Too short")
        tab = page(key.session_id)
        assert (foot(tab)["score"], foot(tab)["comment"]) == (-1, "Too short")
