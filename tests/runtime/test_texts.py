import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.texts import TITLE_LENGTH, first_words


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Hello", "Hello"),
        ("  two\n lines ", "two lines"),
        ("one two three four five six seven eight nine, ten eleven", "one two three four five six seven eight nine…"),
        ("x" * 100, "x" * TITLE_LENGTH + "…"),
    ],
)
def test_a_title_is_the_beginning_of_the_message(message, title):
    assert first_words(message) == title


@given(st.text())
def test_a_title_is_one_short_line(message):
    title = first_words(message)
    assert len(title) <= TITLE_LENGTH + 1
    assert len(title.splitlines()) <= 1
