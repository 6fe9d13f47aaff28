"""Settings that are safe to show, and the models to choose from."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from colloquy.runtime.application import current
from colloquy.settings import Settings

router = APIRouter(prefix="/v1", tags=["settings"])


class SettingsOut(BaseModel):
    """The settings, without keys, addresses and folders."""

    user: str = Field(description="The user who owns the conversations created here.")
    default_agent: str
    default_model: str
    max_turns: int = Field(description="Turns that may run at once.")
    undo_seconds: int = Field(description="Seconds during which deleted conversations can be restored.")
    retention_days: int = Field(
        description="Days of inactivity after which unsaved conversations are removed; 0: never."
    )
    transcript_logs: bool = Field(description="Whether each conversation is also written as JSON Lines.")
    context_messages: int = Field(description="How many of the newest messages the model sees; 0: all.")
    compaction: bool
    context_tokens: int
    answer_characters: int = Field(description="Maximum characters of one answer; longer ones are cut.")
    query_rows: int
    query_seconds: float
    attachment_mb: int


class ModelOut(BaseModel):
    """A model that a conversation can use."""

    id: str
    label: str
    available: bool
    note: str = Field(description="What it is, or how to set it up.")
    calls_tools: bool = Field(description="Whether it calls tools reliably.")
    takes: list[Literal["image", "pdf"]] = Field(description="The kinds of files that it reads besides text.")


class ModelsOut(BaseModel):
    """All models, the embedded one first."""

    models: list[ModelOut]


@router.get("/settings")
def get_settings() -> SettingsOut:
    """The current settings. They come from the environment and cannot be changed here."""
    application = current()
    chosen: Settings = application.settings
    return SettingsOut(
        user=chosen.user,
        default_agent=application.agents.default().id,
        default_model=application.models.default().id,
        max_turns=chosen.max_turns,
        undo_seconds=chosen.undo_seconds,
        retention_days=chosen.retention_days,
        transcript_logs=chosen.transcript_logs,
        context_messages=chosen.context_messages,
        compaction=chosen.compaction,
        context_tokens=chosen.context_tokens,
        answer_characters=chosen.answer_characters,
        query_rows=chosen.query_rows,
        query_seconds=chosen.query_seconds,
        attachment_mb=chosen.attachment_mb,
    )


@router.get("/models")
def list_models() -> ModelsOut:
    """All models, including those that are not available, with how to set them up."""
    return ModelsOut(
        models=[
            ModelOut(
                id=model.id,
                label=model.label,
                available=model.available,
                note=model.note,
                calls_tools=model.calls_tools,
                takes=sorted(model.takes),
            )
            for model in current().models.list()
        ]
    )
