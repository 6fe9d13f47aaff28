"""How user text and sources are shown on the page."""

import html
import re

import pytest
from streamlit.testing.v1 import AppTest

TYPED = [
    "two\nlines\n\n  and blanks  ",
    r"C:\new\table, \(x\) and 2*3*4",
    "__init__ is **not** bold",
    '<b>bold</b> & "quoted" &lt;',
    "# no heading\n- no list",
    ":red[no color] :material/check: $x$",
    "שלום עולם",
]


def page(text):
    """A page that shows a user's text."""
    from colloquy.ui.chat.parts import typed

    typed(text, "here")


def shown(text):
    tab = AppTest.from_function(page, args=(text,)).run(timeout=30)
    assert not tab.exception
    return [one.proto.body for one in tab.get("html")], [(block.language, block.value) for block in tab.code]


@pytest.mark.parametrize("text", TYPED)
def test_user_text_is_shown_literally(text):
    [[body], code] = shown(text)
    assert html.unescape(re.sub(r"<[^>]*>", "", body)) == text
    assert 'dir="auto"' in body
    assert not code


def test_fenced_code_is_code_and_everything_else_unchanged():
    bodies, code = shown("see *this*\n```py\nx = 1 * 2 * 3\n```\nthen")
    assert [re.sub(r"<[^>]*>", "", body) for body in bodies] == ["see *this*", "then"]
    assert code == [("py", "x = 1 * 2 * 3")]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://a.example/b_c_(d)?x=1&y=2.", ["https://a.example/b_c_(d)?x=1&amp;y=2"]),
        ("(https://a.example)", ["https://a.example"]),
        ("javascript:alert(1) file:///etc/passwd", []),
        ('https://"onmouseover="x', []),
    ],
)
def test_web_addresses_become_links(text, links):
    [[body], _] = shown(text)
    assert re.findall(r'<a href="([^"]*)" target="_blank">', body) == links
    assert html.unescape(re.sub(r"<[^>]*>", "", body)) == text
