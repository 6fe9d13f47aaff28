"""Files in messages: pictures small, everything else by name."""

from __future__ import annotations

import io
from collections.abc import Sequence

import streamlit as st
from PIL import Image, ImageOps

from colloquy.ui.formatting import label
from colloquy.ui.results.cards import size_of
from session_store.transcripts.parts import FilePart

THUMBNAIL = (320, 240)
"""Pixels of a picture on the page, at most; it is shown at half of that, sharp on dense screens."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
"""What is drawn: for others Pillow would run programs, and no browser shows them."""
MOST_PIXELS = 40_000_000
"""Of a picture that is decoded, four bytes for each. Of a JPEG, that is an eighth of its width at least."""


def attachments(files: Sequence[FilePart]) -> None:
    """The files of a message: thumbnails in a row, then a line with the names of the others."""
    thumbnails = {number: made for number, file in enumerate(files) if (made := _thumbnail_of(file))}
    if thumbnails:
        with st.container(horizontal=True, gap="small"):
            for number, thumbnail in thumbnails.items():
                st.image(thumbnail[0], width=thumbnail[1], alt=files[number].name)
    if chips := [_chip(file) for number, file in enumerate(files) if number not in thumbnails]:
        st.caption(" ".join(chips))


def _chip(file: FilePart) -> str:
    size = f" · {size_of(len(file.data))}" if file.data is not None else ""
    return f":gray-badge[:material/description: {label(file.name)}{size}]"


def _thumbnail_of(file: FilePart) -> tuple[bytes, int] | None:
    return _thumbnail(file.data) if file.data and file.mime_type.startswith("image/") else None


# Not ``lru_cache``, which would keep the whole pictures as its keys.
@st.cache_data(max_entries=256, show_spinner=False)
def _thumbnail(data: bytes) -> tuple[bytes, int] | None:
    """A small PNG of a picture and the width to show it with; None where it is no picture that can be read, or one
    that would take too much memory."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            picture.draft("RGB", THUMBNAIL)
            if picture.width * picture.height > MOST_PIXELS:
                return None
            small = ImageOps.exif_transpose(picture)
            small.thumbnail(THUMBNAIL)
            written = io.BytesIO()
            small.convert("RGBA").save(written, "PNG")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return written.getvalue(), max(1, small.width // 2)
