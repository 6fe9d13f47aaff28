"""Files that agents make, kept by ADK's own service in the data folder."""

from __future__ import annotations

import shutil

from google.adk.artifacts import FileArtifactService
from google.adk.artifacts.artifact_util import validate_path_segment
from google.adk.errors.input_validation_error import InputValidationError

from session_store.models import SessionKey


class Artifacts(FileArtifactService):
    """ADK's file artifact service, which also forgets a whole session."""

    def forget(self, key: SessionKey) -> None:
        """Remove all files of a session. Those of its user in all sessions (``user:``) stay."""
        try:
            validate_path_segment(key.session_id, "session_id")
            folder = self._base_root(key.app_name, key.user_id) / "sessions" / key.session_id
        except InputValidationError:
            return  # an id that leads out of the folder: ADK keeps no files under it
        if folder.is_dir():
            shutil.rmtree(folder)
