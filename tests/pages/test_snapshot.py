"""Downloading the whole history from a page."""

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from tests.support.applications import finish, new_session


def _script():
    from colloquy.ui.data.snapshot import snapshots

    snapshots()


@pytest.fixture
def dialog(application):
    finish(application, application.turns.submit(new_session(application), "hello"))
    page = AppTest.from_function(_script, default_timeout=30).run()
    assert not page.exception
    return page


def test_a_snapshot_is_created_offered_for_download_and_deleted(dialog, application):
    dialog.button(key="make-snapshot").click().run()
    assert "1 chat (2 messages)" in dialog.success[0].value
    [path] = (application.settings.data_dir / "snapshots").iterdir()
    assert any(path.name in element.proto.body for element in dialog.get("html"))
    with duckdb.connect(str(path), read_only=True) as copy:
        assert copy.execute("select count(*) from history.messages").fetchone() == (2,)

    dialog.button(key=f"delete-{path.name}").click().run()
    assert not path.exists()
    assert not dialog.exception


def test_a_failed_snapshot_is_explained(dialog, application):
    (application.settings.data_dir / "snapshots").write_text("a file in its place")
    dialog.button(key="make-snapshot").click().run()
    assert "cannot be written" in dialog.error[0].value
