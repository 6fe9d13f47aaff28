"""Names of agents and models where Markdown is not read."""

from __future__ import annotations

from colloquy.runtime.application import current


def agent_name(agent_id: str) -> str:
    """The name of an agent; its id where it is gone."""
    agent = current().agents.find(agent_id)
    return agent.name if agent else agent_id


def model_name(model: str) -> str:
    """The label of a model, of which the figures have the id or the name that its provider has for it."""
    return current().models.label(model)
