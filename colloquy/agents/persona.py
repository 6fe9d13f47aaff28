"""Agents defined by Markdown files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import structlog
import yaml
from google.adk.agents import LlmAgent
from google.adk.apps.app import App
from google.adk.models import BaseLlm
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from colloquy.agents.agent import NEUTRAL_ICON, WITH_DATA, Agent, AgentContext, Prompt, Source, UnusableAgent
from colloquy.agents.context import bounded
from colloquy.agents.data.ask import has_command, request_of
from colloquy.agents.toolsets import TOOLS, toolset_of
from session_store.errors import ColloquyError
from session_store.files import BadFileError, entries, read_text
from session_store.json_safe import joined, without_halves
from session_store.limits import LONGEST_COMMENT, LONGEST_NAME

ICON = re.compile(r":material/[a-z0-9_]+:|[0-9#*]?[^\x00-\x7f]\S{0,7}")

LARGEST = 1_000_000
"""Most bytes of a persona file."""

LONGEST_HEAD = 50_000
"""Most characters of its YAML head; that many take some tenths of a second to parse."""

MOST_ENTRIES = 2_000
"""Most entries of a folder that are checked, which happens while a user waits."""

MOST_PERSONAS = 500
MOST_PROMPTS = 20

RESERVED = {"user"}
"""Ids that ADK reserves: what the person writes has this author."""

log = structlog.get_logger()


class PersonaError(ColloquyError):
    """A persona file cannot be used."""


def _prompt(value: object) -> object:
    """Accept a first message, or ``{label: message}``."""
    if isinstance(value, str):
        return Prompt(value, value)
    if isinstance(value, dict) and len(value) == 1:
        [(label, text)] = value.items()
        if not isinstance(text, (list, dict)):
            return Prompt(str(text), str(label))
    raise ValueError("must be a message, or one label with a message behind it")


PromptEntry = Annotated[Prompt, BeforeValidator(_prompt)]


class PersonaHead(BaseModel):
    """The YAML head of a persona file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(max_length=LONGEST_NAME)
    icon: str = NEUTRAL_ICON
    description: str = Field("", max_length=LONGEST_COMMENT)
    prompts: tuple[PromptEntry, ...] = Field((), max_length=MOST_PROMPTS)
    model: str | None = None
    tools: tuple[str, ...] = ()
    workspaces: tuple[str, ...] = ()
    messages: int | None = Field(None, ge=0)

    @field_validator("icon")
    @classmethod
    def _shown(cls, icon: str) -> str:
        if not ICON.fullmatch(icon):
            raise ValueError("must be an emoji or a Material icon such as `:material/star:`")
        return icon

    @field_validator("tools")
    @classmethod
    def _known(cls, tools: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in tools if name not in TOOLS]:
            raise ValueError(f"there are no tools called {', '.join(unknown)}, only {' and '.join(TOOLS)}")
        if len(tools) > 1:
            raise ValueError(f"give one of {' and '.join(TOOLS)}, because an agent asks one database")
        return tools

    @field_validator("workspaces")
    @classmethod
    def _known_kind(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [kind for kind in kinds if kind != WITH_DATA]:
            raise ValueError(f"there is no kind of workspaces called {', '.join(unknown)}, only {WITH_DATA}")
        return kinds


@dataclass(frozen=True, kw_only=True)
class Persona(Agent):
    """An agent defined by a Markdown file. ``id`` is the file's stem."""

    instruction: str

    def app(self, model: BaseLlm | None, context: AgentContext) -> App:
        """Return the app that ADK's Runner runs."""
        if model is None:
            raise ValueError(f"The persona {self.id} runs on the session's model.")
        # Validation would refuse file names that ADK accepts as agent names.
        app = App.model_construct(name=self.id, root_agent=self._agent(model, context))
        return bounded(app, self.messages_seen(context.messages), compaction=context.compaction)

    def asks_model(self, message: str) -> bool:
        """Whether a message goes to a model. See ``toolset_of``."""
        return not (request_of(message).is_sql if self.tools else has_command(message))

    def _agent(self, model: BaseLlm, context: AgentContext) -> LlmAgent:
        toolset = toolset_of(self.name, self.tools, model, context)
        instruction = "\n\n".join(filter(None, (self.instruction, toolset.instruction)))
        return LlmAgent(
            name=self.id,
            model=model,
            description=self.description,
            # A function keeps ADK from reading braces in the text as names of state variables.
            instruction=lambda _: instruction,
            tools=list(toolset.tools),
            before_model_callback=toolset.before_model,
        )


def read_persona(path: Path, source: Source = Source.YOURS) -> Persona:
    """Read a persona file: a YAML head between two ``---`` lines, then the instruction.

    Raises:
        PersonaError: says what is wrong with the file.
    """
    if not path.stem.isidentifier() or path.stem in RESERVED:
        raise PersonaError(
            f"{joined(path.name)} must be named with letters, digits and underscores only, not begin with a digit, and "
            "not be called user.md."
        )
    try:
        text = joined(read_text(path, LARGEST))
    except FileNotFoundError:
        raise PersonaError(f"{path.name} has just been removed.") from None
    except BadFileError as error:
        raise PersonaError(f"{path.name} cannot be read: {error}.") from error
    opening, _, rest = text.partition("---\n")
    head, separator, body = rest.partition("\n---\n")
    if opening.strip() or not separator:
        raise PersonaError(f"{path.name} must start with a YAML header between two lines of three dashes.")
    if len(head) > LONGEST_HEAD:
        raise PersonaError(f"The header of {path.name} is longer than {LONGEST_HEAD:,} characters.")
    if not body.strip():
        raise PersonaError(f"{path.name} has no instruction: write what the agent should do below the header.")
    return Persona(id=path.stem, source=source, instruction=body.strip(), **dict(_head(path, head)))


def _head(path: Path, text: str) -> PersonaHead:
    try:
        return PersonaHead.model_validate(without_halves(yaml.load(text, _Head)))  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise PersonaError(f"The header of {path.name} is not valid YAML: {error}") from error
    except RecursionError:  # its traceback takes seconds to write
        raise PersonaError(f"The header of {path.name} is nested too deeply.") from None
    except ValidationError as error:
        problems = "; ".join(map(_in_words, error.errors()))
        raise PersonaError(f"The header of {path.name} is invalid: {problems}.") from error


class _Head(yaml.SafeLoader):
    """Loads plain values, without references: a few lines of those can expand to more than fits in memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """See yaml.composer.Composer."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("references (*name) are not allowed here; write the value out")
        return super().compose_node(parent, index)


def _in_words(problem: ErrorDetails) -> str:
    where = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        return f"there is no key {where!r}, only {', '.join(PersonaHead.model_fields)}"
    if not where:
        return "it must have lines such as 'name: Critic'"
    return f"{where}: {problem['msg'].removeprefix('Value error, ')}"


class PersonaFolder:
    """The personas in a folder, read again when their files change. Not thread-safe."""

    def __init__(self, folder: Path, source: Source) -> None:
        self._folder = folder
        self._source = source
        self._read: dict[Path, tuple[tuple[int, ...], Agent]] = {}

    def agents(self) -> list[Agent]:
        """Return all agents as the files are now; an invalid file becomes an agent with a problem."""
        files: dict[Path, tuple[tuple[int, ...], Agent]] = {}
        found, problem = self._found()
        for path in found:
            try:
                stat = path.lstat() if path.is_symlink() and not path.exists() else path.stat()
            except OSError:  # it has just been removed
                continue
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            known = self._read.get(path)
            files[path] = known if known and known[0] == stamp else (stamp, self._agent(path))
        self._read = files
        return [*(agent for _, agent in files.values()), *problem]

    def _found(self) -> tuple[list[Path], list[Agent]]:
        """Return the persona files, and an agent that stands for those that are not read."""
        problem = ""
        try:
            found, has_more = entries(self._folder, MOST_ENTRIES)
        except FileNotFoundError:
            return [], []
        except BadFileError as error:
            return [], [self._unusable(self._folder.name, f"{joined(str(self._folder))} cannot be read: {error}.")]
        # Emacs marks a file as being edited with a dangling link.
        personas = [path for path in found if path.name.endswith(".md") and not path.name.startswith(".#")]
        if has_more:
            problem = f"{joined(str(self._folder))} has more than {MOST_ENTRIES:,} entries"
        elif len(personas) > MOST_PERSONAS:
            problem = f"{joined(str(self._folder))} has {len(personas):,} Markdown files"
        if problem:
            problem += f". Only the first {MOST_PERSONAS} personas are shown. Move other files out of this folder."
        told = [self._unusable(self._folder.name, problem)] if problem else []
        return sorted(personas)[:MOST_PERSONAS], told

    def _agent(self, path: Path) -> Agent:
        try:
            return read_persona(path, self._source)
        except PersonaError as error:
            reason = str(error)
        # A parser may raise anything on malicious input, and only this file may fail because of it.
        except Exception as error:
            log.warning("persona not read", file=joined(str(path)), exc_info=True)
            reason = f"{joined(path.name)} cannot be understood ({type(error).__name__}). Look at its YAML head."
        return self._unusable(path.stem, reason)

    def _unusable(self, name: str, reason: str) -> Agent:
        name = joined(name)
        return UnusableAgent(id=name, name=name, source=self._source, reason=reason)
