"""Wraps the model of every agent, however the agent was created.

ADK asks a flow for its model (``BaseLlmFlow._get_llm``) and offers no public hook there: plugins see requests and
responses, but cannot change the pace at which they are read. Works with google-adk 2.13.
"""

from __future__ import annotations

from collections.abc import Callable

from google.adk.agents.invocation_context import InvocationContext
from google.adk.flows.llm_flows.base_llm_flow import BaseLlmFlow
from google.adk.models import BaseLlm

_PATCHED = "_is_wrapped"


def wrap_models(wrap: Callable[[BaseLlm], BaseLlm]) -> None:
    """Makes every agent read its model through ``wrap``. Only the first call has an effect."""
    get_llm = BaseLlmFlow._get_llm
    if hasattr(get_llm, _PATCHED):
        return

    async def get_wrapped(self: BaseLlmFlow, invocation_context: InvocationContext) -> BaseLlm:
        return wrap(await get_llm(self, invocation_context))

    setattr(get_wrapped, _PATCHED, True)
    BaseLlmFlow._get_llm = get_wrapped  # type: ignore[method-assign]
