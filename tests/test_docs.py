"""Everything that the documentation names exists: pages, headings, pictures, files, commands and settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from colloquy.runtime.bus import EventKind
from colloquy.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")])
PAGES = sorted(path for path in ROOT.glob("docs/**/*") if path.suffix in {".md", ".ipynb"})
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
LINT = re.compile(r"^lint:.*\n((?:\t.*\n)+)", re.MULTILINE)
FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
OF_TESTS = {"REQUIRE_BROWSER", "REQUIRE_MODEL", "REQUIRE_POSTGRES"}

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def links(document):
    """The local links and pictures of a document: paths, with the heading after #."""
    text = FENCE.sub("", document.read_text("utf-8"))
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(document):
    """The headings of a document as GitHub names them in URLs."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_links_and_pictures_have_existing_targets(document):
    broken = []
    for link in links(document):
        path, _, heading = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (heading and heading not in anchors(target)):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_page_is_linked_from_the_index_of_its_folder_or_the_folder_above(page):
    start = page.parent / "README.md" if page.name != "README.md" else page.parent.parent / "README.md"

    assert page in [(start.parent / link.partition("#")[0]).resolve() for link in links(start)]


def test_every_picture_is_used():
    shown = {(document.parent / link).resolve() for document in DOCUMENTS for link in links(document)}

    assert set((ROOT / "docs/images").iterdir()) - shown == set()


@each_document
def test_make_commands_exist(document):
    named = re.findall(r"(?:`|^)(?:[A-Z]+=\S+ )?make ([a-z]+)", document.read_text("utf-8"), re.MULTILINE)

    assert set(named) - TARGETS == set()


@each_document
def test_modules_named_in_commands_exist(document):
    named = set(re.findall(r"python3? -m ((?:[a-z_]+\.)*[a-z_]+)", document.read_text("utf-8")))
    own = [name for name in named if (ROOT / name.split(".")[0]).is_dir()]
    places = {name: ROOT / Path(*name.split(".")) for name in own}

    assert [
        name
        for name, place in places.items()
        if not (place.with_suffix(".py").exists() or (place / "__main__.py").exists())
    ] == []


@each_document
def test_settings_exist(document):
    named = set(re.findall(rf"\b{PREFIX}([A-Z_]+)", document.read_text("utf-8")))

    assert named - {name.upper() for name in Settings.model_fields} - OF_TESTS == set()


@pytest.mark.parametrize(
    "document", [ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/adr/*.md")], ids=lambda path: path.name
)
def test_files_named_in_explanations_of_the_code_exist(document):
    named = re.findall(r"`([\w./-]+\.(?:py|md|in|toml|example)|(?:[\w.-]+/)+[\w.-]*)`", document.read_text("utf-8"))

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_event_is_described():
    described = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs/events.md").read_text("utf-8"), re.MULTILINE)

    assert {kind.value for kind in EventKind} - set(described) == set()


def test_the_changelog_begins_with_the_version_of_the_project():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert headings[:2] == ["Unreleased", version]


def test_hooks_run_the_same_commands_as_make():
    """The hooks use the project's tools, so nothing is downloaded and no version differs."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    [lint] = LINT.findall((ROOT / "Makefile").read_text("utf-8"))
    commands = lint.replace("$(VENV_PYTHON)", ".venv/bin/python").splitlines()

    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    for hook in config["repos"][0]["hooks"]:
        command = hook["entry"].removesuffix(" --force-exclude")
        assert command == "make check" or f"\t{command}" in commands
        assert hook["language"] == "system"


@pytest.mark.parametrize("file", sorted(ROOT.glob(".github/**/*.yml")), ids=lambda path: path.name)
def test_github_configuration_is_valid_yaml(file):
    assert yaml.safe_load(file.read_text("utf-8"))


def test_a_workflow_runs_the_same_commands_as_ci():
    steps = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]["ci"]["steps"]

    assert ".ci/run" in [step.get("run") for step in steps]
