"""Agents defined in Markdown files."""

import re

import pytest

from colloquy.agents.agent import Prompt, Source, UnusableAgent
from colloquy.agents.persona import MOST_PROMPTS, PersonaError, PersonaFolder, read_persona
from tests.agents.agent_contexts import NOTHING
from tests.support.bad_files import BAD_FILES
from tests.support.scripted import ScriptedModel

HEAD = "---\nname: Critic\nicon: ':material/star:'\nprompts: [Judge this.]\n---\n"


def test_a_persona_is_a_markdown_file(tmp_path):
    file = tmp_path / "critic.md"
    file.write_text(HEAD + "You judge {everything}.\n", encoding="utf-8")
    persona = read_persona(file)
    assert (persona.id, persona.name, persona.instruction) == ("critic", "Critic", "You judge {everything}.")
    assert (persona.prompts, persona.icon) == ((Prompt("Judge this.", "Judge this."),), ":material/star:")
    agent = persona.app(ScriptedModel(), NOTHING).root_agent
    assert agent.instruction(None) == "You judge {everything}."


def test_a_prompt_may_have_a_label(tmp_path):
    file = tmp_path / "critic.md"
    file.write_text("---\nname: Critic\nprompts: [{Orders: '/sql select 1'}]\n---\nYou judge.", "utf-8")
    assert read_persona(file).prompts == (Prompt("/sql select 1", "Orders"),)


def test_it_runs_on_the_model_of_the_session(tmp_path):
    file = tmp_path / "critic.md"
    file.write_text(HEAD + "You judge.", encoding="utf-8")
    persona, model = read_persona(file), ScriptedModel()
    assert persona.chooses_model
    assert persona.app(model, NOTHING).root_agent.model is model


def test_the_front_matter_may_set_model_tools_workspaces_and_context(tmp_path):
    file = tmp_path / "critic.md"
    file.write_text(
        "---\nname: Critic\nmodel: embedded\ntools: [data]\nworkspaces: [data]\nmessages: 4\n---\nYou judge.", "utf-8"
    )
    persona = read_persona(file)
    assert (persona.model, persona.tools, persona.workspaces) == ("embedded", ("data",), ("data",))
    assert persona.messages == 4
    assert persona.fits(workspace_has_data=True)
    assert not persona.fits(workspace_has_data=False)


@pytest.mark.parametrize("start", ["\ufeff", "\n"])
def test_a_byte_order_mark_or_blank_line_at_the_start_is_harmless(tmp_path, start):
    file = tmp_path / "critic.md"
    file.write_text(start + HEAD.replace("\n", "\r\n") + "You judge.\r\n", encoding="utf-8", newline="")
    assert read_persona(file).instruction == "You judge."


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("critic.md", "You judge.", "must start with a YAML header"),
        ("critic.md", "---\nname: [\n---\nYou judge.", "not valid YAML"),
        ("critic.md", "---\nicon: ':material/star:'\n---\nYou judge.", "name: Field required"),
        ("critic.md", "---\nname: x\ncolour: red\n---\nYou judge.", "there is no key 'colour', only name, icon"),
        ("critic.md", "---\n- name\n---\nYou judge.", "it must have lines such as 'name: Critic'"),
        ("critic.md", "---\nname: x\nicon: star\n---\nYou judge.", "icon: must be an emoji or a Material icon"),
        ("critic.md", "---\nname: x\ntools: sql\n---\nYou judge.", "tools: "),
        ("critic.md", "---\nname: x\ntools: [sql]\n---\nYou judge.", "no tools called sql, only data and history"),
        ("critic.md", "---\nname: x\ntools: [data, history]\n---\nYou judge.", "give one of data and history"),
        ("critic.md", "---\nname: x\nworkspaces: [big]\n---\nYou judge.", "no kind of workspaces called big"),
        ("critic.md", "---\nname: x\nmessages: -1\n---\nYou judge.", "messages: "),
        ("critic.md", "---\nname: x\nprompts: [{a: b, c: d}]\n---\nYou judge.", "one label with a message"),
        ("critic.md", HEAD, "no instruction"),
        ("my-critic.md", HEAD + "You judge.", "letters, digits and underscores"),
        ("user.md", HEAD + "You judge.", "not be called user.md"),
    ],
)
def test_a_broken_persona_reports_its_problem(tmp_path, name, text, problem):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PersonaError, match=problem):
        read_persona(file)


def test_a_file_in_another_encoding_is_reported(tmp_path):
    file = tmp_path / "critic.md"
    file.write_bytes("---\nname: Critic\n---\nSei höflich.".encode("latin-1"))
    with pytest.raises(PersonaError, match="not a UTF-8 text file"):
        read_persona(file)


class TestBadNeighbours:
    """A bad file in the folder affects only itself."""

    GOOD = "---\nname: Good\n---\nBe good."

    @pytest.mark.parametrize(("make", "words"), BAD_FILES.values(), ids=BAD_FILES)
    def test_special_files_are_reported_and_the_others_are_loaded(self, tmp_path, make, words):
        (tmp_path / "good.md").write_text(self.GOOD)
        make(tmp_path / "bad.md")
        agents = {agent.id: agent for agent in PersonaFolder(tmp_path, Source.YOURS).agents()}
        assert set(agents) == {"good", "bad"}
        assert agents["good"].name == "Good"
        assert re.search(words, agents["bad"].reason)

    @pytest.mark.parametrize(
        "head",
        [
            'name: "\\ud83d"',
            'icon: "\\ud83d\\ude00"',
            'icon: "\\ud83d"',
            "icon: 7",
            "icon: [a]",
            "name: {a: b}",
            "prompts: [{a: [b]}]",
            "name: !!python/object/apply:os.system [ls]",
            "a: &a [1, 2]\nname: *a",
            "name: " + "[" * 5000,
            "name: 2026-99-99",
            "name: 0x" + "f" * 5000,
            "? [a]\n: b",
            "icon: \u200d\ufe0f",
            "icon: \u202eabc",
            "icon: 1\ufe0f\u20e3",
            "name: \0",
            "name: " + "x" * 40_000,
            "name: x\n" + "prompts: [" + "a," * 30_000 + "]",
        ],
    )
    def test_odd_front_matter_breaks_no_page(self, tmp_path, head):
        (tmp_path / "good.md").write_text(self.GOOD)
        (tmp_path / "odd.md").write_text(f"---\n{head}\n---\nBe odd.")
        for agent in PersonaFolder(tmp_path, Source.YOURS).agents():
            assert len(agent.prompts) <= MOST_PROMPTS
            for text in (agent.name, agent.icon, agent.reason if isinstance(agent, UnusableAgent) else ""):
                (text or "").encode("utf-8")
            assert agent.id != "good" or agent.name == "Good"
