"""Files that agents make, kept by ADK's own service in the data folder."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

from google.adk.artifacts import FileArtifactService
from google.adk.artifacts.artifact_util import validate_path_segment
from google.adk.errors.input_validation_error import InputValidationError

from session_store.models import SessionKey

OF_USER = "user:"
"""How names of files begin that belong to a user, in ADK."""


class Artifacts(FileArtifactService):
    """ADK's file artifact service, which also forgets a whole session."""

    def forget(self, key: SessionKey) -> None:
        """Remove all files of a session. Those of its user in all sessions (``user:``) stay."""
        folder = self._folder(key)
        if folder and folder.is_dir():
            shutil.rmtree(folder)

    def forget_file(self, key: SessionKey, name: str) -> None:
        """Remove a file of a session, in all its versions. One of its user in all sessions (``user:``) stays. Not for
        threads with an event loop."""
        if not name.startswith(OF_USER):
            asyncio.run(
                self.delete_artifact(
                    app_name=key.app_name, user_id=key.user_id, session_id=key.session_id, filename=name
                )
            )

    def forget_all(self, keys: Iterable[SessionKey]) -> None:
        """Remove all files of several sessions."""
        for key in keys:
            self.forget(key)

    def copy(self, origin: SessionKey, to: SessionKey) -> None:
        """Give all files of a session to another one, which has none yet."""
        folder, new = self._folder(origin), self._folder(to)
        if folder and new and folder.is_dir():
            shutil.copytree(folder, new)

    def sessions(self) -> list[SessionKey]:
        """The sessions that have files here, whether or not they are still there themselves."""
        places = self.root_dir.glob("apps/*/users/*/sessions/*")
        return [SessionKey(place.parts[-5], place.parts[-3], place.parts[-1]) for place in places if place.is_dir()]

    def _folder(self, key: SessionKey) -> Path | None:
        """Where the files of a session are; None for an id that leads out of the folder: ADK keeps none under it."""
        try:
            validate_path_segment(key.session_id, "session_id")
            return self._base_root(key.app_name, key.user_id) / "sessions" / key.session_id
        except InputValidationError:
            return None
