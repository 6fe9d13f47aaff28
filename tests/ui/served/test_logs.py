"""What is logged to the terminal."""

from __future__ import annotations

import io
import sys

from colloquy.ui.served.server import LONGEST_ERROR, short_traceback


def fail(message):
    raise LookupError(message)


def written_of(message):
    out = io.StringIO()
    try:
        try:
            fail(message)
        except LookupError as error:
            raise RuntimeError("told") from error
    except RuntimeError:
        short_traceback(out, sys.exc_info())
    return out.getvalue()


def test_a_traceback_is_logged_completely():
    lines = written_of("the archive is closed").strip().splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "LookupError: the archive is closed" in lines
    assert lines[-1] == "RuntimeError: told"


def test_an_error_that_contains_its_data_is_shortened_in_the_log():
    lines = written_of("x" * 5_000_000).strip().splitlines()
    assert sum(map(len, lines)) < LONGEST_ERROR + 2_000
    assert any(line.endswith(f"(the first {LONGEST_ERROR:,} of 5,000,013 characters)") for line in lines)
    assert lines[-1] == "RuntimeError: told"
