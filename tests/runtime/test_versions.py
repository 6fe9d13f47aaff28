"""Any message of a conversation can be said anew; what was said before is kept and can be gone back to."""

import threading

import pytest

from colloquy.agents.data.history_scope import STATE, HistoryScope
from colloquy.runtime.turns.turns import SessionBusyError
from session_store.errors import ColloquyError
from session_store.models import SAMPLE_SHOP
from tests.support.workbenches import conversation, finish, new_session, open_workbench, said


def talk(workbench, key, *texts):
    return [finish(workbench, workbench.turns.submit(key, text))[0] for text in texts]


def asked(workbench, key):
    return [text for author, text in said(workbench, key) if author == "user"]


def test_a_message_in_the_middle_is_replaced_with_all_that_followed(workbench):
    key = new_session(workbench)
    _, second, _ = talk(workbench, key, "first", "second", "third")
    [edited] = finish(workbench, workbench.turns.replace(second, "another second"))
    assert asked(workbench, key) == ["first", "another second"]
    assert workbench.store.versions(key)[edited.id] == (second.id, edited.id)


def test_going_back_brings_the_answer_and_what_followed(workbench):
    key = new_session(workbench)
    first, _ = talk(workbench, key, "first", "second")
    [edited] = finish(workbench, workbench.turns.replace(first, "other"))
    workbench.turns.show(first)
    assert said(workbench, key) == [
        ("user", "first"),
        ("assistant", "You said: first"),
        ("user", "second"),
        ("assistant", "You said: second"),
    ]
    workbench.turns.show(edited)
    assert asked(workbench, key) == ["other"]


def test_the_model_sees_the_shown_version_alone(workbench):
    key = new_session(workbench)
    first, _ = talk(workbench, key, "apples", "pears")
    finish(workbench, workbench.turns.replace(first, "plums"))
    workbench.turns.show(first)
    talk(workbench, key, "history")
    shown = conversation(workbench, key)[-1].text
    assert "apples" in shown
    assert "pears" in shown
    assert "plums" not in shown


def test_the_sessions_figures_count_the_messages_shown_and_the_tokens_of_every_version(workbench):
    key = new_session(workbench)
    [first] = talk(workbench, key, "count 5")
    finish(workbench, workbench.turns.replace(first, "count 2"))
    query = "select messages, turns, output_tokens from history.conversations where id = $1"
    with workbench.store.cursor() as cursor:
        assert cursor.execute(query, [key.session_id]).fetchall() == [(2, 1, 7)]
    workbench.turns.show(first)
    with workbench.store.cursor() as cursor:
        assert cursor.execute(query, [key.session_id]).fetchall() == [(2, 1, 7)]


def test_results_go_and_come_with_their_version(workbench):
    key = new_session(workbench, "data_analyst", workspace_id=SAMPLE_SHOP)
    [first] = talk(workbench, key, "/sql select 42 as n")
    assert len(workbench.store.list_results(key).items) == 1
    [second] = finish(workbench, workbench.turns.replace(first, "/sql select 43 as n"))
    assert [result.turn_id for result in workbench.store.list_results(key).items] == [second.id]
    workbench.turns.show(first)
    assert [result.turn_id for result in workbench.store.list_results(key).items] == [first.id]


def test_a_chat_about_a_part_of_the_history_stays_about_that_part(workbench):
    scope = HistoryScope(agents=frozenset({"assistant"}))
    session = workbench.create_session(
        agent_id="history_analyst", model="scripted/one", state={STATE: scope.as_state(), "kept": 1}
    )
    [first] = talk(workbench, session.key, "hello")
    finish(workbench, workbench.turns.replace(first, "good evening"))
    workbench.turns.show(first)
    assert workbench.store.session_state(session.key) == {STATE: scope.as_state(), "kept": 1}


def test_versions_outlive_a_restart(tmp_path):
    workbench = open_workbench(tmp_path)
    key = new_session(workbench)
    [first] = talk(workbench, key, "first")
    [second] = finish(workbench, workbench.turns.replace(first, "second"))
    workbench.close()
    workbench = open_workbench(tmp_path)
    assert workbench.store.versions(key)[first.id] == (first.id, second.id)
    workbench.turns.show(first)
    assert asked(workbench, key) == ["first"]
    workbench.close()


def test_nothing_changes_while_an_answer_is_given(workbench):
    key = new_session(workbench)
    [first] = talk(workbench, key, "first")
    finish(workbench, workbench.turns.replace(first, "second"))
    running = workbench.turns.submit(key, "count 1 then wait")
    with pytest.raises(SessionBusyError, match="Stop the running answer"):
        workbench.turns.show(first)
    workbench.turns.stop(running.id)


def test_of_two_edits_at_once_one_is_taken_and_the_other_refused(workbench):
    key = new_session(workbench)
    [first] = talk(workbench, key, "first")
    taken, refused = [], []

    def edit(text):
        try:
            taken.append(workbench.turns.replace(first, text))
        except ColloquyError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=edit, args=(f"count {n} then wait",)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 2)
    workbench.turns.stop(taken[0].id)
    finish(workbench, *taken)
    assert workbench.store.versions(key)[first.id] == (first.id, taken[0].id)


def test_an_edit_of_a_version_that_is_not_shown_is_a_further_version(workbench):
    key = new_session(workbench)
    [first] = talk(workbench, key, "first")
    [second] = finish(workbench, workbench.turns.replace(first, "second"))
    [third] = finish(workbench, workbench.turns.replace(first, "third"))
    assert workbench.store.versions(key)[third.id] == (first.id, second.id, third.id)
    assert asked(workbench, key) == ["third"]
