"""The agents that a session can be held with, from all sources."""

import os

import pytest

from colloquy.agents.adk_folders import AdkFolders
from colloquy.agents.agent import AgentProblemError, Source, UnknownAgentError
from colloquy.agents.catalogue import LOOK_EVERY, AgentCatalogue
from tests.agents.folders import AGENT, agent_folders, loaded
from tests.agents.surroundings import NOTHING

PERSONA = "---\nname: {name}\n---\nYou judge.\n"


@pytest.fixture
def agent_folder(tmp_path):
    with agent_folders(tmp_path) as write:
        yield write


@pytest.fixture
def personas(tmp_path):
    folder = tmp_path / "personas"
    folder.mkdir()
    return folder


@pytest.fixture
def clock():
    """Seconds that pass when a test says so."""

    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def catalogue(personas, clock):
    return AgentCatalogue(personas, clock=clock)


def write(personas, agent_id, name):
    (personas / f"{agent_id}.md").write_text(PERSONA.format(name=name), "utf-8")


def test_the_assistant_comes_first_and_the_others_by_name():
    catalogue = AgentCatalogue()
    names = [agent.name for agent in catalogue.list()]
    assert catalogue.default().id == "assistant"
    assert names[0] == "Assistant"
    assert names[1:] == sorted(names[1:], key=str.casefold)


def test_agents_of_ones_own_folder_come_before_all_others(agent_folder):
    agent_folder("zeppelin_desk", AGENT)
    catalogue = AgentCatalogue(folders=loaded(agent_folder.parent))
    assert [agent.id for agent in catalogue.list()][:2] == ["zeppelin_desk", "assistant"]
    assert catalogue.default().id == "assistant"


def test_every_shipped_persona_can_be_used_and_offers_something_to_try():
    for agent in AgentCatalogue().list():
        assert (agent.problem, agent.source) == (None, Source.BUILT_IN)
        assert agent.prompts
        assert agent.description


def test_an_agent_that_is_gone_is_named():
    assert AgentCatalogue().find("nobody") is None
    with pytest.raises(UnknownAgentError, match="no agent 'nobody'"):
        AgentCatalogue().get("nobody")


class TestPersonasOfTheUser:
    def test_one_that_was_added_appears(self, catalogue, personas, clock):
        assert catalogue.find("critic") is None
        write(personas, "critic", "Critic")
        clock.now += LOOK_EVERY
        critic = catalogue.get("critic")
        assert (critic.name, critic.source) == ("Critic", Source.YOURS)

    def test_one_that_was_changed_is_read_again(self, catalogue, personas, clock):
        write(personas, "critic", "Critic")
        assert catalogue.get("critic").name == "Critic"
        write(personas, "critic", "Sharp critic")
        clock.now += LOOK_EVERY
        assert catalogue.get("critic").name == "Sharp critic"

    def test_one_that_was_removed_is_gone(self, catalogue, personas, clock):
        write(personas, "critic", "Critic")
        assert catalogue.find("critic")
        (personas / "critic.md").unlink()
        clock.now += LOOK_EVERY
        assert catalogue.find("critic") is None

    def test_the_files_are_looked_at_once_a_second_at_most(self, catalogue, personas, clock):
        catalogue.list()
        write(personas, "critic", "Critic")
        clock.now += LOOK_EVERY / 2
        assert catalogue.find("critic") is None

    def test_only_files_that_changed_are_read(self, catalogue, personas, clock):
        write(personas, "critic", "Critic")
        before = catalogue.get("critic")
        clock.now += LOOK_EVERY
        assert catalogue.get("critic") is before

    def test_one_with_the_id_of_a_shipped_one_replaces_it(self, catalogue, personas):
        write(personas, "specialist", "My specialist")
        assert [agent.name for agent in catalogue.list() if agent.id == "specialist"] == ["My specialist"]

    def test_a_broken_one_is_listed_with_what_is_wrong_and_cannot_be_run(self, catalogue, personas):
        (personas / "critic.md").write_text("You judge.", "utf-8")
        critic = catalogue.get("critic")
        assert "must start with a YAML header" in critic.problem
        with pytest.raises(AgentProblemError, match="must start with a YAML header"):
            critic.app(None, NOTHING)
        assert catalogue.get("specialist").problem is None

    def test_one_that_is_mended_works(self, catalogue, personas, clock):
        (personas / "critic.md").write_text("You judge.", "utf-8")
        assert catalogue.get("critic").problem
        write(personas, "critic", "Critic")
        clock.now += LOOK_EVERY
        assert catalogue.get("critic").problem is None

    def test_new_chats_begin_with_an_agent_that_works(self, catalogue, personas):
        (personas / "assistant.md").write_text("broken", "utf-8")
        assert catalogue.get("assistant").problem
        assert not catalogue.default().problem

    @pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
    def test_a_link_to_nothing_is_told(self, catalogue, personas):
        (personas / "critic.md").symlink_to(personas / "nothing.md")
        assert "critic.md cannot be read: it is a link to something" in catalogue.get("critic").problem

    @pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
    def test_how_an_editor_notes_that_it_has_a_file_open_is_left_out(self, catalogue, personas):
        (personas / ".#critic.md").symlink_to("ada@desk.1234")
        assert catalogue.find(".#critic") is None


class TestAdkFolders:
    def test_they_stand_beside_the_personas(self, agent_folder):
        agent_folder("travel_desk", AGENT)
        catalogue = AgentCatalogue(folders=loaded(agent_folder.parent))
        assert {"assistant", "travel_desk"} <= {agent.id for agent in catalogue.list()}
        assert catalogue.get("travel_desk").source is Source.ADK_FOLDER

    def test_one_with_the_id_of_a_persona_replaces_it(self, agent_folder, personas):
        write(personas, "house_critic", "Critic")
        agent_folder("house_critic", AGENT)
        catalogue = AgentCatalogue(personas, loaded(agent_folder.parent))
        assert catalogue.get("house_critic").source is Source.ADK_FOLDER

    def test_it_replaces_the_persona_even_while_it_is_broken(self, agent_folder, personas):
        write(personas, "broken_critic", "Critic")
        agent_folder("broken_critic", "raise ValueError('no')")
        assert AgentCatalogue(personas, loaded(agent_folder.parent)).get("broken_critic").problem

    def test_until_it_is_loaded_it_is_listed_as_loading(self, agent_folder):
        agent_folder("slow_desk", AGENT)
        [agent] = AdkFolders(agent_folder.parent).agents()
        assert agent.loading
        assert agent.problem == "slow_desk is still being loaded. Try again in a moment."
