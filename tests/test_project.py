"""What the repository promises to everyone who clones it."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from streamlit import config

from colloquy.ui.data.import_section import MOST_MB
from scripts.audit import REQUIREMENTS, unpinned

ROOT = Path(__file__).resolve().parent.parent
OWN_PACKAGES = {"app", "session_store", "colloquy", "pages"}


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_has_one_version_and_its_hashes(path):
    assert unpinned(path.read_text("utf-8")) == []


@pytest.mark.parametrize("line", ["httpx", "httpx>=0.28", "httpx==0.28.1", "httpx==0.*", "git+https://example.org/x"])
def test_a_requirement_that_is_not_pinned_is_found(line):
    assert unpinned(line) == [line]


def test_all_requirements_files_agree_on_the_versions_they_share():
    wanted: dict[str, set[frozenset[str]]] = {}
    for path in REQUIREMENTS:
        pins = re.findall(r"^([a-z0-9.-]+)==(\S+)", path.read_text("utf-8"), re.MULTILINE)
        for name in dict(pins):
            wanted.setdefault(name, set()).add(frozenset(version for pinned, version in pins if pinned == name))

    assert {name: versions for name, versions in wanted.items() if len(versions) > 1} == {}


@pytest.mark.parametrize(
    "source",
    [
        "requirements.in",
        "requirements-dev.in",
        "requirements-litellm.in",
        "session_store/requirements.in",
        "session_store/requirements-build.in",
    ],
)
def test_every_direct_requirement_is_among_the_pins(source):
    wanted = re.findall(r"^([A-Za-z][\w-]*)", (ROOT / source).read_text("utf-8"), re.MULTILINE)
    pinned = "\n".join(path.read_text("utf-8") for path in REQUIREMENTS)

    assert [name for name in wanted if not re.search(rf"^{name.lower()}==", pinned, re.MULTILINE)] == []


def test_no_requirement_file_names_an_index_or_a_path_of_a_machine():
    for path in [*REQUIREMENTS, ROOT / "requirements.in", ROOT / "requirements-dev.in"]:
        assert not re.search(r"://|--(extra-)?index-url|--find-links|\s/\w", path.read_text("utf-8")), path.name


def test_the_default_start_serves_on_loopback_without_telemetry():
    settings = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))

    assert settings["server"]["address"] == "127.0.0.1"
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorDetails"] == "none"


def test_every_configured_streamlit_option_exists():
    settings = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))

    assert [key for key in _keys(settings) if key not in config._config_options_template] == []


def test_the_server_accepts_files_as_large_as_the_import_page_states():
    settings = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))

    assert settings["server"]["maxUploadSize"] >= MOST_MB


def test_the_theme_loads_nothing_from_other_origins():
    assert "://" not in (ROOT / ".streamlit/config.toml").read_text("utf-8")


def test_settings_depend_only_on_the_store():
    assert _own_imports(ROOT / "colloquy/settings.py") <= {"session_store"}


def test_private_parts_of_libraries_are_imported_only_in_compat():
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for package in OWN_PACKAGES - {"app"}
        for path in (ROOT / package).rglob("*.py")
        if "compat" not in path.parts
        for name in _private_imports(path)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["from streamlit.web.server import x", "from a._b import c", "from pandas import _x"])
def test_an_import_of_a_private_part_is_found(tmp_path, line):
    module = tmp_path / "module.py"
    module.write_text(line)
    assert _private_imports(module)


@pytest.mark.parametrize("target", ["run", "test", "lint", "audit", "bench", "clean"])
@pytest.mark.skipif(os.name == "nt", reason="make is a POSIX tool")
def test_make_help_lists_every_target(target):
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert re.search(rf"^make {target} ", shown, re.MULTILINE)


@pytest.mark.skipif(os.name == "nt", reason="make is a POSIX tool")
def test_the_port_comes_from_the_environment_or_the_command_line():
    environment = {**os.environ, "PORT": "9000"}
    command = ["make", "--dry-run", "run"]

    by_environment = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    by_argument = subprocess.run([*command, "PORT=9001"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert '--server.port "9000"' in by_environment.stdout
    assert '--server.port "9001"' in by_argument.stdout


def test_children_of_tests_can_be_interrupted():
    child = [sys.executable, "-c", "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"]

    assert subprocess.run(child, capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_children_can_be_interrupted_even_if_the_tests_run_in_the_background():
    one = f"{__file__}::{test_children_of_tests_can_be_interrupted.__name__}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", one]

    in_background = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, preexec_fn=ignore_signals, check=False
    )

    assert "1 passed" in in_background.stdout, in_background.stdout


def ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


def _keys(table: dict, prefix: str = "") -> list[str]:
    keys = []
    for name, value in table.items():
        keys += _keys(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]
    return keys


def _own_imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names & OWN_PACKAGES


def _private_imports(path: Path) -> list[str]:
    """The imports of a module that its libraries do not publish."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module or node.module.startswith("__"):
            continue
        if node.module.split(".")[0] in OWN_PACKAGES:
            continue
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found += [name for name in names if "._" in name or name.startswith("streamlit.web.")]
    return found
