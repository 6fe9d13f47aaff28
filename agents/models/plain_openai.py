"""A client of OpenAI's protocol as other servers understand it."""

from __future__ import annotations

from typing import Any

from openai import AsyncOpenAI
from openai._models import FinalRequestOptions
from typing_extensions import override


class PlainOpenAI(AsyncOpenAI):
    """Leaves out fields that are null. OpenAI takes one for none at all; many of the servers that speak its protocol
    refuse the request instead."""

    @override
    async def _prepare_options(self, options: FinalRequestOptions) -> FinalRequestOptions:
        """The hook that the library has for changing a request."""
        return options.model_copy(update={"json_data": _without_nulls(options.json_data)})


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(inner) for inner in value]
    return value
