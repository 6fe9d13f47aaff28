"""Files that a person attaches to a message, as parts of that message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from google.genai import types

from colloquy.agents.models import ModelInfo
from session_store.errors import ColloquyError
from session_store.json_safe import joined
from session_store.limits import MOST_FILES
from session_store.phrases import size_text

MEGABYTE: Final = 1_000_000

IMAGES: Final = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/heic", "image/heif")
"""The image types that models read."""

PDF: Final = "application/pdf"

_HEAD: Final = re.compile(r"\[Attached file: ([^\n]*)\]\n")


class AttachmentRefusedError(ColloquyError):
    """A file cannot be part of a message."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attached file. ``mime_type`` is what the browser or the client reports."""

    name: str
    mime_type: str
    data: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """What a model must be able to read: ``image``, ``pdf`` or ``text``."""
        if self.mime_type.startswith("image/"):
            return "image"
        return "pdf" if self.mime_type == PDF or self.data.startswith(b"%PDF-") else "text"


def refusal(files: Sequence[Attachment], model: ModelInfo) -> str | None:
    """Explain why a model does not accept these files, in a sentence shown before sending; None if it accepts them."""
    for kind, words in (("image", "images"), ("pdf", "PDF files")):
        names = [file.name for file in files if file.kind == kind]
        if names and kind not in model.takes:
            return (
                f"{model.label} does not read {words}, so {', '.join(names)} cannot be sent to it. Choose a model that"
                " does, for instance one of Gemini, or remove the file. Text files can be sent to every model."
            )
    return None


def sorted_out(
    files: Sequence[Attachment], model: ModelInfo | None, *, most_mb: int
) -> tuple[list[Attachment], list[str]]:
    """Return the files that can be sent together to a model, and for each other file a sentence that names it and says
    why it cannot. Without a ``model``, it is not known which kinds are accepted."""
    kept: list[Attachment] = []
    reasons = []
    for file in files:
        reason = refusal([file], model) if model else None
        try:
            parts_of([*kept, file], most_mb=most_mb)
        except AttachmentRefusedError as error:
            reason = str(error)
        if reason:
            reasons.append(reason)
        else:
            kept.append(file)
    return kept, reasons


def parts_of(files: Sequence[Attachment], *, most_mb: int) -> list[types.Part]:
    """Return the files as parts of a message: text preceded by the file's name, images and PDFs unchanged.

    Raises:
        AttachmentRefusedError: they are too many, too large together, empty, or of a kind that no model reads.
    """
    refuse_many(len(files))
    size = sum(len(file.data) for file in files)
    refuse_large(size, most_mb=most_mb, last=files[-1].name if files else "")
    return [_part(file) for file in files]


def refuse_many(number: int) -> None:
    """Refuse ``number`` files in one message if that is too many. Raises AttachmentRefusedError."""
    if number > MOST_FILES:
        raise AttachmentRefusedError(
            f"One message can have at most {MOST_FILES} files, and this one has {number:,}. Send the others separately."
        )


def refuse_large(size: int, *, most_mb: int, last: str = "") -> None:
    """Refuse files whose total ``size`` in bytes is too large. ``last`` is the name of the last one. Raises
    AttachmentRefusedError."""
    if size > most_mb * MEGABYTE:
        raise AttachmentRefusedError(
            f"The files of one message may have {most_mb} MB together, and these have"
            f" {size_text(size)}{f' with {last}' if last else ''}. Send fewer or smaller ones, or raise"
            " COLLOQUY_ATTACHMENT_MB."
        )


def is_file(part: types.Part) -> bool:
    """Whether a part of a user's message is an attached file."""
    return bool(part.inline_data or part.file_data or (part.text and _HEAD.match(part.text)))


def names_of(parts: Sequence[types.Part]) -> str:
    """Return the names of attached files, joined by commas."""
    names = []
    for part in parts:
        head = _HEAD.match(part.text or "")
        name = head[1] if head else part.inline_data and part.inline_data.display_name
        names.append(name or "file")
    return ", ".join(names)


def _part(file: Attachment) -> types.Part:
    name = joined(" ".join(file.name.split())) or "file"
    if not file.data:
        raise AttachmentRefusedError(f"{name} is empty. Remove it, or attach another file.")
    if file.kind == "text":
        return types.Part(text=f"[Attached file: {name}]\n{_text(name, file.data)}")
    if file.kind == "image" and file.mime_type not in IMAGES:
        raise AttachmentRefusedError(
            f"{name} is an image of the kind {file.mime_type}, which models do not read. Send it as PNG or JPEG."
        )
    mime_type = PDF if file.kind == "pdf" else file.mime_type
    return types.Part(inline_data=types.Blob(data=file.data, mime_type=mime_type, display_name=name))


def _text(name: str, data: bytes) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = joined(data.decode(encoding, "surrogatepass"))
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise AttachmentRefusedError(
            f"{name} is neither a text file (in UTF-8) nor an image nor a PDF, so it cannot be attached."
        )
    return text
