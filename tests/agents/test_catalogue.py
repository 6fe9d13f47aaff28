"""The agents that a session can be held with."""

import pytest

from agents.catalogue import AgentCatalogue, PersonaError, UnknownAgentError, read_persona
from tests.support.scripted import ScriptedModel

HEAD = "---\nname: Critic\nicon: ':material/star:'\nprompts: [Judge this.]\n---\n"


def test_the_assistant_comes_first():
    catalogue = AgentCatalogue()
    assert catalogue.default().id == "assistant"
    assert len(catalogue.list()) >= 4
    assert all(persona.head.prompts and persona.instruction for persona in catalogue.list())


def test_a_persona_is_a_markdown_file(tmp_path):
    file = tmp_path / "critic.md"
    file.write_text(HEAD + "You judge {everything}.\n", encoding="utf-8")
    persona = read_persona(file)
    assert (persona.id, persona.head.name, persona.instruction) == ("critic", "Critic", "You judge {everything}.")
    agent = persona.agent(ScriptedModel())
    assert agent.instruction(None) == "You judge {everything}."


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("critic.md", "You judge.", "must begin with a YAML head"),
        ("critic.md", "---\nname: [\n---\nYou judge.", "not valid YAML"),
        ("critic.md", "---\nicon: x\n---\nYou judge.", "name: Field required"),
        ("critic.md", "---\nname: x\ncolour: red\n---\nYou judge.", "colour: Extra inputs"),
        ("my-critic.md", HEAD + "You judge.", "letters, digits and underscores"),
    ],
)
def test_a_broken_persona_says_what_is_wrong(tmp_path, name, text, problem):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PersonaError, match=problem):
        read_persona(file)


def test_an_agent_that_is_gone_is_named():
    with pytest.raises(UnknownAgentError, match="no agent 'nobody'"):
        AgentCatalogue().get("nobody")
