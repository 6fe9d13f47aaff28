"""Files that agents make, stored by ADK's own service in the data folder."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

import structlog
from google.adk.artifacts import FileArtifactService
from google.adk.artifacts.base_artifact_service import ArtifactVersion
from google.adk.errors.input_validation_error import InputValidationError
from google.genai import types

from session_store.engine.faults import writing
from session_store.errors import StoreError
from session_store.folders import encode_folders, segment, session_folder, sessions_in
from session_store.models import SessionKey

log = structlog.get_logger()

Rest: TypeAlias = Any
"""The other arguments of ADK's methods, besides the names."""

OF_USER = "user:"
"""Prefix with which ADK marks the names of files that belong to a user rather than a session."""


class Artifacts(FileArtifactService):
    """ADK's file artifact service with encoded folder names, which can also delete all files of a session."""

    def __init__(self, root_dir: Path | str) -> None:
        super().__init__(root_dir)
        encode_folders(self.root_dir)

    async def save_artifact(self, *, app_name: str, user_id: str, session_id: str | None = None, **more: Rest) -> int:
        """Store a version of a file.

        Raises:
            InputValidationError: ADK's; see ``check_file_name``.
            StoreFullError, StoreNotWritableError
        """
        check_file_name(more["filename"])
        with writing(self.root_dir):
            return await super().save_artifact(**_encoded(app_name, user_id, session_id), **more)

    async def load_artifact(
        self, *, app_name: str, user_id: str, session_id: str | None = None, **more: Rest
    ) -> types.Part | None:
        """Return one version of a file."""
        return await super().load_artifact(**_encoded(app_name, user_id, session_id), **more)

    async def list_artifact_keys(self, *, app_name: str, user_id: str, session_id: str | None = None) -> list[str]:
        """Return the names of the files of a session and of its user."""
        return await super().list_artifact_keys(**_encoded(app_name, user_id, session_id))

    async def delete_artifact(
        self, *, app_name: str, user_id: str, session_id: str | None = None, **more: Rest
    ) -> None:
        """Remove a file with all its versions."""
        await super().delete_artifact(**_encoded(app_name, user_id, session_id), **more)

    async def list_versions(
        self, *, app_name: str, user_id: str, session_id: str | None = None, **more: Rest
    ) -> list[int]:
        """Return the version numbers of a file."""
        return await super().list_versions(**_encoded(app_name, user_id, session_id), **more)

    async def list_artifact_versions(
        self, *, app_name: str, user_id: str, session_id: str | None = None, **more: Rest
    ) -> list[ArtifactVersion]:
        """Return what is known about the versions of a file."""
        return await super().list_artifact_versions(**_encoded(app_name, user_id, session_id), **more)

    async def get_artifact_version(
        self, *, app_name: str, user_id: str, session_id: str | None = None, **more: Rest
    ) -> ArtifactVersion | None:
        """Return what is known about one version of a file."""
        return await super().get_artifact_version(**_encoded(app_name, user_id, session_id), **more)

    def delete_files(self, keys: Iterable[SessionKey]) -> None:
        """Delete all files of sessions. Files that a user has in all sessions (``user:``) stay."""
        for folder in (session_folder(self.root_dir, key) for key in keys):
            if folder.is_dir():
                try:
                    shutil.rmtree(folder)
                except OSError as error:  # the session is gone all the same
                    log.warning("the files of a session could not be removed", folder=str(folder), error=str(error))

    def delete_file(self, key: SessionKey, name: str) -> None:
        """Delete a file of a session, with all its versions. A file that its user has in all sessions (``user:``)
        stays. Not for threads with an event loop."""
        if not name.startswith(OF_USER):
            asyncio.run(
                self.delete_artifact(
                    app_name=key.app_name, user_id=key.user_id, session_id=key.session_id, filename=name
                )
            )

    def copy(self, origin: SessionKey, to: SessionKey) -> None:
        """Copy all files of a session to another one, which has none yet."""
        folder, new = session_folder(self.root_dir, origin), session_folder(self.root_dir, to)
        if folder.is_dir():
            try:
                with writing(self.root_dir):
                    shutil.copytree(folder, new)
            except shutil.Error as error:  # there are several files
                shutil.rmtree(new, ignore_errors=True)
                raise StoreError(f"The files of the chat could not be copied: {error.args[0][0][2]}") from error

    def sessions(self) -> list[SessionKey]:
        """Return the sessions that have files here, whether or not the sessions themselves still exist."""
        return sessions_in(self.root_dir)


def check_file_name(name: str) -> None:
    """Refuse a name that ADK's service would mistake for another one and overwrite that file. The service itself
    refuses names that lead out of the session's folder.

    Raises:
        InputValidationError: says how to write the name.
    """
    bare = name.removeprefix(OF_USER)
    if "\\" in bare or bare != bare.strip() or any(part in ("", ".") for part in bare.removeprefix("/").split("/")):
        raise InputValidationError(
            f"No file can have the name {name[:80]!r}: it must not be empty, begin or end with a space, end with a "
            "slash, or contain a backslash, '//' or a folder '.'."
        )


def _encoded(app_name: str, user_id: str, session_id: str | None) -> dict[str, Any]:
    return {
        "app_name": segment(app_name),
        "user_id": segment(user_id),
        "session_id": None if session_id is None else segment(session_id),
    }
