"""Names of agents and models for texts that are not Markdown."""

from __future__ import annotations

from colloquy.runtime.application import current


def agent_name(agent_id: str) -> str:
    """Returns the name of an agent; its id if the agent is gone."""
    agent = current().agents.find(agent_id)
    return agent.name if agent else agent_id


def model_name(model: str) -> str:
    """Returns the label of a model, which the figures know by its id or by its provider's name for it."""
    return current().models.label(model)
