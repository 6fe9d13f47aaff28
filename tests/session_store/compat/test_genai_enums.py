"""Google's enums: a value that is not text is refused like any other invalid value."""

import inspect

import pytest
from google.genai import types
from google.genai._common import CaseInSensitiveEnum
from pydantic import TypeAdapter, ValidationError

from session_store.compat import genai_enums

KINDS = [kind for _, kind in inspect.getmembers(types, inspect.isclass) if issubclass(kind, CaseInSensitiveEnum)]


def test_values_that_are_not_text_are_validation_errors_for_every_enum():
    taken = []
    for kind in KINDS:
        for odd in (5, 1.5, True, [1], {"a": 1}):
            try:
                TypeAdapter(kind).validate_python(odd)
            except ValidationError:
                continue
            taken.append((kind, odd))

    assert len(KINDS) > 20
    assert taken == []


def test_values_are_read_in_any_case():
    assert TypeAdapter(types.Language).validate_python("python") is types.Language.PYTHON


@pytest.mark.upstream
def test_the_library_still_needs_the_workaround():
    with pytest.raises(AttributeError):
        genai_enums._read_text(types.Language, 5)
