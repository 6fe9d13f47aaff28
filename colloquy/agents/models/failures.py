"""Turns the exceptions of model providers' libraries into sentences for a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from session_store.errors import ColloquyError

_OVERFLOW = re.compile(
    r"context.?length|context.?size|context.?window|maximum context|prompt is too long|too many (input )?tokens"
    r"|input token count.*exceeds|maximum number of tokens",
    re.IGNORECASE,
)
_ROLES = re.compile(
    r"roles must alternate|(start|begin)s? with\W+(a\W+)?(role\W+)?user|first message must", re.IGNORECASE
)
_KEY_REFUSED = re.compile(r"api.?key.?(is )?(not.valid|invalid|expired)|invalid.api.?key", re.IGNORECASE)
_LONGEST_DETAIL = 300
_SAID_AS = ("message", "msg", "detail", "details", "error", "errors", "error_message", "error_description", "title")
"""Keys under which error bodies say what happened: OpenAI, Ollama, FastAPI, Anthropic, Gemini, proxies."""
_NOT_SAID = re.compile(r"Error code: \d+|An error occurred during streaming|\d{3} [A-Za-z ]+", re.IGNORECASE)
"""What libraries write when the provider gave no message."""
# Each library brings its own HTTP client (httpx, a fork of it, aiohttp), so their errors are recognized by name.
_BY_NAME = (
    (
        {"TimeoutException", "TimeoutError", "APITimeoutError"},
        "{party.name} at {party.address} did not answer in time. Send the message again.",
    ),
    (
        {"ConnectError", "ConnectionRefusedError", "ClientConnectorError"},
        (
            "{party.name} cannot be reached at {party.address}. Check that it runs there and that the network works,"
            " then send the message again."
        ),
    ),
    (
        {"TransportError", "ConnectionError", "APIConnectionError", "ClientError"},
        "The connection to {party.inline} at {party.address} broke. Send the message again.",
    ),
    (
        {"JSONDecodeError", "UnicodeDecodeError", "UnknownApiResponseError", "APIResponseValidationError"},
        (
            "{party.name} at {party.address} gave an answer that cannot be read. Send the message again, and check that"
            " the address is that of a model server."
        ),
    ),
    ({"APIError"}, "{party.name} at {party.address} ended the answer with an error.{detail}"),
)


@dataclass(frozen=True, slots=True)
class Party:
    """The called service: its name in messages, its address, the variable that holds the key, and secrets that must
    never be repeated."""

    name: str
    address: str
    key_variable: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def inline(self) -> str:
        """The name within a sentence."""
        return f"the {self.name[4:]}" if self.name.startswith("The ") else self.name


def is_overflow(error: BaseException) -> bool:
    """Whether a provider refused a prompt because it is longer than the model's context window."""
    return status_of(error) in (400, 413, 422) and _OVERFLOW.search(str(error)) is not None


def wants_user_first(error: BaseException) -> bool:
    """Whether a provider refused a conversation because it does not begin with the user's message."""
    return status_of(error) in (400, 422, 500) and _ROLES.search(str(error)) is not None


def explain(error: Exception, party: Party) -> ModelError | None:
    """Say what happened and what to do about it, without any secrets; None if the provider did not cause the error."""
    status = status_of(error)
    if status is not None:
        return ModelError(_refusal(status, _detail(error, party), party))
    kinds = {base.__name__ for link in _chain(error) for base in type(link).__mro__}
    template = next((words for names, words in _BY_NAME if kinds & names), None)
    return ModelError(template.format(party=party, detail=_detail(error, party))) if template else None


def _refusal(status: int, detail: str, party: Party) -> str:
    if status in (401, 403) or (status == 400 and _KEY_REFUSED.search(detail)):
        return f"{party.name} refused the key. Check {party.key_variable} and start Colloquy again.{detail}"
    if status == 404:
        return f"{party.name} at {party.address} does not have this model. Choose another one.{detail}"
    if status == 429:
        return (
            f"{party.name} accepts no more requests at the moment (limit or quota reached). Wait a moment and"
            f" send the message again.{detail}"
        )
    if status >= 500:
        return f"{party.name} at {party.address} reported a server error (status {status}). Try again later.{detail}"
    return f"{party.name} did not accept the request (status {status}).{detail}"


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status with which a provider refused a request; None for any other error."""
    response = getattr(error, "response", None)
    for source, name in ((error, "status_code"), (error, "code"), (response, "status_code")):
        status = getattr(source, name, None)
        if isinstance(status, int) and 400 <= status < 600:
            return status
    return None


def said_in(body: object) -> str:
    """Return the message for a person in an error body of any shape; empty if there is none, as in an HTML page."""
    if isinstance(body, dict):
        return next(filter(None, (said_in(body.get(name)) for name in _SAID_AS)), "")
    if isinstance(body, list):
        return "; ".join(filter(None, map(said_in, body)))
    text = " ".join(body.split()) if isinstance(body, str) else ""
    return "" if text.startswith("<") or _NOT_SAID.fullmatch(text) else text


def _detail(error: Exception, party: Party) -> str:
    """Return the provider's message as a sentence to append; empty if there is none."""
    text = said_in(getattr(error, "body", None)) or said_in(getattr(error, "message", None) or str(error))
    for secret in party.secrets:
        text = text.replace(secret, "…")
    text = text if len(text) <= _LONGEST_DETAIL else text[:_LONGEST_DETAIL] + "…"
    return f" It said: {text}" if text else ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


class ModelUnavailableError(ColloquyError):
    """The model cannot be used with the current settings; the message says how to make it available."""


class ModelError(ColloquyError):
    """A call to a model failed."""
