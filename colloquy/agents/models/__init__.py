"""Language models: the list to choose from, and ADK models that stay within their window and explain failures."""

from colloquy.agents.models.catalogue import ModelCatalogue
from colloquy.agents.models.failures import ModelError, ModelUnavailableError
from colloquy.agents.models.offers import ModelInfo

__all__ = ["ModelCatalogue", "ModelError", "ModelInfo", "ModelUnavailableError"]
