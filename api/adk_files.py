"""The files of agents as clients of ADK keep them."""

from __future__ import annotations

from typing import Any

from google.adk.artifacts import FileArtifactService
from google.genai import types

from api.adk_checks import check_name
from runtime.artifacts import Artifacts


class NamedArtifacts(FileArtifactService):
    """The artifact service of the workbench, which takes only names that files can have."""

    def __init__(self, artifacts: Artifacts) -> None:
        super().__init__(artifacts.root_dir)

    async def save_artifact(
        self,
        *,
        app_name: str,
        user_id: str,
        filename: str,
        artifact: types.Part | dict[str, Any],
        session_id: str | None = None,
        custom_metadata: dict[str, Any] | None = None,
    ) -> int:
        """Keep a version of a file. Raises InputValidationError for a name that no file can have."""
        check_name(filename)
        return await super().save_artifact(
            app_name=app_name,
            user_id=user_id,
            filename=filename,
            artifact=artifact,
            session_id=session_id,
            custom_metadata=custom_metadata,
        )
