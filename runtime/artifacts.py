"""Files that agents make, kept by ADK's own service in the data folder."""

from __future__ import annotations

import shutil

from google.adk.artifacts import FileArtifactService

from session_store.models import SessionKey


class Artifacts(FileArtifactService):
    """ADK's file artifact service, which also forgets a whole session."""

    def forget(self, key: SessionKey) -> None:
        """Remove all files of a session. Those of its user in all sessions (``user:``) stay."""
        folder = self._base_root(key.app_name, key.user_id) / "sessions" / key.session_id
        if folder.is_dir():
            shutil.rmtree(folder)
