"""The settings of Colloquy: one class, read from the environment and from ``.env``."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, HttpUrl, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from session_store.errors import ColloquyError, wrong_value
from session_store.files import BadFileError, read_env
from session_store.limits import MOST_RETENTION_DAYS

PREFIX = "COLLOQUY_"
ENV_FILE = ".env"
OF_TESTS = f"{PREFIX}REQUIRE_"
"""Prefix of the variables that only tests read."""

Names = Annotated[tuple[str, ...], NoDecode]
"""Names separated by commas."""


class SettingsError(ColloquyError):
    """A setting has an invalid value."""


class Settings(BaseSettings):
    """Everything that can be configured. Each field is the environment variable ``COLLOQUY_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=ENV_FILE, extra="ignore", frozen=True)

    data_dir: Path = Field(Path("data"), description="Folder of the database and all other data.")
    user: str = Field("local", min_length=1, description="User id that owns the sessions of this app.")
    model: str = Field("embedded", min_length=1, description="Model of a new session, by its id in the model list.")
    max_turns: int = Field(4, ge=1, le=64, description="Turns that may run at once; others are queued.")
    agents_dir: Path | None = Field(None, description="Folder of ADK agent folders, as adk web takes it.")
    undo_seconds: int = Field(600, ge=0, description="Seconds during which a deletion can be undone.")

    retention_days: int = Field(
        0,
        ge=0,
        le=MOST_RETENTION_DAYS,
        description="Days of inactivity after which unsaved chats are removed; 0: never.",
    )
    transcript_logs: bool = Field(
        True,
        description="Whether each conversation is also written as JSON Lines to transcripts/ in the data folder.",
    )

    context_messages: int = Field(
        20, ge=0, le=100_000, description="How many of the newest messages the model sees; 0: all."
    )
    compaction: bool = Field(
        False, description="Whether ADK's own compaction (a summary of older messages) is used instead of that limit."
    )
    answer_characters: int = Field(
        1_000_000,
        ge=1000,
        le=100_000_000,
        description="Maximum characters of one answer of a model, thoughts and tool arguments included; longer ones are"
        " cut.",
    )
    query_rows: int = Field(10_000, ge=1, le=10_000_000, description="Maximum rows in a query result.")
    query_seconds: float = Field(20.0, gt=0, le=3600, description="Maximum seconds a query may run.")
    attachment_mb: int = Field(
        10, ge=1, le=100, description="Maximum total size of the files of one message, in megabytes."
    )

    models_dir: Path = Field(Path("models"), description="Folder of the embedded model file.")
    gguf_models: Names = Field((), description="Paths of further GGUF files to offer as models, separated by commas.")
    context_tokens: int = Field(
        4096, ge=512, le=1_048_576, description="Context window of the embedded model and of GGUF files, in tokens."
    )
    threads: int = Field(
        0, ge=0, le=256, description="Threads of the embedded model and of GGUF files; 0: half of the cores."
    )

    google_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices(f"{PREFIX}GOOGLE_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"),
        description="Key of the Gemini API. Also read from GOOGLE_API_KEY and GEMINI_API_KEY.",
    )
    gemini_models: Names = Field(
        ("gemini-2.5-flash", "gemini-2.5-pro"), description="Gemini models to offer when there is a key."
    )
    gemini_base_url: HttpUrl | None = Field(None, description="Alternative base URL for the Gemini API.")

    openai_base_url: HttpUrl | None = Field(
        None, description="Base URL of an OpenAI-compatible server, for instance http://localhost:11434/v1 for Ollama."
    )
    openai_api_key: SecretStr | None = Field(None, description="API key of that server, if it requires one.")
    openai_models: Names = Field(
        (), description="Models of that server to offer; if empty, the server is asked for its list."
    )

    litellm_models: Names = Field((), description="Models to offer through LiteLLM, which must be installed.")

    @field_validator("agents_dir", "gemini_base_url", "openai_base_url", mode="before")
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("gguf_models", "gemini_models", "openai_models", "litellm_models", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        SettingsError: names every variable with an invalid value, the value, and what is expected.
    """
    try:
        read_env(Path(ENV_FILE))  # first, because other readers would block on a pipe
    except BadFileError as error:
        raise SettingsError(f"Colloquy cannot start, because {ENV_FILE} cannot be read: {error}.") from error
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"{_variable(problem['loc'])}={problem['input']!r}: {wrong_value(problem)}.{_example(problem['loc'])}"
            for problem in error.errors(include_url=False)
        ]
        raise SettingsError(
            "Colloquy cannot start because of invalid settings (environment or .env):\n  " + "\n  ".join(lines)
        ) from error


def misspelt() -> list[str]:
    """Return a sentence for each variable (environment or ``.env``) that looks like a setting but is not one."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    sentences = []
    for place, names in (("in the environment", os.environ), (f"in {ENV_FILE}", read_env(Path(ENV_FILE)))):
        for name in sorted(names):
            written = name.upper()
            looks_like_one = written.startswith(PREFIX) or get_close_matches(
                written.partition("_")[0] + "_", [PREFIX], cutoff=0.8
            )
            if not looks_like_one or written in known or written.startswith(OF_TESTS):
                continue
            nearest = get_close_matches(written, known, n=1)
            hint = f"Did you mean {nearest[0]}?" if nearest else "README.md lists all settings."
            sentences.append(f"{name} ({place}) is not a known setting and is ignored. {hint}")
    return sentences


def _example(location: tuple[int | str, ...]) -> str:
    """Return an example of a valid value, if the setting is a number or a yes-or-no choice."""
    default = Settings.model_fields[str(location[0])].default if location[0] in Settings.model_fields else None
    if not isinstance(default, bool | int | float):
        return ""
    return f" Write for example {_variable(location)}={str(default).lower()}."


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0])
    return name if name.isupper() else PREFIX + name.upper()
