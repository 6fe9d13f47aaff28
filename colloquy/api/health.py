"""Whether the server is alive, and whether it is ready to work."""

from __future__ import annotations

from http import HTTPStatus
from importlib import metadata
from typing import Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from colloquy.runtime.application import current

router = APIRouter(prefix="/v1", tags=["health"])


class Health(BaseModel):
    """Whether the server responds."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether the store responds, and how busy the server is."""

    status: Literal["ready"] = "ready"
    duckdb: str = Field(description="The version of DuckDB.")
    google_adk: str = Field(description="The version of ADK.")
    unfinished_turns: int = Field(description="Turns that are running, queued or waiting for a person.")


@router.get("/health")
async def health() -> Health:
    """Whether the server responds. Does not use the store."""
    return Health()


@router.get("/ready")
def ready() -> Readiness:
    """Whether the store responds and turns can run; otherwise 503."""
    try:
        store = current().store
    except RuntimeError as error:
        raise HTTPException(
            HTTPStatus.SERVICE_UNAVAILABLE, "Colloquy is starting up or shutting down. Try again in a moment."
        ) from error
    return Readiness(
        duckdb=metadata.version("duckdb"),
        google_adk=metadata.version("google-adk"),
        unfinished_turns=len(store.turns.unfinished()),
    )
