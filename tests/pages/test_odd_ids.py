"""Ids from clients and files never reach a style sheet or a script unchanged."""

import re

import pytest

from session_store.models import SessionKey
from tests.support.applications import finish

ODD = {
    "rules": "p{} header,[data-testid=stMain]{display:none!important} .z",
    "markup": "</style><h1>INJECTED</h1>",
    "slash": "zz/b",
    "quote": 'k3"]){} [data-testid=stMain]{outline:1px solid lime} [x="',
    "half a character": "\ud83d",
    "digits first": "0" * 200,
}


def styles(page):
    return [found for one in page.get("html") for found in re.findall(r"<style>(.*?)$", one.proto.body, re.DOTALL)]


@pytest.fixture(params=ODD, ids=ODD)
def session_id(request, application):
    session_id = ODD[request.param].encode("utf-8", "replace").decode()
    key = SessionKey("assistant", application.settings.user, session_id)
    application.store.sessions.create(key)
    finish(application, application.turns.submit(key, "hello"))
    return session_id


@pytest.mark.parametrize("name", [None, "overview"])
def test_session_ids_never_appear_in_styles(open_page, session_id, name):
    page = open_page(name)
    assert not page.exception
    rules = styles(page)
    assert rules
    assert not any(session_id in rule or "INJECTED" in rule for rule in rules if session_id != "zz/b")
    assert not any("zz/b" in rule for rule in rules)


@pytest.mark.parametrize("name", ["workspaces", "overview"])
def test_workspace_ids_never_appear_in_styles(application, open_page, monkeypatch, name):
    odd = ODD["rules"]
    with monkeypatch.context() as patched:
        patched.setattr("session_store.workspaces.table.uuid.uuid4", lambda: odd)
        assert application.workspaces.create("Place").id == odd
    page = open_page(name)
    assert not page.exception
    assert not any(odd in rule for rule in styles(page))
