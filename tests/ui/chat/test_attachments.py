"""Pictures in messages: small ones are drawn, oversized ones are shown by name."""

import io
import struct

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from colloquy.ui.chat.attachments import MOST_PIXELS

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(form, width, height):
    written = io.BytesIO()
    Image.new("1", (width, height)).save(written, form)
    return written.getvalue()


def page(data, kind):
    from colloquy.ui.chat.attachments import attachments
    from session_store.transcripts.parts import FilePart

    attachments([FilePart("picture", kind, data)])


def shown(data, kind):
    tab = AppTest.from_function(page, args=(data, kind)).run(timeout=60)
    assert not tab.exception
    return [caption.value for caption in tab.caption]


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_picture_is_drawn(form):
    assert shown(picture(form, 640, 480), f"image/{form.lower()}") == []


HUGE = picture("PNG", 1, 1).replace(struct.pack(">LL", 1, 1), struct.pack(">LL", 30_000, 30_000), 1)
SIDE = int(MOST_PIXELS**0.5) + 1


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (picture("PNG", SIDE, SIDE), "image/png"),
        (picture("PNG", MOST_PIXELS // 100 + 1, 100), "image/png"),
        (picture("GIF", SIDE, SIDE), "image/gif"),
        (HUGE, "image/png"),
        (EPS, "image/eps"),
        (SVG, "image/svg+xml"),
    ],
    ids=["a large PNG", "a wide PNG", "a large GIF", "30,000 by 30,000", "EPS", "SVG"],
)
def test_oversized_or_scriptable_pictures_are_shown_by_name(data, kind):
    [name] = shown(data, kind)
    assert "picture" in name
