"""The agents available for sessions, from all sources."""

import os

import pytest

from colloquy.agents.adk_folders import AdkFolders
from colloquy.agents.agent import AgentProblemError, Source, UnknownAgentError
from colloquy.agents.catalogue import LOOK_EVERY, AgentCatalogue
from tests.agents.agent_contexts import NOTHING
from tests.agents.folders import AGENT, agent_folders, loaded

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
    """A clock that a test moves by hand."""

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


def test_agents_from_the_folder_of_the_user_come_first(agent_folder):
    agent_folder("zeppelin_desk", AGENT)
    catalogue = AgentCatalogue(folders=loaded(agent_folder.parent))
    assert [agent.id for agent in catalogue.list()][:2] == ["zeppelin_desk", "assistant"]
    assert catalogue.default().id == "assistant"


def test_every_shipped_persona_is_usable_and_has_suggestions():
    for agent in AgentCatalogue().list():
        assert (agent.problem, agent.source) == (None, Source.BUILT_IN)
        assert agent.prompts
        assert agent.description


def test_a_missing_agent_is_named():
    assert AgentCatalogue().find("nobody") is None
    with pytest.raises(UnknownAgentError, match="no agent 'nobody'"):
        AgentCatalogue().get("nobody")


class TestPersonasOfTheUser:
    def test_an_added_persona_appears(self, catalogue, personas, clock):
        assert catalogue.find("critic") is None
        write(personas, "critic", "Critic")
        clock.now += LOOK_EVERY
        critic = catalogue.get("critic")
        assert (critic.name, critic.source) == ("Critic", Source.YOURS)

    def test_a_changed_persona_is_read_again(self, catalogue, personas, clock):
        write(personas, "critic", "Critic")
        assert catalogue.get("critic").name == "Critic"
        write(personas, "critic", "Sharp critic")
        clock.now += LOOK_EVERY
        assert catalogue.get("critic").name == "Sharp critic"

    def test_a_removed_persona_disappears(self, catalogue, personas, clock):
        write(personas, "critic", "Critic")
        assert catalogue.find("critic")
        (personas / "critic.md").unlink()
        clock.now += LOOK_EVERY
        assert catalogue.find("critic") is None

    def test_the_files_are_checked_once_a_second_at_most(self, catalogue, personas, clock):
        catalogue.list()
        write(personas, "critic", "Critic")
        clock.now += LOOK_EVERY / 2
        assert catalogue.find("critic") is None

    def test_only_changed_files_are_read(self, catalogue, personas, clock):
        write(personas, "critic", "Critic")
        before = catalogue.get("critic")
        clock.now += LOOK_EVERY
        assert catalogue.get("critic") is before

    def test_a_persona_with_the_id_of_a_shipped_one_replaces_it(self, catalogue, personas):
        write(personas, "specialist", "My specialist")
        assert [agent.name for agent in catalogue.list() if agent.id == "specialist"] == ["My specialist"]

    def test_a_broken_persona_is_listed_with_its_problem_and_cannot_run(self, catalogue, personas):
        (personas / "critic.md").write_text("You judge.", "utf-8")
        critic = catalogue.get("critic")
        assert "must start with a YAML header" in critic.problem
        with pytest.raises(AgentProblemError, match="must start with a YAML header"):
            critic.app(None, NOTHING)
        assert catalogue.get("specialist").problem is None

    def test_a_repaired_persona_works(self, catalogue, personas, clock):
        (personas / "critic.md").write_text("You judge.", "utf-8")
        assert catalogue.get("critic").problem
        write(personas, "critic", "Critic")
        clock.now += LOOK_EVERY
        assert catalogue.get("critic").problem is None

    def test_new_chats_start_with_a_working_agent(self, catalogue, personas):
        (personas / "assistant.md").write_text("broken", "utf-8")
        assert catalogue.get("assistant").problem
        assert not catalogue.default().problem

    @pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
    def test_a_dangling_link_is_reported(self, catalogue, personas):
        (personas / "critic.md").symlink_to(personas / "nothing.md")
        assert "critic.md cannot be read: it is a link to something" in catalogue.get("critic").problem

    @pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
    def test_lock_files_of_editors_are_ignored(self, catalogue, personas):
        (personas / ".#critic.md").symlink_to("ada@desk.1234")
        assert catalogue.find(".#critic") is None


class TestAdkFolders:
    def test_adk_folders_are_listed_with_the_personas(self, agent_folder):
        agent_folder("travel_desk", AGENT)
        catalogue = AgentCatalogue(folders=loaded(agent_folder.parent))
        assert {"assistant", "travel_desk"} <= {agent.id for agent in catalogue.list()}
        assert catalogue.get("travel_desk").source is Source.ADK_FOLDER

    def test_a_folder_with_the_id_of_a_persona_replaces_it(self, agent_folder, personas):
        write(personas, "house_critic", "Critic")
        agent_folder("house_critic", AGENT)
        catalogue = AgentCatalogue(personas, loaded(agent_folder.parent))
        assert catalogue.get("house_critic").source is Source.ADK_FOLDER

    def test_a_broken_folder_replaces_the_persona_too(self, agent_folder, personas):
        write(personas, "broken_critic", "Critic")
        agent_folder("broken_critic", "raise ValueError('no')")
        assert AgentCatalogue(personas, loaded(agent_folder.parent)).get("broken_critic").problem

    def test_a_folder_is_listed_as_loading_until_loaded(self, agent_folder):
        agent_folder("slow_desk", AGENT)
        [agent] = AdkFolders(agent_folder.parent).agents()
        assert agent.loading
        assert agent.problem == "slow_desk is still being loaded. Try again in a moment."
