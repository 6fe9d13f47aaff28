"""Any message of a conversation can be said anew; what was said before is kept and can be gone back to."""

import threading

import pytest

from colloquy.agents.data.history_scope import STATE, HistoryScope
from colloquy.runtime.turns.turns import SessionBusyError
from session_store.errors import ColloquyError
from session_store.models import SAMPLE_SHOP
from tests.support.applications import conversation, finish, new_session, open_application, said


def talk(application, key, *texts):
    return [finish(application, application.turns.submit(key, text))[0] for text in texts]


def asked(application, key):
    return [text for author, text in said(application, key) if author == "user"]


def test_a_message_in_the_middle_is_replaced_with_all_that_followed(application):
    key = new_session(application)
    _, second, _ = talk(application, key, "first", "second", "third")
    [edited] = finish(application, application.turns.replace(second, "another second"))
    assert asked(application, key) == ["first", "another second"]
    assert application.store.versions(key)[edited.id] == (second.id, edited.id)


def test_going_back_brings_the_answer_and_what_followed(application):
    key = new_session(application)
    first, _ = talk(application, key, "first", "second")
    [edited] = finish(application, application.turns.replace(first, "other"))
    application.turns.show(first)
    assert said(application, key) == [
        ("user", "first"),
        ("assistant", "You said: first"),
        ("user", "second"),
        ("assistant", "You said: second"),
    ]
    application.turns.show(edited)
    assert asked(application, key) == ["other"]


def test_the_model_sees_the_shown_version_alone(application):
    key = new_session(application)
    first, _ = talk(application, key, "apples", "pears")
    finish(application, application.turns.replace(first, "plums"))
    application.turns.show(first)
    talk(application, key, "history")
    shown = conversation(application, key)[-1].text
    assert "apples" in shown
    assert "pears" in shown
    assert "plums" not in shown


def test_the_sessions_figures_count_the_messages_shown_and_the_tokens_of_every_version(application):
    key = new_session(application)
    [first] = talk(application, key, "count 5")
    finish(application, application.turns.replace(first, "count 2"))
    query = "select messages, turns, output_tokens from history.conversations where id = $1"
    with application.store.cursor() as cursor:
        assert cursor.execute(query, [key.session_id]).fetchall() == [(2, 1, 7)]
    application.turns.show(first)
    with application.store.cursor() as cursor:
        assert cursor.execute(query, [key.session_id]).fetchall() == [(2, 1, 7)]


def test_results_go_and_come_with_their_version(application):
    key = new_session(application, "data_analyst", workspace_id=SAMPLE_SHOP)
    [first] = talk(application, key, "/sql select 42 as n")
    assert len(application.store.list_results(key).items) == 1
    [second] = finish(application, application.turns.replace(first, "/sql select 43 as n"))
    assert [result.turn_id for result in application.store.list_results(key).items] == [second.id]
    application.turns.show(first)
    assert [result.turn_id for result in application.store.list_results(key).items] == [first.id]


def test_a_chat_about_a_part_of_the_history_stays_about_that_part(application):
    scope = HistoryScope(agents=frozenset({"assistant"}))
    session = application.create_session(
        agent_id="history_analyst", model="scripted/one", state={STATE: scope.as_state(), "kept": 1}
    )
    [first] = talk(application, session.key, "hello")
    finish(application, application.turns.replace(first, "good evening"))
    application.turns.show(first)
    assert application.store.session_state(session.key) == {STATE: scope.as_state(), "kept": 1}


def test_versions_outlive_a_restart(tmp_path):
    application = open_application(tmp_path)
    key = new_session(application)
    [first] = talk(application, key, "first")
    [second] = finish(application, application.turns.replace(first, "second"))
    application.close()
    application = open_application(tmp_path)
    assert application.store.versions(key)[first.id] == (first.id, second.id)
    application.turns.show(first)
    assert asked(application, key) == ["first"]
    application.close()


def test_nothing_changes_while_an_answer_is_given(application):
    key = new_session(application)
    [first] = talk(application, key, "first")
    finish(application, application.turns.replace(first, "second"))
    running = application.turns.submit(key, "count 1 then wait")
    with pytest.raises(SessionBusyError, match="Stop the running answer"):
        application.turns.show(first)
    application.turns.stop(running.id)


def test_of_two_edits_at_once_one_is_taken_and_the_other_refused(application):
    key = new_session(application)
    [first] = talk(application, key, "first")
    taken, refused = [], []

    def edit(text):
        try:
            taken.append(application.turns.replace(first, text))
        except ColloquyError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=edit, args=(f"count {n} then wait",)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 2)
    application.turns.stop(taken[0].id)
    finish(application, *taken)
    assert application.store.versions(key)[first.id] == (first.id, taken[0].id)


def test_an_edit_of_a_version_that_is_not_shown_is_a_further_version(application):
    key = new_session(application)
    [first] = talk(application, key, "first")
    [second] = finish(application, application.turns.replace(first, "second"))
    [third] = finish(application, application.turns.replace(first, "third"))
    assert application.store.versions(key)[third.id] == (first.id, second.id, third.id)
    assert asked(application, key) == ["third"]
