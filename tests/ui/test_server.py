"""What serving the pages does to the process."""

import sys

import pytest
from streamlit.testing.v1 import AppTest

from ui.server import keep_import_path_still

pytestmark = pytest.mark.upstream


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", sys.path.copy())
    script = tmp_path / "script.py"
    script.write_text("import sys, streamlit as st\nst.session_state.path = list(sys.path)\n", encoding="utf-8")
    return script


def test_a_run_of_a_page_leaves_the_import_path_alone(script):
    """A path that gets shorter makes an import in the thread of a turn miss a module that is there."""
    keep_import_path_still(script)
    before = sys.path.copy()
    page = AppTest.from_file(str(script)).run()
    assert page.session_state.path == before
    assert sys.path == before
