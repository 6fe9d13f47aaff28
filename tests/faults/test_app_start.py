"""A start that cannot succeed gives the reason and advice; one that can succeed works from any folder."""

import os
import shutil
import stat
import subprocess
import sys
from contextlib import closing

import pytest
from structlog.testing import capture_logs

from tests.support.applications import open_application
from tests.support.servers import APP, PATIENCE, ROOT, Server, environment, free_port, streamlit_command


def refused(data_dir, *, prefix=(), **settings):
    """The output of the app when it refuses to start."""
    ended = subprocess.run(
        [*prefix, *streamlit_command(APP, free_port())],
        cwd=ROOT,
        env=environment(data_dir, **settings),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    printed = ended.stdout + ended.stderr
    assert ended.returncode != 0, printed
    assert "Traceback" not in printed
    return printed


def test_a_wrong_setting_is_named_with_the_expected_values(tmp_path):
    printed = refused(tmp_path / "data", max_turns="many", threads=-1)
    assert "COLLOQUY_MAX_TURNS='many'" in printed
    assert "COLLOQUY_THREADS='-1'" in printed
    assert not (tmp_path / "data").exists()


def test_a_data_folder_in_use_is_refused_naming_the_process(tmp_path):
    with closing(open_application(tmp_path / "data")):
        printed = refused(tmp_path / "data")
    assert "is in use by" in printed
    if sys.platform != "win32":  # which does not name the process
        assert f"PID {os.getpid()}" in printed


def bound_by_permissions():
    """A prefix for commands that makes permissions apply even to root."""
    if sys.platform == "win32":
        pytest.skip("folders of Windows have no such permissions")
    if os.geteuid() != 0:
        return []
    if not (setpriv := shutil.which("setpriv")):
        pytest.skip("permissions do not bind root")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search"]


def test_a_read_only_data_folder_is_refused_with_advice(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert "Give this user write permission" in refused(folder, prefix=bound_by_permissions())


def test_a_file_in_place_of_the_data_folder_is_refused_with_advice(tmp_path):
    (tmp_path / "data").write_text("not a folder")
    assert "is a file" in refused(tmp_path / "data")


def test_a_damaged_database_is_refused_and_left_unchanged(tmp_path):
    (tmp_path / "data").mkdir()
    database = tmp_path / "data" / "colloquy.duckdb"
    database.write_bytes(b"no database" * 1000)
    assert "cannot be read as a DuckDB database" in refused(tmp_path / "data")
    assert database.read_bytes() == b"no database" * 1000


def test_the_app_starts_from_any_working_directory_and_stops_on_request(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    server = Server(tmp_path / "data", script=APP, models_dir=tmp_path / "no-models").start(cwd=elsewhere)
    with closing(server):
        server.stop()
    assert "Traceback" not in server.output()
    with closing(open_application(tmp_path / "data")) as application:
        assert not application.store.sessions.list("local").items


@pytest.mark.skipif(sys.platform == "win32", reason="folders of Windows have no such permissions")
@pytest.mark.parametrize(
    ("holds", "mode", "becomes"),
    [
        (None, None, 0o700),
        ([], 0o755, 0o700),
        (["personas", "prices.json", "colloquy.duckdb.incomplete-1"], 0o775, 0o700),
        (["thesis.txt"], 0o755, 0o755),
        (["personas", "thesis.txt"], 0o777, 0o777),
    ],
)
def test_the_data_folder_is_private_unless_it_contains_other_files(tmp_path, holds, mode, becomes):
    folder = tmp_path / "data"
    if holds is not None:
        folder.mkdir()
        for name in holds:
            (folder / name).mkdir()
        folder.chmod(mode)
    for _ in range(2):  # the second time, the database exists
        with capture_logs() as captured, closing(open_application(folder)):
            assert stat.S_IMODE(folder.stat().st_mode) == becomes
        assert any("chmod 700" in entry["event"] for entry in captured) is (becomes & 0o077 != 0)
