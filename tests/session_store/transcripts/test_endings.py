"""Every provider and program has its own names for endings; here each has one sentence."""

import pytest
from google.adk.events.event import Event
from google.genai import types

from session_store.transcripts.endings import Ending, ending_named, ending_of


@pytest.mark.parametrize(
    "name",
    [None, "", "stop", "STOP", types.FinishReason.STOP, "end_turn", "tool_calls", "finished_successfully", "tool-use"],
)
def test_an_answer_that_completes_has_no_ending(name):
    assert ending_named(name) is None


@pytest.mark.parametrize("name", ["length", "max_tokens", "MAX_TOKENS", types.FinishReason.MAX_TOKENS, "model_length"])
def test_an_answer_at_its_limit_is_cut_under_any_provider_name(name):
    assert ending_named(name) == Ending("The answer was cut off: the maximum answer length was reached.", cut=True)
    assert not ending_named(name, has_words=False).cut


@pytest.mark.parametrize(
    "name", [reason for reason in types.FinishReason if reason.name not in ("STOP", "FINISH_REASON_UNSPECIFIED")]
)
def test_every_gemini_reason_is_described_without_its_name(name):
    assert name.value not in ending_named(name).reason


@pytest.mark.parametrize("name", ["content_filter", "refusal", "unknown", "interrupted", "no_image"])
def test_reasons_of_other_programs_are_described_without_their_names(name):
    assert f"“{name}”" not in ending_named(name).reason


def test_an_unknown_reason_is_reported_by_name():
    assert ending_named("eaten_by_wolves").reason == (
        "The answer was stopped early: the provider gave the reason “eaten_by_wolves”."
    )


def test_the_message_of_the_provider_is_reported():
    assert ending_named("RECITATION", "Too close.").reason.endswith(" It said: Too close.")
    assert ending_named("MAX_TOKENS", "Ask for less.").reason.endswith(" It said: Ask for less.")
    assert "It said" not in ending_named("SAFETY", "Finished with SAFETY").reason


def test_other_errors_are_reported_unchanged():
    assert ending_of(Event(author="a", error_code="QUOTA", error_message="Come back.")) == Ending("Come back.")
