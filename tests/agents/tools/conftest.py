from tests.agents.data.fixtures import postgres_url, shop, shops

__all__ = ["postgres_url", "shop", "shops"]
