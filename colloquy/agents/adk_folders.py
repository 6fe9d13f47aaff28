"""Agents in folders as ``adk web`` accepts them, loaded by ADK's own loader."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
import yaml
from google.adk.agents import BaseAgent, LlmAgent
from google.adk.apps.app import App
from google.adk.cli.utils.agent_loader import AgentLoader
from google.adk.models import BaseLlm, Gemini

from colloquy.agents.agent import Agent, AgentContext, AgentProblemError, Source, UnusableAgent
from colloquy.agents.captured_output import printed_lines
from colloquy.agents.context import bounded
from colloquy.agents.models.offers import INSTALL_LITELLM
from session_store.files import BadFileError, entries, read_bytes
from session_store.json_safe import joined
from session_store.phrases import beginning_of

ICON = ":material/deployed_code:"

PATIENCE = 20.0
"""Seconds that loading waits for a slow folder before it starts loading the next one alongside."""

NO_LITELLM = f"It needs LiteLLM, which is not installed. Run {INSTALL_LITELLM}, then restart Colloquy."

_GEMINI_ACCESS = ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE")
"""Environment variables with which Google's library finds a key, or works without one."""

LARGEST = 10_000_000
"""Most bytes of a file from which an agent folder is loaded."""

MOST_FOLDERS = 500

MOST_VALUES = 100_000
"""Most values in a YAML file, each counted as often as it is referenced."""

_OPENED = ("__init__.py", "agent.py", "root_agent.yaml", ".env")

LOADING = "{} is still being loaded. Try again in a moment."

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class AdkAgent(Agent):
    """An agent from a folder. Its model, tools, plugins and sub-agents are its own."""

    loaded: App
    author: str

    @property
    def chooses_model(self) -> bool:
        """Always False: it brings its own model."""
        return False

    @property
    def lacks(self) -> str | None:
        """What the models of its agents need but do not have."""
        names = sorted(set(_model_names(self.loaded.root_agent)))
        through = [name for name in names if "/" in name and "gemini" not in name]
        if through and not _has_litellm():
            return f"{self.name} runs on {through[0]} through LiteLLM. {NO_LITELLM}"
        gemini = [name for name in names if "gemini" in name]
        if gemini and not any(os.environ.get(variable) for variable in _GEMINI_ACCESS):
            return (
                f"{self.name} runs on {gemini[0]}, for which there is no key. Put GOOGLE_API_KEY into the"
                " environment, or into a file .env in the folder of the agent, and start Colloquy again."
            )
        return None

    @property
    def root_name(self) -> str:
        """The name of its root agent."""
        return self.author

    def app(self, model: BaseLlm | None, context: AgentContext) -> App:  # noqa: ARG002 - it brings its own
        """Return the app that ADK's Runner runs."""
        return bounded(self.loaded, self.messages_seen(context.messages), compaction=context.compaction)


