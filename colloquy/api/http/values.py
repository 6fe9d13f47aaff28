"""Value types that requests and responses share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from session_store.limits import LONGEST_MESSAGE, LONGEST_NAME, LONGEST_NOTE, LONGEST_TITLE

LONGEST_ID = 200
DEEPEST = 50

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_SECOND = 253_402_300_799.0

T = TypeVar("T")

LONGEST_CURSOR = 800
MOST_ITEMS = 200

Cursor = Annotated[
    str | None,
    Query(
        max_length=LONGEST_CURSOR,
        pattern=r"^[A-Za-z0-9_-]+=*$",
        description="`next` of the previous page; omit it for the first page.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="The maximum number of items.")]


def _at_most(most: int) -> AfterValidator:
    def checked(value: str) -> str:
        if len(value) > most:
            raise PydanticCustomError("too_long", "must have at most {most} characters", {"most": most})
        return value

    return AfterValidator(checked)


_NO_NUL = r"^[^\x00]*$"
_ONE_LINE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
PATTERNS = {
    _NO_NUL: "must have no NUL characters",
    _ONE_LINE: "must be one line, with at least one character that can be seen and no control characters",
}
TAG_PATTERN = _ONE_LINE.replace("[^", "[^,")
PATTERNS[TAG_PATTERN] = "must be one line without commas, with at least one character that can be seen"
"""What each pattern requires, in words."""

Text = Annotated[str, StringConstraints(pattern=_NO_NUL), _at_most(LONGEST_MESSAGE)]
"""Any text without NUL, which terminals, file names and databases handle badly. The API description leaves out the
maximum length: tools fold it into the pattern, and a pattern repeated a million times takes them seconds."""

Note = Annotated[str, StringConstraints(pattern=_NO_NUL), _at_most(LONGEST_NOTE)]

Title = Annotated[
    str,
    StringConstraints(
        max_length=LONGEST_TITLE,
        pattern=_ONE_LINE,
        strip_whitespace=True,
    ),
]
"""One line that is not blank."""

Name = Annotated[str, StringConstraints(max_length=LONGEST_NAME, pattern=_ONE_LINE, strip_whitespace=True)]
"""One line that names something."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID, pattern=_NO_NUL)]


_VISIBLE = r"^[^\x00]*[^\s\x00-\x1f][^\x00]*$"
PATTERNS[_VISIBLE] = "must have at least one character that can be seen, and no NUL characters"

Words = Annotated[str, StringConstraints(pattern=_VISIBLE), _at_most(LONGEST_MESSAGE)]
"""A text that is not blank."""


def one_of(*choices: dict[str, Any]) -> dict[str, Any]:
    """An addition to the description of an object: its properties satisfy at least one of these choices. Each choice
    maps the properties it requires to their schemas."""
    return {"anyOf": [{"required": list(choice), "properties": choice} for choice in choices]}


SAYS_SOMETHING: dict[str, Any] = {"type": "string", "pattern": _VISIBLE}

_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
PATTERNS[_UUID] = "must be a UUID of version 4 in lower case"

NewId = Annotated[str, StringConstraints(pattern=_UUID)]
"""An ID that the client chose itself."""


def is_visible(text: str) -> bool:
    """Whether a text is not blank."""
    return re.search(_VISIBLE, text) is not None


def is_new_id(value: str) -> bool:
    """Whether a client may choose this as an ID."""
    return re.fullmatch(_UUID, value) is not None


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number, which JSON may also write as ``5.0``."""


class Body(BaseModel):
    """A JSON object that a client sends. Numbers and texts are not converted into each other; unknown fields are
    ignored."""

    model_config = ConfigDict(strict=True)


def plain_json(value: object) -> object:
    """Accept JSON that every parser understands, unchanged.

    Raises:
        PydanticCustomError: it is nested too deeply, or contains a number that is not finite.
    """
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return value
    raise PydanticCustomError("too_deep", "must not be nested deeper than {deepest} levels", {"deepest": DEEPEST})


JsonObject = Annotated[dict[str, Any], AfterValidator(plain_json)]
JsonValue = Annotated[Any, AfterValidator(plain_json)]


def moment(seconds: float) -> datetime:
    """A time in Unix seconds as a response shows it: RFC 3339 in UTC."""
    return _EPOCH + timedelta(seconds=min(max(seconds, 0.0), LAST_SECOND))


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("number", "must contain only finite numbers")
    return ()


class Paged(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    next: str | None = Field(None, description="`cursor` of the following page; null on the last one.")
