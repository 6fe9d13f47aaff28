"""Undoing a deletion."""

import pytest

from colloquy.runtime.application import install
from colloquy.ui.undo import grace
from tests.support.applications import open_application


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "This cannot be undone."),
        (30, "You can undo this for 30 seconds."),
        (60, "You can undo this for 1 minute."),
        (600, "You can undo this for 10 minutes."),
    ],
)
def test_how_long_undo_is_offered(tmp_path, seconds, said):
    application = open_application(tmp_path, undo_seconds=seconds)
    install(application)
    try:
        assert grace() == said
    finally:
        install(None)
        application.close()
