"""The command line, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from session_store import Store
from session_store.exchange import command
from session_store.exchange.command import main
from tests.session_store.exchange.foreign_chats import answered, asked, webui_chat
from tests.session_store.exchange.histories import KEY, contents, fill

ROOT = Path(__file__).resolve().parents[3]
HOLD = (
    "import sys; from session_store import Store; s = Store(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
)
KILL = """
import os, sys
from pathlib import Path
from session_store import Store
from session_store.exchange import import_file
from session_store.exchange.imports import writer
writer.EVENTS_AT_ONCE = 40
def progress(doing, done, total):
    if doing.startswith("Importing") and done >= 6:
        os._exit(9)
import_file(Store(sys.argv[1]), Path(sys.argv[2]), progress=progress)
"""


def run(*arguments, folder):
    return subprocess.run(
        [sys.executable, "-m", "session_store", *map(str, arguments)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "SYSTEMROOT": "C:\\Windows"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def run_here(monkeypatch, capfd):
    """Runs it in this process, which has imported what a new one would import first, for more than a second."""
    monkeypatch.delenv("COLLOQUY_DATA_DIR", raising=False)

    def run_in(folder, *arguments):
        monkeypatch.chdir(folder)
        return subprocess.CompletedProcess(arguments, main([*map(str, arguments)]), *capfd.readouterr())

    return run_in


@pytest.fixture
def data(tmp_path):
    """A folder that contains Colloquy's data folder."""
    store = Store(tmp_path / "data" / "colloquy.duckdb")
    fill(store)
    store.close()
    return tmp_path


def test_everything_can_be_moved_to_another_machine(data):
    first = run("export", "-o", "all.zip", folder=data)
    second = run("import", "--data", "elsewhere", "all.zip", folder=data)
    again = run("import", "--data", "elsewhere", "all.zip", folder=data)

    assert (first.returncode, second.returncode, again.returncode) == (0, 0, 0)
    assert "2 conversations written to all.zip" in first.stderr
    assert "Imported 2 chats (15 events)." in second.stderr
    assert "Nothing new was imported. Skipped 2." in again.stderr
    assert contents(data / "elsewhere/colloquy.duckdb")["events"] == contents(data / "data/colloquy.duckdb")["events"]


def test_the_report_names_what_could_not_be_imported_unchanged(data, run_here):
    (data / "chats.json").write_text(json.dumps([webui_chat(asked(), answered(followUps=["More?"])), 17]), "utf-8")

    done = run_here(data, "import", "chats.json")

    assert done.stderr.splitlines()[-4:] == [
        "chats.json (Open WebUI export): Imported 1 chat (2 events). Skipped 1.",
        "  Left out: `followUps` (1).",
        "  Skipped conversation 2: it has no messages.",
        "  The chats belong to local (1). Colloquy shows those of COLLOQUY_USER (local by default).",
    ]


def test_one_conversation_is_written_to_the_terminal(data):
    done = run("export", KEY.session_id, "--format", "json", folder=data)

    assert json.loads(done.stdout)["id"] == KEY.session_id


def test_a_backup_is_a_complete_store(data, run_here):
    done = run_here(data, "backup", "copy/backup.duckdb")
    refused = run_here(data, "backup", "copy/backup.duckdb")

    assert done.returncode == 0, done.stderr
    assert (refused.returncode, "exists already" in refused.stderr) == (1, True)
    assert contents(data / "copy/backup.duckdb") == contents(data / "data/colloquy.duckdb")


@pytest.mark.parametrize("command", [["export", "-o", "all.zip"], ["import", "x.json"], ["backup", "b.duckdb"]])
def test_the_command_names_the_process_that_has_the_database_open(data, command, run_here):
    (data / "x.json").write_text("{}", "utf-8")
    path = data / "data" / "colloquy.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "open\n"
        done = run_here(data, *command)
        holder.stdin.close()

    assert done.returncode == 3
    assert f"PID {holder.pid}" in done.stderr or sys.platform == "win32"
    assert "stop it" in done.stderr
    assert not (data / "all.zip").exists()
    assert not (data / "b.duckdb").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "nowhere", "-o", "x.md"], "no conversation with the id nowhere"),
        (["export", "-o", "x.bin"], "Say with --format"),
        (["export", "--data", "empty", "-o", "x.zip"], "There is no database"),
        (["import", "missing.zip"], "There is no file missing.zip"),
        (["import", "--workspace", "Mars", "data/colloquy.duckdb"], "There is no workspace 'Mars'. There are: Empty"),
        (["backup", "--data", "empty", "x.duckdb"], "There is no database"),
        (["backup", "data/colloquy.duckdb", "--overwrite"], "is the database itself"),
    ],
)
def test_mistakes_are_explained_and_have_an_exit_code(data, arguments, words, run_here):
    done = run_here(data, *arguments)

    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import"], "Missing argument 'FILE"),
        (["export", "--format", "pdf"], "'pdf' is not one of 'markdown'"),
        (["export", "--data", "data", "--database", "data/colloquy.duckdb", "-o", "x.zip"], "either --data or --data"),
        (["expo"], "Did you mean 'export'?"),
    ],
)
def test_invalid_arguments_are_named_and_nothing_is_done(tmp_path, arguments, words, run_here):
    done = run_here(tmp_path, *arguments)

    assert done.returncode == 2
    assert words in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_interrupted_import_says_what_it_leaves(tmp_path, monkeypatch, run_here):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    (tmp_path / "chats.json").write_text("[]")
    monkeypatch.setattr(command, "import_file", interrupted)
    done = run_here(tmp_path, "import", "chats.json")

    assert done.returncode == 130
    assert "The chats imported so far are complete" in done.stderr


@pytest.mark.parametrize("command", [[], ["import"], ["export"], ["backup"]])
def test_help_explains_the_command(command, tmp_path, run_here):
    done = run_here(tmp_path, *command, "--help")

    assert done.returncode == 0
    assert "Exit codes:" in " ".join(done.stdout.split())


def test_after_a_crash_each_conversation_is_complete_or_absent(tmp_path, run_here):
    event = {"author": "user", "content": {"role": "user", "parts": [{"text": "Hi"}]}}
    sessions = [
        {
            "id": f"s-{number}",
            "appName": "a",
            "userId": "local",
            "lastUpdateTime": 1.0,
            "events": [
                {**event, "id": f"e-{place}", "timestamp": 1.0 + place, "invocationId": f"t-{number}"}
                for place in range(20)
            ],
        }
        for number in range(20)
    ]
    file, path = tmp_path / "many.json", tmp_path / "data" / "colloquy.duckdb"
    file.write_text(json.dumps(sessions), "utf-8")

    killed = subprocess.run([sys.executable, "-c", KILL, str(path), str(file)], cwd=ROOT, check=False)
    after_crash = contents(path)
    rest = run_here(tmp_path, "import", file)
    complete = contents(path)

    assert killed.returncode == 9
    assert 6 <= len(after_crash["sessions"]) < 20
    assert len(after_crash["events"]) == 20 * len(after_crash["sessions"]) == 20 * len(after_crash["turns"])
    assert f"{20 - len(after_crash['sessions'])} chats" in rest.stderr
    assert (len(complete["sessions"]), len(complete["events"])) == (20, 400)
