"""A long text is shown completely if a search matches it beyond its beginning."""

import pytest
from streamlit.testing.v1 import AppTest

LINES = [f"line {number}" for number in range(2_000)]


def page(text, words):
    import streamlit as st

    from colloquy.ui import long_texts

    with long_texts.seeking(words, st.session_state.get("number", 1)):
        long_texts.code(text, None, "found")
    long_texts.code(text, None, "other")


@pytest.mark.parametrize(
    ("words", "is_open"),
    [(("LINE 1999",), True), (("line 1",), False), (("nowhere",), False), ((), False), (("line", "1500"), True)],
)
def test_a_long_text_is_expanded_if_its_rest_contains_the_search(words, is_open):
    tab = AppTest.from_function(page, args=("\n".join(LINES), words)).run(timeout=30)
    assert not tab.exception
    assert ["line 1999" in code.value for code in tab.code] == [is_open, False]


def test_an_expanded_text_can_be_collapsed_until_the_next_search():
    text = "\n".join(LINES)
    tab = AppTest.from_function(page, args=(text, ("line 1999",))).run(timeout=30)
    tab.button(key="long-found").click().run()
    assert "line 1999" not in tab.code[0].value
    tab.session_state["number"] = 2
    tab.run()
    assert "line 1999" in tab.code[0].value
