"""A wrapper around the model of every agent, whoever made the agent.

ADK asks a flow for its model (``BaseLlmFlow._get_llm``) and has no public place to put something in between: plugins
see requests and responses, but cannot change the pace at which they are read. Holds for google-adk 2.13.
"""

from __future__ import annotations

from collections.abc import Callable

from google.adk.agents.invocation_context import InvocationContext
from google.adk.flows.llm_flows.base_llm_flow import BaseLlmFlow
from google.adk.models import BaseLlm

_PATCHED = "_is_wrapped"


def wrap_models(wrap: Callable[[BaseLlm], BaseLlm]) -> None:
    """Have every agent read its model through ``wrap``. Only the first call counts."""
    get_llm = BaseLlmFlow._get_llm
    if hasattr(get_llm, _PATCHED):
        return

    async def get_wrapped(self: BaseLlmFlow, invocation_context: InvocationContext) -> BaseLlm:
        return wrap(await get_llm(self, invocation_context))

    setattr(get_wrapped, _PATCHED, True)
    BaseLlmFlow._get_llm = get_wrapped  # type: ignore[method-assign]
