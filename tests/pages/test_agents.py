"""How pages show agents: the user's own, ADK folders, broken ones and missing ones."""

import json

import pytest

from colloquy.agents.adk_folders import AdkFolders
from colloquy.runtime.application import install
from tests.agents.folders import PATIENCE, agent_folders
from tests.support.applications import finish, new_session, open_application

DESK = """
from google.adk.agents import LlmAgent, SequentialAgent
from tests.support.scripted import ScriptedModel

steps = [LlmAgent(name=name, model=ScriptedModel()) for name in ("draft", "review")]
root_agent = SequentialAgent(name="desk", description="Works in steps.", sub_agents=steps)
"""
PLAIN = """
from google.adk.agents import LlmAgent
from tests.support.scripted import ScriptedModel

root_agent = LlmAgent(name="desk", model=ScriptedModel())
"""


@pytest.fixture
def agent_folder(tmp_path):
    with agent_folders(tmp_path) as write:
        yield write


@pytest.fixture
def application(tmp_path, agent_folder):
    agent_folder("page_steps", DESK)
    agent_folder("page_plain", PLAIN)
    agent_folder("page_broken", "raise ValueError('no *key*')")
    personas = tmp_path / "data" / "personas"
    personas.mkdir(parents=True)
    (personas / "critic.md").write_text("---\nname: Critic\nmodel: scripted/two\n---\nYou judge.", "utf-8")
    (personas / "odd.md").write_text("---\nname: Odd\nicon: ':material/no_such_icon:'\n---\nYou judge.", "utf-8")
    (personas / "torn.md").write_text("---\nname: Torn\n", "utf-8")
    application = open_application(tmp_path / "data", agents_dir=agent_folder.parent)
    assert application.agents._folders.loaded.wait(PATIENCE)
    install(application)
    yield application
    install(None)
    application.close()


def offered(tab):
    return list(tab.get("button_group")[0].options)


def quiet_lines(tab):
    """The captions below messages."""
    feet = [element.proto for element in tab.main if element.type == "bidi_component"]
    return [json.loads(foot.json)["note"] for foot in feet if foot.component_name == "colloquy.toolbar"]


def captions(tab):
    return [caption.value for caption in tab.main.caption]


class TestNewChat:
    def test_agents_of_all_sources_are_offered(self, page):
        names = " ".join(offered(page()))
        assert "Assistant" in names
        assert "Critic" in names
        assert r"page\_steps" in names

    def test_broken_agents_cannot_be_chosen_and_show_the_reason(self, page):
        tab = page()
        assert "broken" not in " ".join(offered(tab))
        [expander] = tab.expander
        assert expander.label == "2 agents cannot be used"
        assert [line.value for line in expander.markdown] == [
            r"page\_broken :gray[(ADK folder)]",
            "torn :gray[(yours)]",
        ]
        problems = [line.value for line in expander.caption]
        assert r"no \*key\*" in problems[0]
        assert "must start with a YAML header" in problems[1]

    def test_an_agent_with_its_own_model_has_no_model_menu(self, page, application):
        tab = page()
        tab.get("button_group")[0].set_value("page_steps").run()
        assert "Works in steps." in captions(tab)
        assert ":material/memory: Model set by the agent" in captions(tab)
        assert not [menu for menu in tab.main.get("menu_button") if menu.key == "model-menu"]
        tab.chat_input[0].set_value("hello").run()
        [session] = application.store.sessions.list("local").items
        assert (session.key.app_name, session.model) == ("page_steps", None)

    def test_new_sessions_use_the_model_preferred_by_the_persona(self, page, application):
        tab = page()
        tab.get("button_group")[0].set_value("critic").run()
        tab.chat_input[0].set_value("hello").run()
        [session] = application.store.sessions.list("local").items
        assert session.model == "scripted/two"

    def test_loading_folders_are_named(self, page, application, agent_folder):
        application.agents._folders = AdkFolders(agent_folder.parent)
        assert r"Loading page\_broken, page\_plain, page\_steps …" in captions(page())


class TestConversation:
    def test_each_message_names_the_sub_agent_that_wrote_it(self, page, application):
        key = new_session(application, "page_steps")
        finish(application, application.turns.submit(key, "hello"))
        feet = quiet_lines(page(key.session_id))
        assert [foot.split(" · ")[0] for foot in feet[1:]] == ["draft", "review"]
        assert "Scripted" not in " ".join(feet)

    def test_messages_of_the_main_agent_show_no_name(self, page, application):
        key = new_session(application, "page_plain")
        finish(application, application.turns.submit(key, "hello"))
        assert "desk" not in quiet_lines(page(key.session_id))[-1]

    def test_a_session_with_a_missing_agent_is_still_shown(self, page, application):
        key = new_session(application, "page_plain")
        finish(application, application.turns.submit(key, "hello"))
        application.agents._folders = None
        tab = page(key.session_id)
        assert tab.chat_message[1].markdown[0].value == "You said: hello"
        assert r":material/smart_toy: page\_plain" in captions(tab)

    def test_an_icon_that_does_not_exist_is_replaced(self, page, application):
        key = new_session(application, "odd")
        finish(application, application.turns.submit(key, "hello"))
        assert ":material/smart_toy: Odd" in captions(page(key.session_id))
