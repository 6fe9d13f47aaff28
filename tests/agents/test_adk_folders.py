"""Agents in folders of the form that ``adk web`` accepts."""

import importlib.util
import os
import re
import sys
import threading

import pytest
import structlog

from colloquy.agents import adk_folders
from colloquy.agents.adk_folders import AdkFolders
from tests.agents.agent_contexts import NOTHING
from tests.agents.folders import AGENT, PATIENCE, agent_folders, loaded
from tests.support.bad_files import BAD_FILES

APP = """
from google.adk.agents import LlmAgent
from google.adk.apps.app import App, ResumabilityConfig
from google.adk.plugins.base_plugin import BasePlugin

app = App(
    name="another_name",
    root_agent=LlmAgent(name="guide"),
    plugins=[BasePlugin(name="counts")],
    resumability_config=ResumabilityConfig(is_resumable=True),
)
"""

YAML = "name: guide\nmodel: gemini-2.5-flash\ndescription: Knows the way.\ninstruction: Show the way.\n"


@pytest.fixture
def agent_folder(tmp_path):
    with agent_folders(tmp_path) as write:
        yield write


def only(folders):
    [agent] = folders.agents()
    return agent


class TestAcceptedFolders:
    def test_agent_py_with_a_root_agent(self, agent_folder):
        agent_folder("plain_desk", AGENT)
        agent = only(loaded(agent_folder.parent))
        assert (agent.id, agent.name, agent.root_name, agent.problem) == ("plain_desk", "plain_desk", "guide", None)
        assert agent.description == "Knows the way."
        assert not agent.chooses_model
        app = agent.app(None, NOTHING)
        assert (app.name, app.root_agent.name) == ("plain_desk", "guide")

    def test_agent_py_with_an_app_and_everything_in_it(self, agent_folder):
        agent_folder("app_desk", APP)
        app = only(loaded(agent_folder.parent)).app(None, NOTHING)
        assert app.plugins[0].name == "counts"
        assert app.resumability_config.is_resumable

    def test_a_package_whose_modules_import_one_another(self, agent_folder):
        agent_folder(
            "package_desk",
            "from .words import NAME\nfrom google.adk.agents import LlmAgent\nroot_agent = LlmAgent(name=NAME)",
            **{"__init__.py": "from . import agent", "words.py": "NAME = 'from_words'"},
        )
        assert only(loaded(agent_folder.parent)).root_name == "from_words"

    def test_a_package_with_its_agent_in_init_py(self, agent_folder):
        folder = agent_folder("init_desk", "")
        (folder / "agent.py").unlink()
        (folder / "__init__.py").write_text(AGENT, "utf-8")
        assert only(loaded(agent_folder.parent)).root_name == "guide"

    def test_root_agent_yaml(self, agent_folder):
        folder = agent_folder("yaml_desk", "")
        (folder / "agent.py").unlink()
        (folder / "root_agent.yaml").write_text(YAML, "utf-8")
        agent = only(loaded(agent_folder.parent))
        assert (agent.problem, agent.root_name, agent.description) == (None, "guide", "Knows the way.")

    def test_a_folder_that_is_a_single_agent(self, agent_folder):
        folder = agent_folder("single_desk", AGENT)
        agent_folder("its_neighbour", AGENT)
        assert only(loaded(folder)).id == "single_desk"

    def test_folders_that_are_not_agents_are_left_out(self, agent_folder):
        agent_folder("only_desk", AGENT)
        (agent_folder.parent / "notes").mkdir()
        (agent_folder.parent / ".git").mkdir()
        assert only(loaded(agent_folder.parent)).id == "only_desk"

    def test_modules_shared_by_folders(self, agent_folder):
        agent_folder("sharing_desk", "from shared_by_desks import root_agent")
        (agent_folder.parent / "shared_by_desks.py").write_text(AGENT, "utf-8")
        assert only(loaded(agent_folder.parent)).root_name == "guide"

    def test_the_env_file_of_the_folder_without_changing_what_is_set(self, agent_folder, monkeypatch):
        agent_folder(
            "env_desk",
            "import os\nfrom google.adk.agents import LlmAgent\nroot_agent = LlmAgent(name=os.environ['DESK_NAME'])",
            **{".env": "DESK_NAME=from_env\nPATH=/nowhere\n"},
        )
        path = os.environ["PATH"]
        assert only(loaded(agent_folder.parent)).root_name == "from_env"
        assert os.environ["PATH"] == path


