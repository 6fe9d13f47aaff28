"""The other chat programs whose exports can be imported. A new importer is registered here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any, Final

from session_store.exchange.chats import chatgpt, open_webui
from session_store.exchange.chats.enclosed import Enclosed
from session_store.exchange.conversation import ImportedConversation, Owner


@dataclass(frozen=True, slots=True)
class Program:
    """A chat program, and how its exports are read."""

    name: str
    mark: str
    """The field that its chats are recognized by, for error messages."""
    recognizes: Callable[[object], bool]
    """Whether a JSON document is one of its chats. No other program may write such documents."""
    conversation_of: Callable[[Any, Owner, Enclosed], ImportedConversation]
    """Returns the conversation in one of its chats, given the other files of the archive; raises DamagedError if the
    document is something else."""
    file_in_archives: str = ""
    """Name of the files with chats in its ZIP archives, which may be numbered; empty if it exports none."""
    copies_in_archives: tuple[str, ...] = ()
    """Names of files in its ZIP archives that show the same chats in another form."""

    def keeps_chats_in(self, name: str) -> bool:
        """Whether a file in a ZIP archive holds its chats, given its path there."""
        return bool(self.file_in_archives and _numbered(self.file_in_archives).fullmatch(name))


PROGRAMS: Final = (
    Program(
        "ChatGPT",
        "mapping",
        chatgpt.recognizes,
        chatgpt.conversation_of,
        file_in_archives="conversations.json",
        copies_in_archives=("chat.html",),
    ),
    Program(
        "Open WebUI",
        "chat",
        open_webui.recognizes,
        lambda document, owner, _: open_webui.conversation_of(document, owner),
    ),
)


def program_of(documents: Sequence[object]) -> Program | None:
    """Returns the program that wrote at least one of these JSON documents."""
    return next((program for program in PROGRAMS if any(map(program.recognizes, documents))), None)


def keeps_chats(name: str) -> bool:
    """Whether a file in a ZIP archive holds chats of any program, given its path there."""
    return any(program.keeps_chats_in(name) for program in PROGRAMS)


def is_copy(name: str) -> bool:
    """Whether a file in a ZIP archive shows chats that the archive also holds as data, given its path there."""
    return any(name.endswith(program.copies_in_archives) for program in PROGRAMS)


@cache
def _numbered(name: str) -> re.Pattern[str]:
    """Returns a pattern for paths of files with this name, or with this name and a number, in any folder."""
    path = PurePosixPath(name)
    number = r"(?:[-_ ]?\(?\d+\)?)?"
    return re.compile(rf"(?:.*/)?{re.escape(path.stem)}{number}{re.escape(path.suffix)}", re.IGNORECASE)
