"""The guide to the API names only routes that exist, and every route it covers."""

import re
from pathlib import Path

from colloquy.api.app import create_api

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"
TOLD_IN_FULL = ("conversations", "history", "sessions", "turns", "runtime")


def routes(schema, tags=None):
    return {
        f"{method.upper()} {path}"
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
        if tags is None or set(operation["tags"]) & set(tags)
    }


def test_names_exactly_the_existing_routes():
    schema = create_api().openapi()
    named = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /api/\S+)`", GUIDE.read_text(encoding="utf-8")))
    assert named - routes(schema) == {"GET /api/v1/events"}
    assert routes(schema, TOLD_IN_FULL) - named == set()
