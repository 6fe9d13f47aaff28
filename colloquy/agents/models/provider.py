"""The model class that every agent gets, whichever provider the model comes from."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from itertools import dropwhile
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from google.adk.models import BaseLlm, LlmCapabilities
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from pydantic import PrivateAttr
from typing_extensions import override

from colloquy.agents.models.failures import ModelError, Party, explain, is_overflow, wants_user_first
from colloquy.agents.models.fitting import DoesNotFitError, fit, size_of, text_of
from session_store.errors import ColloquyError

CONNECTION_ENDED = "CONNECTION_ENDED"
"""The error code of an answer whose stream ended without saying that the answer is complete."""

_BYTES_PER_TOKEN = 4
_ATTEMPTS = 8

T = TypeVar("T")


class Provider(ABC):
    """The service behind a ProviderLlm."""

    party: Party
    says_when_done: bool = True
    """Whether the end of every stream says why the answer ended."""

    @abstractmethod
    async def open(self) -> BaseLlm:
        """Return the provider's own model object, for the running event loop."""

    async def budget(self) -> int | None:
        """Return the most tokens that a prompt may have; None if unknown until the provider refuses one."""
        return None

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens in each text; an estimate unless the provider can count them."""
        return [len(text.encode()) // _BYTES_PER_TOKEN for text in texts]

    async def explain(self, error: Exception) -> ColloquyError | None:
        """Explain the error to the user; None if the provider did not cause it."""
        return explain(error, self.party)


class ProviderLlm(BaseLlm):
    """Fits the conversation into the model's window, calls the model, and explains what went wrong.

    ``generate_content_async`` raises ModelError. One instance serves any number of calls and event loops.
    """

    provider: Provider
    _budget: int | None = PrivateAttr(default=None)
    _user_first: bool = PrivateAttr(default=False)
    """Whether the model refuses conversations that begin with an answer, as they may once their beginning is cut
    off."""

    @property
    @override
    def capabilities(self) -> LlmCapabilities:
        """None that ADK needs to know about."""
        return LlmCapabilities()

    @override
    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """Answer a request. See BaseLlm; closing the generator ends the generation."""
        try:
            complete = False
            async with aclosing(self._answer(llm_request, stream=stream)) as responses:
                async for response in responses:
                    response.model_version = response.model_version or self.model
                    if stream and not response.partial:
                        complete = True
                        self._note_broken_off(response)
                    yield response
            if stream and not complete:
                nothing = LlmResponse(model_version=self.model)
                self._note_broken_off(nothing)
                yield nothing
        except DoesNotFitError:
            raise ModelError(
                "The instruction of this agent alone is longer than the model can read. Choose a model with a larger"
                " context window, or shorten the instruction."
            ) from None
        except ColloquyError:
            raise
        except Exception as error:
            explained = await self.provider.explain(error)
            if explained is None:
                raise
            raise explained from error

    def _note_broken_off(self, response: LlmResponse) -> None:
        if self.provider.says_when_done and not (response.finish_reason or response.error_code):
            party = self.provider.party
            response.error_code = CONNECTION_ENDED
            response.error_message = (
                f"The connection to {party.inline} at {party.address} ended before the answer was complete. Send the "
                "message again."
            )

    async def _answer(self, request: LlmRequest, *, stream: bool) -> AsyncGenerator[LlmResponse, None]:
        model = await self.provider.open()
        for attempt in range(1, _ATTEMPTS + 1):
            fitted = await self._fitted(request)
            started = False
            try:
                async with aclosing(model.generate_content_async(fitted, stream)) as responses:
                    async for response in responses:
                        started = True
                        yield response
            except Exception as error:
                if started or attempt == _ATTEMPTS:
                    raise
                if wants_user_first(error) and not _begins_with_user(fitted.contents):
                    self._user_first = True
                elif is_overflow(error):
                    await self._lower_budget(fitted)
                else:
                    raise
            else:
                return

    async def _fitted(self, request: LlmRequest) -> LlmRequest:
        if self._user_first:
            newer = list(dropwhile(lambda content: content.role != "user", request.contents))
            request = request.model_copy(update={"contents": newer})
        budget = self._budget or await self.provider.budget()
        if budget is None:
            return request
        contents = await fit(request.contents, _extra(request), budget, self.provider.count)
        return request.model_copy(update={"contents": contents})

    async def _lower_budget(self, refused: LlmRequest) -> None:
        """Learn from a refusal: from now on, prompts stay well below the size of the refused one."""
        size = await size_of(refused.contents, _extra(refused), self.provider.count)
        self._budget = max(1, min(self._budget or size, size) * 3 // 4)


def _begins_with_user(contents: Sequence[types.Content]) -> bool:
    return not contents or contents[0].role == "user"


def _extra(request: LlmRequest) -> str:
    instruction = request.config.system_instruction
    tools = [
        declaration.model_dump_json(exclude_none=True)
        for tool in request.config.tools or []
        if isinstance(tool, types.Tool)
        for declaration in tool.function_declarations or []
    ]
    return "\n".join([_instruction_text(instruction), *tools])


def _instruction_text(instruction: object) -> str:
    if isinstance(instruction, types.Content):
        return text_of(instruction)
    return "" if instruction is None else str(instruction)


class PerLoop(Generic[T]):
    """One value for each running event loop, forgotten with the loop."""

    def __init__(self) -> None:
        self._values: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def get(self) -> T | None:
        """Return the running loop's value, if it has one."""
        return self._values.get(asyncio.get_running_loop())

    def set(self, value: T) -> None:
        """Set the running loop's value."""
        self._values[asyncio.get_running_loop()] = value
