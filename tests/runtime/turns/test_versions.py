"""Any message of a conversation can be edited; earlier versions are kept and can be restored."""

import threading

import pytest

from colloquy.agents.data.history_scope import STATE
from colloquy.runtime.turns.turns import SessionBusyError
from session_store.errors import ColloquyError
from session_store.history.filters import HistoryFilter
from session_store.models import SAMPLE_SHOP
from tests.support.applications import conversation, finish, new_session, open_application, said


def talk(application, key, *texts):
    return [finish(application, application.turns.submit(key, text))[0] for text in texts]


def asked(application, key):
    return [text for author, text in said(application, key) if author == "user"]


def test_editing_an_earlier_message_replaces_it_and_everything_after_it(application):
    key = new_session(application)
    _, second, _ = talk(application, key, "first", "second", "third")
    [edited] = finish(application, application.turns.replace(second, "another second"))
    assert asked(application, key) == ["first", "another second"]
    assert application.store.turns.versions(key)[edited.id] == (second.id, edited.id)


def test_going_back_restores_the_answer_and_what_followed(application):
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


def test_the_model_sees_only_the_shown_version(application):
    key = new_session(application)
    first, _ = talk(application, key, "apples", "pears")
    finish(application, application.turns.replace(first, "plums"))
    application.turns.show(first)
    talk(application, key, "history")
    shown = conversation(application, key)[-1].text
    assert "apples" in shown
    assert "pears" in shown
    assert "plums" not in shown


def test_session_figures_count_shown_messages_and_tokens_of_every_version(application):
    key = new_session(application)
    [first] = talk(application, key, "count 5")
    finish(application, application.turns.replace(first, "count 2"))
    query = "select messages, turns, output_tokens from history.conversations where id = $1"
    with application.store.cursor() as cursor:
        assert cursor.execute(query, [key.session_id]).fetchall() == [(2, 1, 7)]
    application.turns.show(first)
    with application.store.cursor() as cursor:
        assert cursor.execute(query, [key.session_id]).fetchall() == [(2, 1, 7)]


def test_results_are_shown_with_their_version(application):
    key = new_session(application, "data_analyst", workspace_id=SAMPLE_SHOP)
    [first] = talk(application, key, "/sql select 42 as n")
    assert len(application.store.results.list(key).items) == 1
    [second] = finish(application, application.turns.replace(first, "/sql select 43 as n"))
    assert [result.turn_id for result in application.store.results.list(key).items] == [second.id]
    application.turns.show(first)
    assert [result.turn_id for result in application.store.results.list(key).items] == [first.id]


def test_a_chat_about_part_of_the_history_keeps_its_scope(application):
    scope = HistoryFilter(agents=frozenset({"assistant"}))
    session = application.create_session(
        agent_id="history_analyst", model="scripted/one", state={STATE: scope.as_values(), "kept": 1}
    )
    [first] = talk(application, session.key, "hello")
    finish(application, application.turns.replace(first, "good evening"))
    application.turns.show(first)
    assert application.store.sessions.state(session.key) == {STATE: scope.as_values(), "kept": 1}


def test_versions_survive_a_restart(tmp_path):
    application = open_application(tmp_path)
    key = new_session(application)
    [first] = talk(application, key, "first")
    [second] = finish(application, application.turns.replace(first, "second"))
    application.close()
    application = open_application(tmp_path)
    assert application.store.turns.versions(key)[first.id] == (first.id, second.id)
    application.turns.show(first)
    assert asked(application, key) == ["first"]
    application.close()


def test_versions_cannot_be_changed_while_an_answer_is_running(application):
    key = new_session(application)
    [first] = talk(application, key, "first")
    finish(application, application.turns.replace(first, "second"))
    running = application.turns.submit(key, "count 1 then wait")
    with pytest.raises(SessionBusyError, match="Stop the running answer"):
        application.turns.show(first)
    application.turns.stop(running.id)


def test_of_two_simultaneous_edits_one_is_refused(application):
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
    assert application.store.turns.versions(key)[first.id] == (first.id, taken[0].id)


def test_editing_a_hidden_version_adds_another_version(application):
    key = new_session(application)
    [first] = talk(application, key, "first")
    [second] = finish(application, application.turns.replace(first, "second"))
    [third] = finish(application, application.turns.replace(first, "third"))
    assert application.store.turns.versions(key)[third.id] == (first.id, second.id, third.id)
    assert asked(application, key) == ["third"]
