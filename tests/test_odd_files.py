"""Special and broken files in users' folders: every piece of code that reads from such a folder reads within limits,
never waits, explains what is wrong, and is listed here."""

from __future__ import annotations

import ast
import os
import re
import struct
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from colloquy.agents.data.connection import Connection
from colloquy.agents.data.engines.duckdb_engine import DuckDbEngine, FolderEngine
from colloquy.agents.data.engines.sqlite_engine import SqliteEngine
from colloquy.agents.data.guard.bounds import EngineError
from colloquy.agents.models.failures import ModelError
from colloquy.agents.models.local.gguf import trained_context, why_not_gguf
from colloquy.agents.persona import MOST_PERSONAS, PersonaFolder, Source, read_persona
from colloquy.runtime.transcripts import files as transcript_files
from colloquy.runtime.workspaces.passwords import Secrets
from colloquy.settings import load_settings
from session_store import Store
from session_store.errors import ColloquyError
from session_store.exchange import documents, json_lines
from session_store.exchange.adk.sqlite import AdkSqlite
from session_store.exchange.adk.urls import database_at
from session_store.exchange.agent_files import AgentFiles
from session_store.exchange.archive import Archive
from session_store.exchange.command import main as command
from session_store.exchange.conversation import Owner
from session_store.exchange.errors import ImportRefusedError
from session_store.exchange.exports.backup import backup
from session_store.exchange.imports.sources import opened
from session_store.exchange.notes import Notes
from session_store.files import BadFileError, require_regular
from session_store.folders import session_folder
from session_store.models import SessionKey
from session_store.prices import price_list
from tests.support.bad_files import BAD_FILES, NO_FILES

ROOT = Path(__file__).resolve().parent.parent
BIG = 2**31
SETUP = {"memory_mib": 64, "threads": 1}
OPENING = {
    *("open", "read_text", "read_bytes", "iterdir", "glob", "rglob", "scandir", "listdir", "walk", "copyfile"),
    *("copytree", "connect", "ZipFile", "dotenv_values", "load_dotenv", "memmap"),
}
IN_MEMORY = re.compile(r"':memory:'|pa\.BufferReader|io\.BytesIO|cast\('IO")
COMES_WITH_THE_APP = re.compile(r"\(?(?:\(_?[A-Z]+\b|_?[A-Z]+\b|\(?Path\(__file__\)|Path\(f'/proc/)")
WRITES = re.compile(r"\.open\('[wxa]")

ALLOWED = {
    "session_store/files.py": {"open", "os.open", "os.scandir", "folder.iterdir", "dotenv_values"},
    # Checked with require_regular, or opened with open_regular, just before.
    "colloquy/agents/data/engines/duckdb_engine.py": {"duckdb.connect", "gzip.open"},
    "colloquy/agents/data/engines/sqlite_engine.py": {"sqlite3.connect"},
    "session_store/exchange/adk/sqlite.py": {"sqlite3.connect"},
    "session_store/exchange/archive.py": {"zipfile.ZipFile", "self._zip.open"},
    "session_store/exchange/exports/backup.py": {"duckdb.connect", "shutil.copyfile", "path.open"},
    "session_store/engine/database.py": {"duckdb.connect"},
    "session_store/engine/write_ahead_log.py": {"log.open"},
    # Colloquy's own files in its data folder; only entries with the right name and type are opened.
    "colloquy/agents/data/shop/shop.py": {"duckdb.connect"},
    "colloquy/api/history/exports.py": {"zipfile.ZipFile"},
    "colloquy/runtime/sql_queries.py": {"self.path.read_bytes"},
    "colloquy/runtime/artifacts.py": {"shutil.copytree"},
    "colloquy/runtime/workspaces/passwords.py": {"os.open"},
    "colloquy/runtime/transcripts/files.py": {"path.open", "folder.glob"},
    "colloquy/agents/data/own_files.py": {"os.scandir"},
    "session_store/snapshots/current_copy.py": {"os.open"},
    "colloquy/demo/filling.py": {"duckdb.connect"},
    "session_store/exchange/agent_files.py": {"folder.rglob", "shared.rglob"},
    "session_store/folders.py": {"root.glob", "os.walk"},
    "session_store/snapshots/snapshot.py": {"duckdb.connect"},
    "session_store/snapshots/folder.py": {"self.path.glob"},
    "session_store/snapshots/worker.py": {
        *("shutil.copyfile", "duckdb.connect", "zipfile.ZipFile", "path.open", "log.open")
    },
    "colloquy/ui/served/document.py": {"path.read_bytes"},
    "colloquy/agents/fetch.py": {"folder.glob", "zipfile.ZipFile"},
    # Beside the module that asks: comes with the app.
    "colloquy/ui/components/__init__.py": {"(Path(module).parent / name).read_text"},
    # No files.
    "colloquy/agents/data/engines/postgres_engine.py": {"psycopg.connect"},
    "colloquy/agents/data/guard/growth.py": {"table.this.walk", "tree.walk"},
    "colloquy/agents/data/guard/guard.py": {"tree.walk"},
    "colloquy/agents/data/workers/pool.py": {"worker.open"},
    "colloquy/agents/models/pacing.py": {"self._llm.connect"},
    "colloquy/agents/models/provider.py": {"self.provider.open"},
    "session_store/exchange/adk/postgres.py": {"psycopg.connect"},
    "colloquy/ui/served/server.py": {"Application.open"},
}
"""The calls outside ``session_store/files.py`` that open a path, or that look like it."""


