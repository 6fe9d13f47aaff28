"""Snapshots over HTTP: creating them, and downloading them as files."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.responses import FileResponse

from colloquy.api.http.problems import NotFoundError
from colloquy.runtime.application import current
from session_store.snapshots.folder import KeptSnapshot
from session_store.snapshots.snapshot import SnapshotError, SnapshotForm

router = APIRouter(prefix="/v1", tags=["snapshots"])

Name = Annotated[str, Path(description="The name in the list.", max_length=80)]


class SnapshotIn(BaseModel):
    """The kind of snapshot to create."""

    form: SnapshotForm = Field(SnapshotForm.DUCKDB, description="One DuckDB file, or a ZIP of Parquet files.")


class SnapshotOut(BaseModel):
    """An existing snapshot: a copy of the whole history, to be opened read-only."""

    name: str
    form: SnapshotForm
    size: int = Field(description="Size in bytes.")
    made_at: datetime

    @classmethod
    def of(cls, snapshot: KeptSnapshot) -> SnapshotOut:
        """Return a snapshot as the API describes it."""
        return cls(
            name=snapshot.name,
            form=snapshot.form,
            size=snapshot.size,
            made_at=datetime.fromtimestamp(snapshot.made_at, UTC),
        )


class SnapshotsOut(BaseModel):
    """All existing snapshots, newest first."""

    items: list[SnapshotOut]


@router.get("/snapshots")
def list_snapshots() -> SnapshotsOut:
    """The existing snapshots."""
    return SnapshotsOut(items=[SnapshotOut.of(snapshot) for snapshot in current().snapshots.kept()])


@router.post("/snapshots", status_code=HTTPStatus.CREATED)
def make_snapshot(wanted: SnapshotIn) -> SnapshotOut:
    """Create a snapshot of the history, without deleted conversations. Returns when it is complete: a million messages
    take about a second, or six as Parquet. Conversations continue in the meantime."""
    made = current().make_snapshot(wanted.form)
    return SnapshotOut.of(_find(made.path.name))


@router.get("/snapshots/{name}", response_class=FileResponse)
def get_snapshot(name: Name) -> FileResponse:
    """The file itself. Supports `Range`."""
    snapshot = _find(name)
    return FileResponse(
        snapshot.path,
        filename=snapshot.name,
        media_type="application/zip" if snapshot.form is SnapshotForm.PARQUET else "application/vnd.duckdb",
        headers={"Cache-Control": "private, no-store"},
    )


@router.delete("/snapshots/{name}", status_code=HTTPStatus.NO_CONTENT)
def delete_snapshot(name: Name) -> None:
    """Permanently delete a snapshot."""
    _find(name)
    current().delete_snapshot(name)


def _find(name: str) -> KeptSnapshot:
    try:
        return current().snapshots.find(name)
    except SnapshotError as error:
        raise NotFoundError(str(error)) from error
