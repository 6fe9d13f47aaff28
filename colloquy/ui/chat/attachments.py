"""Draws the files of a message: pictures as thumbnails, other files by name."""

from __future__ import annotations

import io
from collections.abc import Sequence

import streamlit as st
from PIL import Image, ImageOps

from colloquy.ui.formatting import label
from session_store.phrases import size_text
from session_store.transcripts.parts import FilePart

THUMBNAIL = (320, 240)
"""Maximum size of a thumbnail in pixels; it is shown at half that size, so it is sharp on high-density screens."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
"""The formats to draw. For others Pillow would run external programs, and browsers cannot show them."""
MOST_PIXELS = 40_000_000
"""Maximum number of pixels to decode, at four bytes each. For a JPEG this counts the pixels at its reduced decoding
scale, which is at least 1:8."""


def attachments(files: Sequence[FilePart]) -> None:
    """Draws the files of a message: a row of thumbnails, then a line with the names of the other files."""
    thumbnails = {number: made for number, file in enumerate(files) if (made := _thumbnail_of(file))}
    if thumbnails:
        with st.container(horizontal=True, gap="small"):
            for number, thumbnail in thumbnails.items():
                st.image(thumbnail[0], width=thumbnail[1], alt=files[number].name)
    if chips := [_chip(file) for number, file in enumerate(files) if number not in thumbnails]:
        st.caption(" ".join(chips))


def _chip(file: FilePart) -> str:
    size = f" · {size_text(len(file.data))}" if file.data is not None else ""
    return f":gray-badge[:material/description: {label(file.name)}{size}]"


def _thumbnail_of(file: FilePart) -> tuple[bytes, int] | None:
    return _thumbnail(file.data) if file.data and file.mime_type.startswith("image/") else None


# Not ``lru_cache``, which would keep the full pictures as its keys.
@st.cache_data(max_entries=256, show_spinner=False)
def _thumbnail(data: bytes) -> tuple[bytes, int] | None:
    """Returns a small PNG of a picture and the width to show it with; None if it cannot be read as a picture or would
    take too much memory."""
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
