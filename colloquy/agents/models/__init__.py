"""Language models: the list to choose from, and each as an ADK model that keeps to its window and fails in words."""

from colloquy.agents.models.catalogue import ModelCatalogue
from colloquy.agents.models.errors import ModelError, ModelUnavailableError
from colloquy.agents.models.offers import ModelInfo

__all__ = ["ModelCatalogue", "ModelError", "ModelInfo", "ModelUnavailableError"]
