"""The agents that a session can be held with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml
from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm
from pydantic import BaseModel, ConfigDict, ValidationError

from session_store.errors import ColloquyError

BUILT_IN = Path(__file__).parent / "personas"


class PersonaError(ColloquyError):
    """A persona's file cannot be used."""


class UnknownAgentError(ColloquyError):
    """There is no agent of this id."""


class PersonaHead(BaseModel):
    """The YAML head of a persona's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    icon: str = ":material/smart_toy:"
    description: str = ""
    prompts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Persona:
    """An agent defined by a Markdown file. ``id`` is the file's stem and the ADK application name of its sessions."""

    id: str
    head: PersonaHead
    instruction: str

    def agent(self, model: BaseLlm) -> LlmAgent:
        """The ADK agent of this persona on a model."""
        # A function keeps ADK from reading braces in the text as names of state variables.
        return LlmAgent(
            name=self.id, model=model, description=self.head.description, instruction=lambda _: self.instruction
        )


def read_persona(path: Path) -> Persona:
    """Read a persona's file: a YAML head between two lines ``---``, then the instruction.

    Raises:
        PersonaError: says what is wrong with the file.
    """
    opening, _, rest = path.read_text(encoding="utf-8").partition("---\n")
    head, separator, body = rest.partition("\n---\n")
    if opening.strip() or not separator:
        raise PersonaError(f"{path.name} must begin with a YAML head between two lines of three dashes.")
    if not path.stem.isidentifier():
        raise PersonaError(f"{path.name} must be named with letters, digits and underscores only.")
    try:
        return Persona(path.stem, PersonaHead.model_validate(yaml.safe_load(head)), body.strip())
    except yaml.YAMLError as error:
        raise PersonaError(f"The head of {path.name} is not valid YAML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PersonaError(f"The head of {path.name} is not right: {problems}") from error


class AgentCatalogue:
    """The agents to choose from, in order: the assistant first, then by name."""

    def __init__(self, files: Iterable[Path] | None = None) -> None:
        personas = [read_persona(path) for path in (files if files is not None else BUILT_IN.glob("*.md"))]
        personas.sort(key=lambda persona: (persona.id != "assistant", persona.head.name.casefold()))
        self._personas = {persona.id: persona for persona in personas}

    def list(self) -> list[Persona]:
        """All agents, in the order to show them in."""
        return list(self._personas.values())

    def default(self) -> Persona:
        """The agent of a session for which none was chosen."""
        return next(iter(self._personas.values()))

    def get(self, agent_id: str) -> Persona:
        """The agent of this id.

        Raises:
            UnknownAgentError: there is none.
        """
        try:
            return self._personas[agent_id]
        except KeyError:
            raise UnknownAgentError(
                f"There is no agent {agent_id!r} any more. Start a new chat with another agent."
            ) from None
