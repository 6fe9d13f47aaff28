"""Makes google-genai's enums, such as code languages, reject JSON values that are not strings.

google-genai treats every value as a string (``value.upper()``), so a number fails with an AttributeError, which
pydantic passes on unchanged: an import loses the event, and a server answers with 500. Valid for google-genai 2.34 with
``_common.CaseInSensitiveEnum``; ``tests/session_store/compat/test_genai_enums.py`` tells when this is no longer needed.
"""

from __future__ import annotations

from google.genai._common import CaseInSensitiveEnum

_read_text = CaseInSensitiveEnum._missing_.__func__  # type: ignore[attr-defined]


def refuse_what_is_no_text() -> None:
    """Have pydantic report such a value as an invalid enum value, like any other error in a document."""
    CaseInSensitiveEnum._missing_ = classmethod(_missing)  # type: ignore[method-assign,assignment]


def _missing(cls: type[CaseInSensitiveEnum], value: object) -> object:
    return _read_text(cls, value) if isinstance(value, str) else None
