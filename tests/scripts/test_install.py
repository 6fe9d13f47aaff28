"""What `python3 scripts/install.py` promises, with real pips and a package index of this test's own.

That the pinned wheels themselves can be installed is shown by every installation; here most have nothing in them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distributions
from pathlib import Path

import pytest

from scripts.audit import requirements
from scripts.install import NEWEST, OLDEST

ROOT = Path(__file__).resolve().parents[2]
PINS = set(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE))
STORE = ROOT / "session_store" / "requirements.txt"
OLDEST_PIP = "pip==22.3"
"""What Python 3.11.0 brings."""

NOWHERE = "http://127.0.0.1:9/simple/"

needs_posix = pytest.mark.skipif(os.name == "nt", reason="makes shell scripts that play a Python")


def pip(*arguments: str | Path, **variables: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    subprocess.run(command, check=True, env=os.environ | variables)


@pytest.fixture(scope="module")
def pins(tmp_path_factory) -> Path:
    """For each pin a wheel that has its metadata and nothing else, and two versions of pip."""
    folder = tmp_path_factory.mktemp("pins")
    for pin in distributions():
        name, version = normalized(pin.name), pin.version
        if (name, version) in PINS:
            write_wheel(folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl", pin.read_text("METADATA"))
    pip("download", "--no-deps", "--only-binary", ":all:", "-d", folder, OLDEST_PIP)
    pip("download", "--no-deps", "--only-binary", ":all:", "-d", folder / "newest", "pip")
    return folder


@pytest.fixture(scope="module")
def store_wheels(tmp_path_factory) -> Path:
    """What the store is installed with, in full."""
    folder = tmp_path_factory.mktemp("store")
    pip("download", "--no-deps", "--only-binary", ":all:", "-d", folder, "-r", STORE)
    return folder


@contextmanager
def index_of(wheels: Path) -> Iterator[str]:
    """The URL of an index on which there is a newer version of every package. None of these can be downloaded."""

    class Index(BaseHTTPRequestHandler):
        def log_message(self, *arguments): ...

        def do_GET(self):
            place, _, name = self.path.strip("/").partition("/")
            if place == "simple":
                own = [wheel.name for wheel in wheels.glob("*.whl") if package(wheel.name) == name]
                files = [*own, f"{name.replace('-', '_')}-9999.0-py3-none-any.whl"]
                body = "".join(f'<a href="/wheels/{file}">{file}</a>' for file in files).encode()
                self.answer(body, "text/html")
            elif (wheel := wheels / name).is_file():
                self.answer(wheel.read_bytes(), "application/zip")
            else:
                self.send_error(404)

        def answer(self, body: bytes, kind: str):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/simple/"
    server.shutdown()
    server.server_close()


def hash_wheels(checkout: Path, wheels: Path) -> None:
    """The checkout pins the hashes of these wheels."""
    hashes = {package(wheel.name): hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels.glob("*.whl")}
    pinned = []
    for line in requirements((checkout / "requirements.txt").read_text("utf-8")):
        name = line.partition("==")[0]
        pinned.append(f"{line.partition(' --hash')[0]} --hash=sha256:{hashes[name]}" if name in hashes else line)
    (checkout / "requirements.txt").write_text("\n".join(pinned))


def package(wheel: str) -> str:
    return normalized(wheel.partition("-")[0])


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture
def checkout(tmp_path) -> Path:
    """What the installation needs of a clone."""
    for file in ("scripts/install.py", "requirements.txt"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def environment(home: Path, index: str) -> dict[str, str]:
    """The variables of somebody who has configured nothing but a package index."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    own = {"HOME": str(home), "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index, "PIP_RETRIES": "0"}
    return kept | own | {"PIP_NO_COMPILE": "1", "PIP_NO_CACHE_DIR": "1"}


