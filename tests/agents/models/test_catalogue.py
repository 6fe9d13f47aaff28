"""The list of models, and the choice for a new session."""

from __future__ import annotations

from pathlib import Path

import pytest

from colloquy.agents.models import ModelUnavailableError
from colloquy.agents.models.local import embedded
from tests.agents.models.conftest import CatalogueOf


def gguf(folder: Path, name: str) -> Path:
    file = folder / name
    file.write_bytes(b"GGUF")
    return file


def test_without_its_file_the_built_in_model_explains_what_to_do(catalogue_of: CatalogueOf):
    catalogue = catalogue_of()
    info = catalogue.default()

    assert (info.id, info.available) == ("embedded", False)
    assert "make run" in info.note
    with pytest.raises(ModelUnavailableError, match="COLLOQUY_GGUF_MODELS"):
        catalogue.llm("embedded")


def test_the_file_of_the_built_in_model_is_noticed_when_it_appears(catalogue_of: CatalogueOf, tmp_path: Path):
    catalogue = catalogue_of()
    assert not catalogue.default().available

    gguf(tmp_path, embedded.FILE)

    assert catalogue.default().available
    assert catalogue.llm("embedded")


def test_a_gguf_file_is_offered_by_name(catalogue_of: CatalogueOf, tmp_path: Path):
    file = gguf(tmp_path, "Qwen2.5-0.5B.gguf")
    catalogue = catalogue_of(gguf_models=f"{file}, {tmp_path / 'gone.gguf'}")

    here, gone = [info for info in catalogue.list() if info.id.startswith("gguf/")]

    assert (here.id, here.label, here.available) == ("gguf/Qwen2.5-0.5B", "Qwen2.5-0.5B", True)
    assert not gone.available
    assert "gone.gguf" in gone.note


def test_an_invalid_gguf_file_is_listed_with_its_problem(catalogue_of: CatalogueOf, tmp_path: Path):
    file = tmp_path / "notes.txt"
    file.write_text("hello")

    info = catalogue_of(gguf_models=str(file)).list()[1]

    assert not info.available
    assert "not a GGUF file" in info.note


def test_a_new_session_gets_the_configured_model_or_the_first_available(catalogue_of: CatalogueOf, tmp_path: Path):
    assert catalogue_of(google_api_key="k", model="gemini/gemini-2.5-pro").default().id == "gemini/gemini-2.5-pro"
    assert catalogue_of(google_api_key="k").default().id == "gemini/gemini-2.5-flash"
    assert catalogue_of(google_api_key="k", model="nonsense").default().id == "gemini/gemini-2.5-flash"
    assert catalogue_of(model="nonsense").default().id == "nonsense"


def test_an_unavailable_model_is_labeled_by_name_and_refused_with_an_explanation(catalogue_of: CatalogueOf):
    catalogue = catalogue_of()

    assert catalogue.label("gguf/of-last-week") == "of-last-week"
    with pytest.raises(ModelUnavailableError, match="gguf/of-last-week is not available"):
        catalogue.llm("gguf/of-last-week")


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ("gemini/gemini-2.5-por", "gemini/gemini-2.5-pro"),
        ("gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ("openai/lama3.2", "openai/llama3.2"),
        ("Embeded", "embedded"),
    ],
)
def test_an_unknown_model_name_is_reported_with_the_nearest_one(wanted: str, nearest: str, catalogue_of: CatalogueOf):
    catalogue = catalogue_of(
        google_api_key="k", openai_base_url="http://127.0.0.1:9/v1", openai_models="llama3.2", model=wanted
    )

    assert f"Did you mean {nearest}?" in catalogue.info(wanted).note
    told = catalogue.problem_with_setting()
    assert told is not None
    assert told.startswith(f"COLLOQUY_MODEL is {wanted}.")
    assert told.endswith("new chats begin with Gemini 2.5 Flash.")


def test_a_valid_or_missing_setting_is_no_problem(catalogue_of: CatalogueOf):
    assert catalogue_of(google_api_key="k", model="gemini/gemini-2.5-pro").problem_with_setting() is None
    assert catalogue_of(google_api_key="k").problem_with_setting() is None


def test_litellm_is_offered_only_if_installed(catalogue_of: CatalogueOf, monkeypatch: pytest.MonkeyPatch):
    catalogue = catalogue_of(litellm_models="anthropic/claude")

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    info = catalogue.list()[-1]
    assert (info.id, info.available) == ("litellm/anthropic/claude", False)
    assert "make litellm" in info.note

    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert catalogue.list()[-1].available


def test_a_session_keeps_one_model_object_for_all_its_turns(catalogue_of: CatalogueOf):
    catalogue = catalogue_of(google_api_key="k")

    assert catalogue.llm("gemini/gemini-2.5-pro") is catalogue.llm("gemini/gemini-2.5-pro")


def test_keys_are_not_shown(catalogue_of: CatalogueOf):
    catalogue = catalogue_of(
        google_api_key="AIza-secret", openai_base_url="http://127.0.0.1:9", openai_api_key="sk-secret"
    )

    shown = f"{catalogue.list()} {catalogue.llm('gemini/gemini-2.5-pro')!r}"

    assert "secret" not in shown


def test_each_model_states_whether_it_calls_tools_and_accepts_attachments(catalogue_of: CatalogueOf, tmp_path: Path):
    catalogue = catalogue_of(
        gguf_models=str(tmp_path / "big.gguf"),
        google_api_key="k",
        openai_base_url="http://127.0.0.1:9/v1",
        openai_models="m",
        litellm_models="x/y",
    )
    known = {info.id: (info.calls_tools, info.takes) for info in catalogue.list()}
    assert known["embedded"] == known["gguf/big"] == (False, frozenset())
    assert known["gemini/gemini-2.5-flash"] == (True, {"image", "pdf"})
    assert known["openai/m"] == known["litellm/x/y"] == (True, {"image"})
    assert catalogue.info("openai/m").label == "m"
    assert not catalogue.info("gone").available