def opening_calls(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in OPENING:
            whole, function = ast.unparse(node), ast.unparse(node.func)
            if function in ("read_text", "read_bytes"):  # those of session_store/files.py have limits
                continue
            is_known = IN_MEMORY.search(whole) or COMES_WITH_THE_APP.match(whole) or WRITES.search(whole)
            found |= set() if is_known else {function}
    return found


def test_all_user_paths_are_opened_through_one_module():
    packages = ("colloquy", "pages", "session_store")
    modules = [*ROOT.glob("*.py"), *(path for package in packages for path in (ROOT / package).rglob("*.py"))]
    found = {path.relative_to(ROOT).as_posix(): calls for path in modules if (calls := opening_calls(path))}
    assert found == ALLOWED, "read what people may have put there with session_store/files.py"


@pytest.mark.parametrize("line", ["Path(name).read_text()", "open(name)", "sqlite3.connect(name)", "os.scandir(name)"])
def test_new_code_that_opens_a_path_is_found(tmp_path, line):
    module = tmp_path / "module.py"
    module.write_text(f"def read(name):\n    return {line}\n")
    assert opening_calls(module)


# ----------------------------------------------------------------------------------------------------------------------


def imported(path):
    with opened(path, Owner("assistant", "local"), lambda *_: None, lambda: None) as source:
        return list(source.conversations)


def of_store(path):
    with closing(Store(path)):
        pass


def of_model(path):
    assert why_not_gguf(path)
    trained_context(path)


def beside(main, read):
    """Reads ``main``, next to which the odd file is."""

    def read_main(odd):
        odd.with_name(main).touch()
        read(odd.with_name(main))

    return read_main


def connection(engine):
    return lambda path: engine({"address": str(path), **SETUP}).summary()


READERS = {
    "import": ("chats.json", imported),
    "import of an archive": ("chats.zip", Archive),
    "import of a database by its URL": ("chats.db", lambda path: database_at(f"sqlite:///{path}").__exit__()),
    "log of an imported database": ("chats.db-wal", beside("chats.db", AdkSqlite)),
    "import of JSON": ("chats.json", lambda path: documents.load(path, Notes())),
    "import of JSON Lines": ("chats.jsonl", lambda path: [*json_lines.conversations(path, print, Notes())]),
    "DuckDB connection": ("shop.duckdb", connection(DuckDbEngine)),
    "log of a DuckDB connection": ("shop.duckdb.wal", beside("shop.duckdb", connection(DuckDbEngine))),
    "SQLite connection": ("shop.db", connection(SqliteEngine)),
    "journal of a SQLite connection": ("shop.db-journal", beside("shop.db", connection(SqliteEngine))),
    "database": ("chats.duckdb", of_store),
    "log of the database": ("chats.duckdb.wal", beside("chats.duckdb", of_store)),
    "backup": ("chats.duckdb", lambda path: backup(path, path.with_name("copy"))),
    "model": ("model.gguf", of_model),
    "settings": (".env", lambda _: load_settings()),
    "persona": ("critic.md", read_persona),
    "prices": ("prices.json", lambda path: price_list(path.parent)),
    "passwords": ("secrets.json", lambda path: Secrets(path).get("workspace")),
}
"""The name of the odd file, and what reads it."""

BY_CONTENT = [reader for reader in READERS if not re.search("log|journal|database$|backup|Lines|command line", reader)]
"""Readers whose handling of invalid text and of files too large for memory is known."""


@contextmanager
def unprivileged_user():
    """A user other than root, who may read everything."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
class TestOddFiles:
    @pytest.fixture(autouse=True)
    def here(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

    @pytest.mark.parametrize("kind", NO_FILES)
    @pytest.mark.parametrize("reader", READERS)
    def test_special_files_are_refused_at_once_with_an_explanation(self, tmp_path, reader, kind):
        (make, told), (name, read) = BAD_FILES[kind], READERS[reader]
        make(tmp_path / name)
        with pytest.raises((ColloquyError, EngineError), match=f"{told}|not a regular file"):
            read(tmp_path / name)

    @pytest.mark.parametrize("reader", BY_CONTENT)
    @pytest.mark.parametrize("kind", ["five gigabytes", "UTF-16"])
    def test_a_file_of_the_wrong_kind_is_refused_with_an_explanation(self, tmp_path, reader, kind):
        name, read = READERS[reader]
        BAD_FILES[kind][0](tmp_path / name)
        with pytest.raises((ColloquyError, EngineError)):
            read(tmp_path / name)

    @pytest.mark.parametrize("reader", READERS)
    def test_an_unreadable_file_is_refused_with_an_explanation(self, reader, monkeypatch):
        name, read = READERS[reader]
        with tempfile.TemporaryDirectory() as place:
            folder, odd = Path(place), Path(place, name)
            odd.write_text("text")
            odd.chmod(0)
            folder.chmod(0o777)
            monkeypatch.chdir(folder)
            with unprivileged_user(), pytest.raises((ColloquyError, EngineError), match=r"may not read|ermission"):
                read(odd)
            monkeypatch.undo()

    def test_the_command_line_explains_refusals(self, tmp_path, capsys):
        BAD_FILES["pipe"][0](tmp_path / ".env")
        assert command(["export", "--format", "json"]) == 1
        assert ".env cannot be read: it is a named pipe" in capsys.readouterr().err
        BAD_FILES["device"][0](tmp_path / "chats.duckdb")
        assert command(["export", "--format", "json", "--database", "chats.duckdb"]) == 1
        assert "chats.duckdb cannot be used: it is a device" in capsys.readouterr().err
        assert command(["import", "--database", "new.duckdb", ".env"]) == 1
        assert ".env cannot be read: it is a named pipe" in capsys.readouterr().err

    def test_an_endless_line_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr(json_lines, "LARGEST_EVENT", 1_000_000)
        lines = tmp_path / "chats.jsonl"
        for head in (b'{"session_id"', '{"session_id"'.encode("utf-16")):
            lines.write_bytes(head)
            os.truncate(lines, BIG)
            with pytest.raises(ImportRefusedError, match="a line of more than 1 MB"):
                imported(lines)

    def test_an_endless_log_is_reported_and_left_unchanged(self, tmp_path):
        log = tmp_path / "session-20260101T000000Z.jsonl"
        log.touch()
        os.truncate(log, BIG)
        with pytest.raises(OSError, match="so it is no log"):
            transcript_files.repair(log)
        assert log.stat().st_size == BIG

    @pytest.mark.parametrize(
        "entry",
        [
            struct.pack("<Q", 2**63) + b"name",  # the length of a name
            struct.pack("<Q", 4) + b"name" + struct.pack("<IIQ", 9, 5, 2**62),  # the length of an array of numbers
            struct.pack("<Q", 4) + b"name" + struct.pack("<I", 9) + struct.pack("<IQ", 9, 2) * 100_000,
            struct.pack("<Q", 4) + b"name" + struct.pack("<IIQ", 9, 8, 2**40),  # the length of an array of words
            b"",  # the number of entries
        ],
    )
    def test_a_model_with_an_endless_header_is_damaged(self, tmp_path, entry):
        model = tmp_path / "model.gguf"
        model.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 9_999 if entry else 2**60) + entry)
        os.truncate(model, BIG)
        with pytest.raises(ModelError, match="damaged"):
            trained_context(model)

    def test_an_impossible_path_is_reported_as_missing(self, tmp_path):
        for name in ("nul\0", "half\ud83d", "x" * 300, "file/below"):
            (tmp_path / "file").touch()
            with pytest.raises((BadFileError, FileNotFoundError)):
                require_regular(tmp_path / name)
        assert Connection.of("sqlite", "~nobody-of-this-name/shop.db").shown_address.endswith("shop.db")

    def test_special_files_of_agents_are_left_out_of_archives(self, tmp_path):
        key = SessionKey("assistant", "local", "session")
        for name, make in (("good.txt", Path.touch), *((f"{kind}.txt", BAD_FILES[kind][0]) for kind in NO_FILES)):
            place = session_folder(tmp_path, key) / "artifacts" / name / "versions" / "0"
            place.mkdir(parents=True)
            make(place / name)
        assert [file.path for file in AgentFiles(tmp_path).of(key, [])] == ["good.txt/versions/0/good.txt"]

    def test_a_folder_with_too_many_entries_is_read_in_part_with_a_notice(self, tmp_path):
        for number in range(2_500):
            os.close(os.open(f"{number}.md", os.O_CREAT))
        agents = PersonaFolder(tmp_path, Source.YOURS).agents()
        assert len(agents) == MOST_PERSONAS + 1
        assert "more than" in agents[-1].problem
        Path("orders.csv").write_text("id\n1\n")
        assert "1 table " in FolderEngine({"address": str(tmp_path), **SETUP}).summary()

    @pytest.mark.parametrize("kind", ["pipe", "links in a circle", "device"])
    def test_a_path_that_is_not_a_folder_is_reported(self, tmp_path, kind):
        make, _ = BAD_FILES[kind]
        make(tmp_path / "personas")
        [told] = PersonaFolder(tmp_path / "personas", Source.YOURS).agents()
        assert "cannot be read: it is" in told.problem
        with pytest.raises(EngineError, match="it is"):
            FolderEngine({"address": str(tmp_path / "personas"), **SETUP}).summary()