def install(checkout: Path, index: str = NOWHERE, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/install.py"],
        cwd=checkout,
        env=environment(checkout, index) | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def python_of(checkout: Path) -> Path:
    return checkout / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """An environment with pip alone, to be copied: making one takes seconds."""
    folder = tmp_path_factory.mktemp("fresh") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


def make_environment(fresh: Path, checkout: Path, *packages: str | Path) -> Path:
    shutil.copytree(fresh, checkout / ".venv", symlinks=True)
    python = python_of(checkout)
    if packages:
        command = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", *packages]
        subprocess.run(command, check=True)
    return python


@pytest.mark.slow
@pytest.mark.parametrize("age", ["oldest", "newest"])
def test_exactly_the_pins_are_installed_although_everything_has_a_newer_version(checkout, pins, fresh, age):
    folder = pins if age == "oldest" else pins / "newest"
    python = make_environment(fresh, checkout, next(folder.glob("pip-*.whl")))
    hash_wheels(checkout, pins)

    with index_of(pins) as index:
        done = install(checkout, index)

    assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True, check=True
    ).stdout
    installed = {(normalized(name), version) for name, version in re.findall(r"^(\S+)==(\S+)", listed, re.MULTILINE)}
    own = {(name, version) for name, version in installed if name not in {"pip", "setuptools"}}
    assert {"streamlit", "google-adk", "duckdb", "pandas"} <= {name for name, _ in own}
    assert own <= PINS


@pytest.mark.slow
def test_the_store_is_installed_into_another_project_by_the_lines_of_its_page(tmp_path, store_wheels, fresh):
    shutil.copytree(ROOT / "session_store", tmp_path / "session_store")
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tmp_path / file)
    python = make_environment(fresh, tmp_path)
    page = (ROOT / "docs" / "adk_session_service.md").read_text("utf-8")
    lines = page.partition("```bash\n")[2].partition("```")[0].replace("python -m", f"'{python}' -m")
    use = "from session_store import DuckDBSessionService; DuckDBSessionService('chats.duckdb')"

    with index_of(store_wheels) as index:
        done = subprocess.run(
            ["sh", "-e", "-c", lines],
            cwd=tmp_path,
            env=environment(tmp_path, index),
            capture_output=True,
            text=True,
            check=False,
        )
    used = subprocess.run([python, "-c", use], cwd=tmp_path / ".venv", capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "No broken requirements found" in done.stdout
    assert used.returncode == 0, used.stderr


def test_a_machine_without_a_network_is_told_so_and_keeps_its_environment(checkout, fresh):
    make_environment(fresh, checkout)
    (checkout / ".venv" / "kept").touch()

    done = install(checkout)

    assert done.returncode == 1
    assert "check the network" in done.stderr
    assert "Traceback" not in done.stderr
    assert (checkout / ".venv" / "kept").exists()


def test_leftovers_that_do_not_fit_have_the_environment_made_again(checkout, fresh):
    (checkout / "requirements.txt").write_text("")
    leftover = checkout / "leftover-1.0-py3-none-any.whl"
    write_wheel(leftover, "Metadata-Version: 2.1\nName: leftover\nVersion: 1.0\nRequires-Dist: packaging>=9999\n")
    make_environment(fresh, checkout, leftover)

    done = install(checkout)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "leftover 1.0 requires packaging, which is not installed" in done.stdout
    assert not list((checkout / ".venv").rglob("leftover*"))


def write_wheel(path: Path, metadata: str) -> None:
    name, version = path.name.split("-")[:2]
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@needs_posix
@pytest.mark.parametrize("version", [(3, 10), (3, NEWEST[1] + 1)])
def test_a_python_that_does_not_fit_is_told_which_do(checkout, version):
    done = install(checkout, PYTHON=str(playing(checkout, version)))

    assert done.returncode == 1
    assert f"needs Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}" in done.stderr
    assert not (checkout / ".venv").exists()


@needs_posix
def test_a_python_that_cannot_make_environments_is_told_what_to_install(checkout):
    python = checkout / "python3"
    python.write_text('#!/bin/sh\n[ "$2" = venv ] && exit 1\nexit 0\n')
    python.chmod(0o755)

    done = install(checkout, PYTHON=str(python))

    assert done.returncode == 1
    assert "sudo apt install python3-venv" in done.stderr


@needs_posix
def test_an_environment_of_another_python_is_made_again(checkout):
    (checkout / "requirements.txt").write_text("")
    (checkout / ".venv" / "bin").mkdir(parents=True)
    playing(checkout, (3, 10)).rename(checkout / ".venv" / "bin" / "python")

    assert install(checkout).returncode == 0
    version = subprocess.run([python_of(checkout), "-V"], capture_output=True, text=True, check=True).stdout
    assert version == f"Python {sys.version.split()[0]}\n"


def playing(folder: Path, version: tuple[int, int]) -> Path:
    """A command that takes itself for a Python of this version."""
    command = folder / "another-python"
    script = (
        f'#!/bin/sh\nexec "{sys.executable}" -c "import sys; sys.version_info = {version}; exec(sys.argv[2])" "$@"\n'
    )
    command.write_text(script)
    command.chmod(0o755)
    return command
