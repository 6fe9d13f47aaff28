import html
import json
import re
from datetime import UTC, datetime

import pytest
from streamlit.proto.Common_pb2 import StringTriggerValue
from streamlit.testing.v1 import AppTest

from colloquy.compat.streamlit_server import keep_import_path_still
from colloquy.demo import fill
from colloquy.runtime.application import DATABASE, install
from colloquy.ui.served.server import SCRIPT
from tests.support.applications import open_application

SHELL = SCRIPT


def said_in(bubble):
    """The text of a bubble; a user's text is not Markdown."""
    typed = [html.unescape(re.sub(r"<[^>]*>", "", one.proto.body)) for one in bubble.get("html")]
    return next(iter([*typed, *(text.value for text in bubble.markdown)]), "")


keep_import_path_still(SCRIPT)  # as the server does: a page may run beside a turn that imports modules


@pytest.fixture
def application(tmp_path):
    application = open_application(tmp_path)
    install(application)
    yield application
    install(None)
    application.close()


@pytest.fixture
def open_page(application):
    """Opens a page in a new tab, the chat page or another one by name, with parameters in its URL."""

    def opened(name: str | None = None, **parameters: str | list[str]) -> AppTest:
        tab = AppTest.from_file(str(SHELL), default_timeout=30)
        if name:
            tab.switch_page(f"../../../pages/{name}.py")
        for parameter, value in parameters.items():
            tab.query_params[parameter] = value
        tab.run()
        assert not tab.exception
        return tab

    return opened


@pytest.fixture
def page(open_page):
    """The chat page in a new tab; ``session`` opens it with that session in the URL."""

    def opened(session: str | None = None) -> AppTest:
        return open_page(session=session) if session else open_page()

    return opened


@pytest.fixture
def open_demo(tmp_path, application):
    """Replaces the empty application by one with demo conversations, made with the arguments for ``fill``."""
    opened = []

    def filled(**how: int):
        fill(tmp_path / "demo" / DATABASE, until=datetime.now(UTC).date(), **how)
        demo = open_application(tmp_path / "demo")
        install(demo)
        opened.append(demo)
        return demo

    yield filled
    install(application)
    for demo in opened:
        demo.close()


def put_back(page: AppTest) -> str:
    """The text that the page puts back into the field for messages."""
    assistants = [one.proto for one in page.get("bidi_component") if one.proto.component_name == "colloquy.composer"]
    [returned] = [json.loads(proto.json)["returned"] for proto in assistants]
    return returned[0] if returned else ""


def choose(page: AppTest, key: str, option: str) -> AppTest:
    """Choose an option of a menu button, which AppTest shows but cannot click."""
    button = next(menu for menu in page.get("menu_button") if menu.key == key)
    full = next(text for text in button.options if option in text)
    states = page._tree.get_widget_states()
    states.widgets.add(id=button.proto.id, string_trigger_value=StringTriggerValue(data=full))
    return page._run(states)
