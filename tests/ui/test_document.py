"""The document that every visit begins with."""

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit import config, file_util

from ui.document import PAGES, document_routes

pytestmark = pytest.mark.upstream

BASE = "server.baseUrlPath"


@pytest.fixture
def base():
    before = config.get_option(BASE)
    yield lambda path: config.set_option(BASE, path)
    config.set_option(BASE, before)


def answer(path):
    with TestClient(Starlette(routes=document_routes())) as client:
        return client.get(path)


@pytest.mark.parametrize("page", PAGES)
def test_each_page_begins_with_it(page):
    found = answer(f"/{page}")
    assert found.headers["Content-Type"] == "text/html; charset=utf-8"
    assert found.headers["Cache-Control"] == "no-cache"
    assert "window.__streamlit" in found.text


def test_it_bears_our_name_and_icon_and_not_those_of_streamlit():
    document = answer("/").text
    assert "<title>Colloquy</title>" in document
    assert 'href="data:image/svg+xml,' in document
    assert "<title>Streamlit" not in document
    assert "favicon.png" not in document


def test_it_says_where_the_server_is_before_the_front_end_looks_for_it():
    document = answer("/").text
    assert 0 < document.index("window.__streamlit") < document.index('type="module"')


def test_analytics_loads_what_draws_its_charts_while_it_waits_for_their_data():
    (script,) = re.findall(r"static/js/ArrowVegaLiteChart[^&]+", answer("/analytics").text)
    assert Path(file_util.get_static_dir(), script).is_file()
    assert "ArrowVegaLiteChart" not in answer("/").text


def test_it_stands_below_the_path_that_the_app_is_served_at(base):
    base("demo/chats")
    assert answer("/demo/chats/analytics").status_code == 200
    assert answer("/demo/chats/").status_code == 200
    assert answer("/analytics").status_code == 404
