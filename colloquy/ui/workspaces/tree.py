"""Workspaces in the order and with the names that users see."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from colloquy.ui.formatting import label
from session_store.models import GENERAL, Workspace

DATA_ICON: Final = ":material/database:"
BROKEN_ICON: Final = ":material/warning:"
PLAIN_ICON: Final = ":material/folder:"
INDENT: Final = "\u2003"
"""A space that Streamlit does not strip from the beginning of labels."""


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A workspace and its place in the tree."""

    workspace: Workspace
    depth: int
    path: tuple[str, ...]
    """The names from the top level down to its own."""
    is_broken: bool = False
    """Whether its data cannot be used."""

    @property
    def id(self) -> str:
        """The workspace's id."""
        return self.workspace.id

    @property
    def icon(self) -> str:
        """The icon, which shows whether it has data and whether the data can be used."""
        if self.is_broken:
            return BROKEN_ICON
        return DATA_ICON if self.workspace.connection else PLAIN_ICON

    @property
    def full_name(self) -> str:
        """Its name and those of its ancestors, as plain text."""
        return " / ".join(self.path)


class WorkspaceTree:
    """All workspaces from the top down; siblings keep the given order, General comes first."""

    def __init__(self, workspaces: Iterable[Workspace], broken: Container[str] = ()) -> None:
        """``broken`` contains the ids of workspaces whose data cannot be used."""
        below: dict[str | None, list[Workspace]] = {}
        for workspace in workspaces:
            below.setdefault(workspace.parent_id, []).append(workspace)
        below.get(None, []).sort(key=lambda workspace: workspace.id != GENERAL)
        self._below = below
        self._broken = broken
        self.places = {place.id: place for place in self._walk(None, ())}

    def _walk(self, parent_id: str | None, path: tuple[str, ...]) -> Iterator[TreeNode]:
        for workspace in self._below.get(parent_id, ()):
            place = TreeNode(workspace, len(path), (*path, workspace.name), workspace.id in self._broken)
            yield place
            yield from self._walk(workspace.id, place.path)

    def subtree(self, workspace_id: str) -> set[str]:
        """Returns the ids of a workspace and of all its descendants."""
        found = {workspace_id}
        for place in self.places.values():  # parents come before their children
            if place.workspace.parent_id in found:
                found.add(place.id)
        return found

    def menu(self) -> dict[str, str]:
        """Returns an indented label for each id. Labels are unique, because Streamlit tells options apart by their
        labels."""
        return _distinct(
            {
                place.id: f"{INDENT * place.depth}{place.icon} {label(place.workspace.name)}"
                for place in self.places.values()
            }
        )

    def full_names(self) -> dict[str, str]:
        """Returns the full name for each id; names are unique."""
        return _distinct({place.id: place.full_name for place in self.places.values()})


def _distinct(labels: dict[str, str]) -> dict[str, str]:
    seen: dict[str, int] = {}
    for key, text in labels.items():
        seen[text] = seen.get(text, -1) + 1
        labels[key] = text + "\u200b" * seen[text]
    return labels