class AdkFolders:
    """The agents in a folder of agent folders, or in a folder that is itself an agent. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        """Only list the names: nothing is imported before ``load``."""
        self._folder = folder
        self._loader = AgentLoader(str(folder))
        self._agents: dict[str, Agent] = {}
        self.loaded = threading.Event()
        """Set once every folder has been loaded, or has turned out to be broken."""
        try:
            names = self._loader.list_agents()
        except OSError:
            self._agents[folder.name] = self._unusable(
                folder.name, f"COLLOQUY_AGENTS_DIR names {folder}, which is not a folder. Correct it and start again."
            )
            names = []
        if len(names) > MOST_FOLDERS:
            self._agents[folder.name] = self._unusable(
                folder.name,
                f"{folder} has {len(names):,} folders, of which {MOST_FOLDERS} are loaded. Move out what is no agent.",
            )
        self._names = names = names[:MOST_FOLDERS]
        for name in names:
            self._agents[name] = self._unusable(name, LOADING.format(name), loading=True)

    def agents(self) -> list[Agent]:
        """Return all agents, with those that are not loaded yet marked as such."""
        return list(self._agents.values())

    def load(self) -> None:
        """Start importing the folders in the background."""
        threading.Thread(target=self._load, name="agent folders", daemon=True).start()

    def _load(self) -> None:
        if self._loader.agents_dir not in sys.path:
            # ADK would put it first, where its folders would hide modules that Colloquy has yet to import.
            sys.path.append(self._loader.agents_dir)
        threads = []
        for name in self._names:
            thread = threading.Thread(target=self._load_one, args=(name,), name=f"agent folder {name}", daemon=True)
            thread.start()
            thread.join(PATIENCE)
            threads.append(thread)
        for thread in threads:
            thread.join()
        self.loaded.set()

    def _load_one(self, name: str) -> None:
        try:
            with printed_lines(lambda line: log.info("an agent folder printed", folder=name, text=line)):
                self._agents[name] = self._imported(name)
        except AgentProblemError as error:
            self._agents[name] = self._unusable(name, str(error))
        # An import may raise anything, including sys.exit, and only its own folder may fail because of it.
        except BaseException as error:
            log.warning("agent folder not loaded", folder=name, exc_info=True)
            self._agents[name] = self._unusable(name, self._in_words(name, error))

    def _imported(self, name: str) -> Agent:
        parent = Path(self._loader.agents_dir)
        if name.startswith("__"):
            raise AgentProblemError(
                f"The folder {name} must not begin with underscores: ADK keeps such names. Rename it."
            )
        if elsewhere := module_elsewhere(name, parent / name):
            raise AgentProblemError(
                f"The folder {name} has the name of a Python module that is already here ({elsewhere}). Rename the"
                " folder."
            )
        _require_files(parent, name)
        found = AgentLoader(str(self._folder)).load_agent(name)  # a separate one: loaders are not thread-safe
        # Validation would refuse names that ADK's own Runner accepts.
        app = found if isinstance(found, App) else App.model_construct(name=name, root_agent=found)
        if app.root_agent is None:
            raise AgentProblemError(f"The App of {name} has no root_agent.")
        return AdkAgent(
            id=name,
            name=name,
            source=Source.ADK_FOLDER,
            icon=ICON,
            description=app.root_agent.description or "",
            loaded=app,
            author=app.root_agent.name,
        )

    def _in_words(self, name: str, error: BaseException) -> str:
        folder = Path(self._loader.agents_dir, name)
        where = _place(error, folder)
        if not where and error.__cause__:  # ADK wraps what the folder raised
            error = error.__cause__
            where = _place(error, folder)
        if _is_about_litellm(error):
            return f"{name} could not be loaded{where}. {NO_LITELLM}"
        if isinstance(error, SystemExit):
            what = f"it ended with sys.exit({error.code!r})"
        else:
            what = ": ".join(filter(None, (type(error).__name__, str(error))))
        return f"{name} could not be loaded{where}: {what}"

    @staticmethod
    def _unusable(name: str, reason: str, *, loading: bool = False) -> Agent:
        name, reason = joined(name), beginning_of(joined(reason))  # names on a disk may not be valid text
        return UnusableAgent(id=name, name=name, source=Source.ADK_FOLDER, icon=ICON, reason=reason, not_yet=loading)


def _require_files(parent: Path, name: str) -> None:
    """Check the files that ADK and Python open without checking: a pipe in their place would block forever."""
    folder = parent / name
    found, _ = entries(folder, MOST_FOLDERS) if folder.is_dir() else ([], False)
    configurations = [path for path in found if path.suffix in (".yaml", ".yml")]
    opened = (parent / f"{name}.py", *(folder / file for file in _OPENED), *configurations)
    above = [place / ".env" for place in folder.absolute().parents]  # ADK uses the nearest one
    for path in (*opened, *above):
        try:
            data = read_bytes(path, LARGEST)
            if path in configurations:
                _require_few_values(data)
        except FileNotFoundError:
            continue
        except BadFileError as error:
            raise AgentProblemError(
                f"{name} could not be loaded, because {path.name} cannot be used: {error}."
            ) from error


def _require_few_values(data: bytes) -> None:
    """Refuse YAML that grows large through references to other parts of itself."""
    if b"&" not in data or b"*" not in data:
        return
    try:
        values = _values(yaml.compose(data, yaml.SafeLoader), {})
    except yaml.YAMLError:
        return  # ADK reports what is wrong with it
    if values > MOST_VALUES:
        raise BadFileError(f"it has more than {MOST_VALUES:,} values")


def _values(node: yaml.Node | None, known: dict[int, int]) -> int:
    """Count the values that a YAML node expands to: a few lines that refer to each other can exceed the memory."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = MOST_VALUES  # for a node that contains itself
        inner = [part for entry in node.value for part in (entry if isinstance(entry, tuple) else (entry,))]
        known[id(node)] = 1 + sum(_values(part, known) for part in inner)
    return known[id(node)]


def _model_names(agent: object) -> Iterator[str]:
    """Yield the model names of an agent and its sub-agents, if ADK looks the models up by name or they are Gemini."""
    if not isinstance(agent, BaseAgent):
        return
    model = getattr(agent, "model", None)
    if isinstance(model, str) and (model or agent.parent_agent is None):
        yield model or LlmAgent.DEFAULT_MODEL
    elif type(model) is Gemini and not model.client_kwargs:
        yield model.model
    for below in agent.sub_agents:
        yield from _model_names(below)


def _has_litellm() -> bool:
    return importlib.util.find_spec("litellm") is not None


def _is_about_litellm(error: BaseException | None) -> bool:
    """Whether an import failed because LiteLLM is missing."""
    while error is not None:
        if isinstance(error, ImportError) and "litellm" in str(error).casefold():
            return not _has_litellm()
        error = error.__cause__ or error.__context__
    return False


def _place(error: BaseException, folder: Path) -> str:
    """Return which line of the folder raised the error, in brackets; empty if none did."""
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    inside = [(file.relative_to(folder), line) for file, line in frames if file.is_relative_to(folder)]
    return f" ({inside[-1][0]}, line {inside[-1][1]})" if inside else ""


def module_elsewhere(name: str, folder: Path) -> str | None:
    """Return where Python finds a module ``name`` other than ``folder``; None if it finds no other."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # already imported, with no record of its origin
        return "imported already"
    if spec is None:
        return None
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    if any(Path(place).resolve().is_relative_to(folder.resolve()) for place in places):
        return None
    return places[0] if places else "built in"
