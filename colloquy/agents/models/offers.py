"""The models that the settings offer."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Final, Literal

from pydantic import SecretStr

from colloquy.agents.models.listing import ServerListing
from colloquy.agents.models.local import embedded
from colloquy.agents.models.local.gguf import why_not_gguf
from colloquy.agents.models.local.local import LocalProvider
from colloquy.agents.models.local.server import ModelServer, ServerOptions
from colloquy.agents.models.provider import Provider
from colloquy.agents.models.remote import GeminiProvider, LiteLlmProvider, OpenAiProvider
from colloquy.settings import Settings

_EMBEDDED_SLOTS = 4
_FILE_SLOTS = 2
"""Conversations that a GGUF file answers at once; each costs memory for a whole context window."""


INSTALL_LITELLM: Final = "make litellm (without make: python scripts/install.py litellm)"
"""How to install LiteLLM in compatible versions: pip alone would choose others, and change installed packages."""

KINDS: Final = frozenset({"gguf", "gemini", "openai", "litellm"})
"""The prefixes of model IDs, before the slash."""

Attached = Literal["image", "pdf"]

_IMAGES: Final[frozenset[Attached]] = frozenset({"image"})
_GEMINI_TAKES: Final[frozenset[Attached]] = frozenset({"image", "pdf"})


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as the user sees it. ``note`` describes it or, if it is unavailable, says how to get it.

    ``calls_tools`` says whether it calls tools reliably; ``takes`` lists what a message may carry besides text.
    """

    id: str
    label: str
    available: bool
    note: str
    calls_tools: bool = True
    takes: frozenset[Attached] = frozenset()


@dataclass(frozen=True, slots=True)
class Offer:
    """A model and how to create its provider. ``name`` is the provider's name for the model."""

    info: ModelInfo
    name: str
    make: Callable[[], Provider]


class Offers:
    """Reads the settings, the files and the server's list on every call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        url = settings.openai_base_url
        self._openai_url = str(url).rstrip("/") if url else ""
        self._listing = ServerListing(self._openai_url, settings.openai_api_key) if url else None

    def by_id(self) -> dict[str, Offer]:
        """Return all offers in display order."""
        offers: dict[str, Offer] = {}
        for source in (self._embedded, self._files, self._gemini, self._openai, self._litellm):
            for offer in source():
                offers.setdefault(offer.info.id, offer)
        return offers

    def _embedded(self) -> Iterator[Offer]:
        path = embedded.path_in(self._settings.models_dir)
        here = why_not_gguf(path) is None
        note = embedded.NOTE if here else embedded.MISSING
        info = ModelInfo("embedded", embedded.LABEL, here, note, calls_tools=False)
        options = self._server(path, embedded.LABEL, _EMBEDDED_SLOTS, embedded.SAMPLING)
        yield Offer(info, path.stem, lambda: LocalProvider(ModelServer(options), path.stem, embedded.LONGEST_ANSWER))

    def _files(self) -> Iterator[Offer]:
        for name in self._settings.gguf_models:
            yield self._file(Path(os.path.expanduser(name)))  # noqa: PTH111 - a path without a home directory stays as it is

    def _file(self, path: Path) -> Offer:
        problem = why_not_gguf(path)
        note = f"{problem}: correct COLLOQUY_GGUF_MODELS." if problem else f"Runs on this computer, from {path}."
        info = ModelInfo(f"gguf/{path.stem}", path.stem, problem is None, note, calls_tools=False)
        options = self._server(path, path.stem, _FILE_SLOTS, {})
        return Offer(info, path.stem, lambda: LocalProvider(ModelServer(options), path.stem))

    def _server(self, path: Path, label: str, slots: int, sampling: Mapping[str, float]) -> ServerOptions:
        settings = self._settings
        return ServerOptions(path, label, settings.context_tokens, slots, settings.threads, sampling)

    def _gemini(self) -> Iterator[Offer]:
        key = self._settings.google_api_key
        url = str(self._settings.gemini_base_url).rstrip("/") if self._settings.gemini_base_url else None
        note = "Answered by Google's Gemini API." if key else "Set GOOGLE_API_KEY to use it."
        for name in self._settings.gemini_models:
            info = ModelInfo(f"gemini/{name}", _spoken(name), key is not None, note, takes=_GEMINI_TAKES)
            yield Offer(info, name, partial(GeminiProvider, name, key or SecretStr(""), url))

    def _openai(self) -> Iterator[Offer]:
        if self._listing is None:
            return
        names: tuple[str, ...] = self._settings.openai_models or self._listing.names() or ()
        wanted = self._settings.model
        if wanted.startswith("openai/") and not names:
            names = (wanted.removeprefix("openai/"),)  # the server may not have answered yet, or may start later
        url, key = self._openai_url, self._settings.openai_api_key
        for name in names:
            info = ModelInfo(f"openai/{name}", name, available=True, note=f"Answered by {url}.", takes=_IMAGES)
            yield Offer(info, name, partial(OpenAiProvider, name, url, key))
        if not names:
            note = f"{url} did not return a list of models: start the server, or set COLLOQUY_OPENAI_MODELS."
            info = ModelInfo("openai/", url, available=False, note=note)
            yield Offer(info, "", partial(OpenAiProvider, "", url, key))

    def _litellm(self) -> Iterator[Offer]:
        for name in self._settings.litellm_models:
            installed = importlib.util.find_spec("litellm") is not None
            install = f"To use it, install LiteLLM with {INSTALL_LITELLM}, then restart Colloquy."
            note = "Answered through LiteLLM." if installed else install
            info = ModelInfo(f"litellm/{name}", name, installed, note, takes=_IMAGES)
            yield Offer(info, name, partial(LiteLlmProvider, name))


def unknown(model_id: str, known: Iterable[str] = ()) -> ModelInfo:
    """Describe a model that is not offered. ``known`` are the IDs of the models that are."""
    note = f"No model with this name is configured.{_suggestion(model_id, known)}"
    return ModelInfo(model_id, model_id, available=False, note=note)


def _suggestion(model_id: str, known: Iterable[str]) -> str:
    """Suggest the nearest valid name, even if the part before or after the slash is missing."""
    names = {name.casefold(): name for name in known}
    short = {name.rpartition("/")[2].casefold(): name for name in names.values()}
    wanted = model_id.casefold()
    nearest = get_close_matches(wanted, names, n=1) or [
        short[name].casefold() for name in get_close_matches(wanted.rpartition("/")[2], short, n=1)
    ]
    if nearest:
        return f" Did you mean {names[nearest[0]]}?"
    return f" There are: {', '.join(names.values())}." if names else ""


def _spoken(name: str) -> str:
    return " ".join(word.capitalize() for word in name.split("-"))
