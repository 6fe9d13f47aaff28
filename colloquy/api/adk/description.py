"""Adds to ADK's own description of its routes which values they refuse."""

from __future__ import annotations

from typing import Any, Final

from colloquy.api.adk.checks import LONGEST_NAME
from colloquy.api.http.values import LAST_SECOND, SAYS_SOMETHING, one_of

_NAME: Final[dict[str, Any]] = {
    "maxLength": LONGEST_NAME,
    "pattern": r"^[^\x00]+$",
    "description": f"At most {LONGEST_NAME} bytes in UTF-8.",
}
_FILE: Final[dict[str, Any]] = {
    **_NAME,
    "pattern": r"^(?!(user:)?\s*([/\\]|[A-Za-z]:|$))(?!([^\x00]*[/\\])?\s*\.\.\s*([/\\]|$))[^\x00]+$",
    "description": f"A relative path without `..`, of at most {LONGEST_NAME} bytes in UTF-8.",
}
_SPACE: Final = r"[\s\x1c-\x1f\x85]"
_NEW_FILE: Final[dict[str, Any]] = {
    **_NAME,
    "pattern": rf"^(?!(user:)?({_SPACE}|/|[A-Za-z]:|\.{{1,2}}(/|$)|$))(?![^\x00]*{_SPACE}$)"
    r"(?![^\x00]*/(/|\.{1,2}(/|$)|$))[^\x00\\]+$",
    "description": "A relative path without backslashes, empty folders, `.` and `..`, "
    f"of at most {LONGEST_NAME} bytes in UTF-8. No folder may be called `versions`, and the file not `metadata.json`.",
}
_ID: Final[dict[str, Any]] = {
    **_NAME,
    "pattern": r"^(?!\s*([^\x00]*[/\\])?\.{1,2}\s*([/\\]|$))[^\x00]+$",
    "description": f"An id without `.` and `..` between slashes, of at most {LONGEST_NAME} bytes in UTF-8.",
}
_VERSION: Final[dict[str, Any]] = {
    "pattern": r"^(latest|\d{1,18})$",
    "description": "The number of a version, or `latest`.",
}
_OF_PATHS: Final = {"artifact_name": _FILE, "version_id": _VERSION}
_BASE64: Final = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"
_SECONDS: Final[dict[str, Any]] = {"minimum": 0, "maximum": LAST_SECOND}
_OBJECT: Final[dict[str, Any]] = {"type": "object"}
_NULL: Final[dict[str, Any]] = {"type": "null"}
_DATA: Final[dict[str, Any]] = {"type": "object", "required": ["data"], "properties": {"data": {"type": "string"}}}


def _message(*contains: dict[str, Any], without: str) -> dict[str, Any]:
    parts = {"functionCall": _NULL, without: _NULL}
    return {"type": "array", "contains": one_of(*contains), "items": {"properties": parts}}


_MESSAGE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["parts"],
    "properties": {
        "parts": {
            "anyOf": [
                _message({"text": SAYS_SOMETHING}, {"inlineData": _DATA}, without="functionResponse"),
                _message({"functionResponse": _OBJECT}, without="text"),
            ]
        }
    },
    "description": "It has a text or a file, or else the responses of functions.",
}
_PLAIN_EVENT: Final[dict[str, Any]] = {
    "properties": {
        "actions": {"maxProperties": 0},
        "longRunningToolIds": {"maxItems": 0},
        "cacheMetadata": _NULL,
        "timestamp": _SECONDS,
    },
    "description": "An event without actions and long-running tools.",
}

_SAVED: Final[dict[str, Any]] = {
    **one_of({"text": {"type": "string"}}, {"inlineData": _DATA}),
    "properties": {"inlineData": {"anyOf": [_DATA, _NULL]}},
    "description": "It has a text, or `inlineData` with `data`.",
}


def say_what_is_refused(description: dict[str, Any]) -> None:
    """Complete the description of ADK's routes, in place."""
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            named = _OF_PATHS | ({"user_id": _ID} if method == "post" and path.endswith("/sessions") else {})
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["schema"] |= named.get(parameter["name"], _NAME)
    schemas = description["components"]["schemas"]
    for schema in schemas.values():
        for value in schema.get("properties", {}).values():
            for kind in value.get("anyOf", [value]):
                if kind.get("contentEncoding") == "base64":
                    kind["pattern"] = _BASE64
    run = schemas["RunAgentRequest"]
    run["required"] = ["appName", "userId", "sessionId", "newMessage"]
    run["properties"]["appName"] = {"type": "string", "minLength": 1}
    run["properties"]["newMessage"] = {"allOf": [{"$ref": "#/components/schemas/Content"}, _MESSAGE]}
    create = schemas["CreateSessionRequest"]["properties"]
    create["sessionId"] = {"anyOf": [{"type": "string", **_ID}, {"type": "null"}]}
    create["options"]["anyOf"][0]["maxProperties"] = 0
    events = create["events"]["anyOf"][0]
    events["items"] = {"allOf": [events["items"], _PLAIN_EVENT]}
    save = schemas["SaveArtifactRequest"]["properties"]
    save["filename"] |= _NEW_FILE
    save["artifact"] = {"allOf": [save["artifact"], _SAVED]}
