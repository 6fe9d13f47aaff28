"""Settings: each is described in the README, wrong values are explained, no secret is shown."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from colloquy.settings import PREFIX, Settings, SettingsError, load_settings, misspelt
from tests.support.bad_files import BAD_FILES

ROOT = Path(__file__).resolve().parent.parent
KEY = "a-key-that-nobody-may-see"
FIELDS = Settings.model_fields


@pytest.fixture(autouse=True)
def untouched_environment(monkeypatch, tmp_path):
    """Hides the variables and the .env file of the machine that runs the tests."""
    for name in os.environ:
        if name.startswith(PREFIX) or name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _shown(default: object) -> str:
    if default is None or default == ():
        return "none"
    text = ",".join(default) if isinstance(default, tuple) else str(default)
    return f"`{text}`"


@pytest.mark.parametrize("name", FIELDS)
def test_the_readme_describes_meaning_type_and_default_of_each_setting(name):
    table = (ROOT / "README.md").read_text("utf-8")
    field = FIELDS[name]

    row = re.search(rf"^\| `{PREFIX}{name.upper()}` \| (.+) \| (.+) \| (.+) \|$", table, re.MULTILINE)

    assert row, f"the table has no row for {PREFIX}{name.upper()}"
    assert row[1].replace("`", "") == field.description
    assert row[3] == _shown(field.default)


def test_the_readme_describes_no_setting_that_does_not_exist():
    named = re.findall(rf"^\| `{PREFIX}([A-Z_]+)` \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)

    assert sorted(name.lower() for name in named) == sorted(FIELDS)


def test_the_example_lists_each_setting_with_its_default():
    example = (ROOT / ".env.example").read_text("utf-8")

    for name, field in FIELDS.items():
        default = "" if field.default in (None, ()) else _shown(field.default).strip("`")
        assert f"# {PREFIX}{name.upper()}={default}\n" in example


def test_defaults_apply_without_any_variable():
    settings = load_settings()

    assert settings.data_dir == Path("data")
    assert settings.model == "embedded"
    assert settings.google_api_key is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("COLLOQUY_USER", ""),
        ("COLLOQUY_MODEL", ""),
        ("COLLOQUY_MAX_TURNS", "many"),
        ("COLLOQUY_MAX_TURNS", "0"),
        ("COLLOQUY_MAX_TURNS", "65"),
        ("COLLOQUY_UNDO_SECONDS", "-1"),
        ("COLLOQUY_CONTEXT_MESSAGES", "-1"),
        ("COLLOQUY_COMPACTION", "perhaps"),
        ("COLLOQUY_ANSWER_CHARACTERS", "999"),
        ("COLLOQUY_QUERY_ROWS", "0"),
        ("COLLOQUY_QUERY_SECONDS", "0"),
        ("COLLOQUY_QUERY_SECONDS", "3601"),
        ("COLLOQUY_ATTACHMENT_MB", "0"),
        ("COLLOQUY_ATTACHMENT_MB", "101"),
        ("COLLOQUY_CONTEXT_TOKENS", "511"),
        ("COLLOQUY_THREADS", "257"),
        ("COLLOQUY_GEMINI_BASE_URL", "not a url"),
        ("COLLOQUY_OPENAI_BASE_URL", "localhost:11434"),
    ],
)
def test_a_wrong_value_stops_the_start_and_names_the_variable(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError) as stopped:
        load_settings()

    assert f"{variable}={value!r}" in str(stopped.value)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("COLLOQUY_MAX_TURNS", "lots", "must be a whole number. Write for example COLLOQUY_MAX_TURNS=4."),
        ("COLLOQUY_MAX_TURNS", "65", "must be at most 64. Write for example COLLOQUY_MAX_TURNS=4."),
        ("COLLOQUY_QUERY_SECONDS", "soon", "must be a number. Write for example COLLOQUY_QUERY_SECONDS=20.0."),
        ("COLLOQUY_COMPACTION", "perhaps", "must be true or false."),
        ("COLLOQUY_GEMINI_BASE_URL", "not a url", "must be a complete URL, such as http://localhost:8080."),
    ],
)
def test_a_wrong_value_is_reported_with_the_expected_ones(monkeypatch, variable, value, told):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as stopped:
        load_settings()
    assert told in str(stopped.value)
    assert "Input should" not in str(stopped.value)


def test_all_wrong_values_are_reported_together(monkeypatch):
    monkeypatch.setenv("COLLOQUY_MAX_TURNS", "0")
    monkeypatch.setenv("COLLOQUY_THREADS", "-1")

    with pytest.raises(SettingsError, match=r"(?s)COLLOQUY_MAX_TURNS.*COLLOQUY_THREADS"):
        load_settings()


def test_the_env_file_is_read_and_the_environment_takes_precedence(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("COLLOQUY_MAX_TURNS=7\nCOLLOQUY_USER=ada\nSOMETHING_ELSE=1\n", "utf-8")
    monkeypatch.setenv("COLLOQUY_USER", "grace")

    settings = load_settings()

    assert settings.max_turns == 7
    assert settings.user == "grace"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_special_file_as_env_file_is_reported_without_waiting(tmp_path, kind):
    make, told = BAD_FILES[kind]
    make(tmp_path / ".env")
    with pytest.raises(SettingsError, match=rf"\.env cannot be read: .*{told}"):
        load_settings()


def test_half_characters_in_the_env_file_are_reported(tmp_path):
    (tmp_path / ".env").write_bytes(b"COLLOQUY_USER=\xed\xa0\x80\n")
    with pytest.raises(SettingsError, match="halves of characters"):
        load_settings()


def test_names_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("COLLOQUY_OPENAI_MODELS", "llama3.2, qwen3 ,")

    assert load_settings().openai_models == ("llama3.2", "qwen3")


@pytest.mark.parametrize("variable", ["COLLOQUY_GOOGLE_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"])
def test_the_google_key_has_three_names(monkeypatch, variable):
    monkeypatch.setenv(variable, KEY)

    key = load_settings().google_api_key

    assert key
    assert key.get_secret_value() == KEY


@pytest.mark.parametrize("variable", ["GOOGLE_API_KEY", "COLLOQUY_OPENAI_API_KEY"])
def test_a_key_is_never_shown(monkeypatch, variable):
    monkeypatch.setenv(variable, KEY)

    settings = load_settings()

    assert KEY not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize("variable", ["GOOGLE_API_KEY", "COLLOQUY_OPENAI_API_KEY"])
def test_a_key_is_not_part_of_the_message_about_another_setting(monkeypatch, variable):
    monkeypatch.setenv(variable, KEY)
    monkeypatch.setenv("COLLOQUY_MAX_TURNS", "0")

    with pytest.raises(SettingsError) as stopped:
        load_settings()

    assert KEY not in str(stopped.value)


def test_blank_values_in_the_example_mean_none(monkeypatch):
    for name in ("AGENTS_DIR", "GEMINI_BASE_URL", "OPENAI_BASE_URL"):
        monkeypatch.setenv(PREFIX + name, "")
    settings = load_settings()
    assert (settings.agents_dir, settings.gemini_base_url, settings.openai_base_url) == (None, None, None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("COLLOQUY_MODLE", "COLLOQUY_MODEL"),
        ("COLLOQUY_AGENT_DIR", "COLLOQUY_AGENTS_DIR"),
        ("COLLOQUY_OPENAI_URL", "COLLOQUY_OPENAI_BASE_URL"),
        ("COLOQUY_MAX_TURNS", "COLLOQUY_MAX_TURNS"),
        ("colloquy_datadir", "COLLOQUY_DATA_DIR"),
    ],
)
def test_a_misspelled_name_is_reported_with_a_suggestion(written, meant, monkeypatch, tmp_path):
    monkeypatch.setenv(written, "x")
    (tmp_path / ".env").write_text(f"{written}=x\n", "utf-8")

    in_environment, in_file = misspelt()

    assert (
        in_environment == f"{written} (in the environment) is not a known setting and is ignored. Did you mean {meant}?"
    )
    assert in_file == f"{written} (in .env) is not a known setting and is ignored. Did you mean {meant}?"


def test_variables_of_other_programs_are_ignored(monkeypatch, tmp_path):
    for name in (
        "COLLOQUY_MODEL",
        "colloquy_user",
        "COLLOQUY_REQUIRE_BROWSER",
        "COLOR",
        "PORT",
        "COLUMNS",
        "LLM_MODEL",
    ):
        monkeypatch.setenv(name, "x")
    (tmp_path / ".env").write_text("COLLOQUY_THREADS=2\nGOOGLE_API_KEY=k\n", "utf-8")

    assert misspelt() == []