class TestBrokenFolders:
    @pytest.mark.parametrize(
        ("name", "code", "problem"),
        [
            ("raising_desk", "x = 1\nraise ValueError('no key')", r"\(agent.py, line 2\): .*no key"),
            ("missing_desk", "import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
            ("wrong_syntax_desk", "def x(:", "SyntaxError"),
            ("exiting_desk", "import sys\nsys.exit(3)", r"it ended with sys.exit\(3\)"),
            ("interrupted_desk", "raise KeyboardInterrupt", "KeyboardInterrupt"),
            ("empty_desk", "", "No root_agent found"),
            ("mistyped_desk", "root_agent = 'guide'", "not a BaseAgent"),
            ("not-a-name", AGENT, "Invalid agent name"),
            ("__private_desk", AGENT, "must not begin with underscores"),
        ],
    )
    def test_a_broken_folder_is_listed_with_its_error_and_the_others_work(self, agent_folder, name, code, problem):
        agent_folder(name, code)
        agent_folder(f"good_beside_{len(name)}_{len(code)}", AGENT)
        broken, good = sorted(loaded(agent_folder.parent).agents(), key=lambda agent: agent.id != name)
        assert broken.problem
        assert not broken.loading
        assert re.search(problem, broken.problem)
        assert good.problem is None

    @pytest.mark.parametrize("name", ["json", "colloquy", "pages", "sys", "colorsys"])
    def test_a_folder_named_like_a_module_must_be_renamed(self, agent_folder, name):
        agent_folder(name, AGENT)
        before = sys.modules.get(name)
        assert "Rename the folder" in only(loaded(agent_folder.parent)).problem
        assert sys.modules.get(name) is before

    def test_neighboring_folders_hide_no_module_of_the_app(self, agent_folder):
        agent_folder("harmless_desk", AGENT)
        (agent_folder.parent / "graphlib.py").write_text("raise ValueError('hidden')", "utf-8")
        sys.modules.pop("graphlib", None)
        loaded(agent_folder.parent)
        import graphlib

        assert graphlib.TopologicalSorter

    def test_a_setting_without_an_existing_folder_is_reported(self, tmp_path):
        agent = only(loaded(tmp_path / "nowhere"))
        assert "nowhere, which is not a folder" in agent.problem


class TestLoading:
    def test_a_slow_import_delays_nobody(self, agent_folder, monkeypatch):
        monkeypatch.setattr("colloquy.agents.adk_folders.PATIENCE", 0.0)
        monkeypatch.setattr("tests.agents.folders.GATE", gate := threading.Event(), raising=False)
        agent_folder("a_slow_desk", f"import tests.agents.folders as f\nassert f.GATE.wait({PATIENCE})\n{AGENT}")
        agent_folder("z_quick_desk", AGENT)
        folders = AdkFolders(agent_folder.parent)
        folders.load()
        slow, quick = folders.agents()
        while quick.loading:
            slow, quick = folders.agents()
        assert slow.loading
        gate.set()
        assert folders.loaded.wait(PATIENCE)
        assert [agent.problem for agent in folders.agents()] == [None, None]

    def test_output_of_an_import_is_logged(self, agent_folder, capsys):
        agent_folder("noisy_desk", f"import sys\nprint('hello')\nprint('oh', file=sys.stderr)\n{AGENT}")
        with structlog.testing.capture_logs() as logs:
            loaded(agent_folder.parent)
        assert [(line["folder"], line["text"]) for line in logs] == [("noisy_desk", "hello"), ("noisy_desk", "oh")]
        sys.stdout.write("mine\n")
        assert capsys.readouterr() == ("mine\n", "")

    def test_errors_printed_by_an_import_are_logged(self, agent_folder, capsys):
        agent_folder("warning_desk", f"import sys\nprint('oh', file=sys.stderr)\n{AGENT}")
        assert only(loaded(agent_folder.parent)).problem is None
        assert "oh" in capsys.readouterr().out

    def test_nothing_is_imported_before_loading(self, agent_folder):
        agent_folder("not_loaded_desk", "raise ValueError")
        assert only(AdkFolders(agent_folder.parent)).loading
        assert "not_loaded_desk.agent" not in sys.modules


class TestMissingRequirements:
    @pytest.fixture(autouse=True)
    def no_keys(self, monkeypatch):
        for name in os.environ:
            if name.startswith(("GOOGLE_", "GEMINI_")):
                monkeypatch.delenv(name)

    @pytest.mark.parametrize(
        ("name", "model"),
        [
            ("keyless_text", "model='gemini-2.5-flash'"),
            ("keyless_object", "model=Gemini(model='gemini-2.5-flash')"),
            ("keyless_below", "model=Other(model='x'), sub_agents=[LlmAgent(name='b', model='gemini-2.5-flash')]"),
            ("keyless_default", ""),
        ],
    )
    def test_gemini_without_a_key_is_reported_before_the_first_message(self, name, model, agent_folder, monkeypatch):
        code = (
            "from google.adk.agents import LlmAgent\nfrom google.adk.models import BaseLlm, Gemini\n"
            "class Other(BaseLlm):\n    async def generate_content_async(self, llm_request, stream=False):\n"
            f"        yield\nroot_agent = LlmAgent(name='guide', {model})\n"
        )
        agent_folder(name, code)
        agent = only(loaded(agent_folder.parent))
        assert agent.problem is None
        assert "GOOGLE_API_KEY" in agent.lacks
        assert "gemini-" in agent.lacks

        monkeypatch.setenv("GOOGLE_API_KEY", "k")
        assert agent.lacks is None

    def test_an_agent_with_another_model_lacks_nothing(self, agent_folder):
        code = (
            "from google.adk.agents import LlmAgent\nfrom google.adk.models import BaseLlm\n"
            "class Other(BaseLlm):\n    async def generate_content_async(self, llm_request, stream=False):\n"
            "        yield\nroot_agent = LlmAgent(name='guide', model=Other(model='x'))\n"
        )
        agent_folder("other_model", code)
        assert only(loaded(agent_folder.parent)).lacks is None

    @pytest.mark.skipif(importlib.util.find_spec("litellm") is not None, reason="LiteLLM is installed")
    def test_missing_litellm_is_reported_with_instructions(self, agent_folder):
        imports = "from google.adk.models.lite_llm import LiteLlm\n"
        agent_folder("through_import", imports + "root_agent = LiteLlm(model='openai/gpt-4o')\n")
        agent_folder("through_litellm", "import litellm\n")
        agent_folder("through_name", AGENT.replace("name='guide'", "name='guide', model='openai/gpt-4o'"))
        told = {agent.id: agent.problem or agent.lacks for agent in loaded(agent_folder.parent).agents()}
        for sentence in told.values():
            assert "make litellm" in sentence
            assert "pip install" not in sentence
        assert told["through_import"].startswith("through_import could not be loaded (agent.py, line 1).")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("name", ["__init__.py", "root_agent.yaml", ".env"])
@pytest.mark.parametrize("kind", [kind for kind in BAD_FILES if kind != "UTF-16"])
def test_special_files_in_a_folder_are_named_and_do_not_block_others(agent_folder, name, kind):
    make, told = BAD_FILES[kind]
    odd = f"odd_{kind}_{name}".replace(" ", "_").replace(".", "_")
    make(agent_folder(odd, AGENT) / name)
    agent_folder(f"good_{odd}", AGENT)
    agents = {agent.id: agent for agent in loaded(agent_folder.parent).agents()}
    assert agents[f"good_{odd}"].problem is None
    assert f"{name} cannot be used: it is " in agents[odd].problem
    assert told in agents[odd].problem


@pytest.mark.parametrize("file", ["root_agent.yaml", "helper.yml"])
def test_yaml_that_expands_by_references_is_not_read(agent_folder, file):
    bomb = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 12))
    folder = agent_folder(f"bomb_{file.partition('.')[0]}", YAML, file="root_agent.yaml")
    (folder / file).write_text(YAML + bomb)
    [agent] = loaded(agent_folder.parent).agents()
    assert f"{file} cannot be used: it has more than" in agent.problem


def test_folders_over_the_limit_are_reported(agent_folder, monkeypatch):
    monkeypatch.setattr(adk_folders, "MOST_FOLDERS", 1)
    agent_folder("first_of_many", AGENT)
    agent_folder("second_of_many", AGENT)
    [told, first] = loaded(agent_folder.parent).agents()
    assert "has 2 folders, of which 1 are loaded" in told.problem
    assert (first.id, first.problem) == ("first_of_many", None)
