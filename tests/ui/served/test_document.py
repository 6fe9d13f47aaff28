"""The document that every visit starts with."""

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit import config, file_util

from colloquy.ui.served.document import (
    ASSETS,
    PAGES,
    SCRIPTS,
    WITH_DOCUMENT,
    asset_url,
    document_routes,
    front_end_scripts,
)

pytestmark = pytest.mark.upstream

BASE = "server.baseUrlPath"


@pytest.fixture
def base():
    before = config.get_option(BASE)
    yield lambda path: config.set_option(BASE, path)
    config.set_option(BASE, before)


def answer(path):
    with TestClient(Starlette(routes=document_routes(), middleware=[front_end_scripts])) as client:
        return client.get(path)


def told_by(document):
    return re.findall(r'"modulepreload" crossorigin href="\./static/js/([^"]+)"', document)


@pytest.mark.parametrize("page", PAGES)
def test_each_page_starts_with_the_document(page):
    found = answer(f"/{page}")
    assert found.headers["Content-Type"] == "text/html; charset=utf-8"
    assert found.headers["Cache-Control"] == "no-cache"
    assert "window.__streamlit" in found.text


def test_it_has_our_name_and_icon_rather_than_those_of_streamlit():
    document = answer("/").text
    assert "<title>Colloquy</title>" in document
    assert 'href="data:image/svg+xml,' in document
    assert "<title>Streamlit" not in document
    assert "favicon.png" not in document


def test_it_names_the_server_before_the_front_end_looks_for_it():
    document = answer("/").text
    assert 0 < document.index("window.__streamlit") < document.index('type="module"')


def test_analytics_preloads_its_chart_scripts():
    (script,) = re.findall(r"static/js/ArrowVegaLiteChart[^&]+", answer("/analytics").text)
    assert Path(file_util.get_static_dir(), script).is_file()
    assert "ArrowVegaLiteChart" not in answer("/").text


def test_the_chat_page_preloads_all_its_scripts():
    told = told_by(answer("/").text)
    assert len(told) == len(set(told))
    assert set(told) <= set(SCRIPTS)
    for part in WITH_DOCUMENT[""]:
        assert any(name.startswith(f"{part}.") for name in told), part
    # Otherwise, imports of a script would be requested only after the script has arrived.
    main = re.findall(r'src="\./static/js/([^"]+)"', answer("/").text)
    for name in told:
        imported = re.findall(r'from"\./([^"]+\.js)"', SCRIPTS[name].read_text(encoding="utf-8"))
        assert set(imported) <= {*told, *main}


def test_its_fonts_exist():
    fonts = re.findall(r'href="\./(static/media/[^"]+)"', answer("/").text)
    assert any("MaterialSymbols" in font for font in fonts)
    assert all(Path(file_util.get_static_dir(), font).is_file() for font in fonts)


def test_scripts_are_cached_by_browsers():
    name = told_by(answer("/").text)[0]
    found = answer(f"/static/js/{name}")
    assert found.content == SCRIPTS[name].read_bytes()
    assert found.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in found.headers["Cache-Control"]
    for path in ("/static/js/no.js", "/static/js/../index.html", f"/other/static/js/{name}", "/static/js/"):
        assert answer(path).status_code == 404


def test_it_is_served_under_the_base_path(base):
    base("demo/chats")
    assert answer("/demo/chats/analytics").status_code == 200
    assert answer("/demo/chats/").status_code == 200
    assert answer("/analytics").status_code == 404
    name = told_by(answer("/demo/chats/").text)[0]
    assert answer(f"/demo/chats/static/js/{name}").status_code == 200
    assert answer(f"/static/js/{name}").status_code == 404


@pytest.mark.parametrize("name", ASSETS)
@pytest.mark.parametrize("path", ["", "/some/where"])
def test_scripts_are_immutable_and_named_by_their_content(base, name, path):
    base(path)
    found = answer(f"{path}/{asset_url(name)[2:]}")
    assert found.text == ASSETS[name].read_text(encoding="utf-8")
    assert found.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "immutable" in found.headers["Cache-Control"]
    assert found.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("name", ASSETS)
def test_scripts_load_nothing_from_other_origins(name):
    assert not re.findall(
        r"""["'`](?:https?:)?//(?!www\.w3\.org/)[\w.-]+\.""", ASSETS[name].read_text(encoding="utf-8")
    )
