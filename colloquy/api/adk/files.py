"""The files of agents as ADK clients store them."""

from __future__ import annotations

from colloquy.api.adk.checks import check_name
from colloquy.runtime.artifacts import Artifacts, Rest


class NamedArtifacts(Artifacts):
    """The application's artifact service, restricted to names that files can have."""

    def __init__(self, artifacts: Artifacts) -> None:
        super().__init__(artifacts.root_dir)

    async def save_artifact(self, *, app_name: str, user_id: str, session_id: str | None = None, **more: Rest) -> int:
        """Store a version of a file. Raises InputValidationError for a name that no file can have."""
        check_name(more["filename"])
        return await super().save_artifact(app_name=app_name, user_id=user_id, session_id=session_id, **more)
