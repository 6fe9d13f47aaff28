"""Google's words for kinds of things, such as languages of code, read from JSON that has something else in their place.

google-genai takes whatever comes for a text (``value.upper()``), so that a number fails with an AttributeError, which
pydantic hands on as it is: an import loses the event, and a server answers with 500. Holds for google-genai 2.34 with
``_common.CaseInSensitiveEnum``; ``tests/session_store/test_genai_enums.py`` says when it is no longer needed.
"""

from __future__ import annotations

from google.genai._common import CaseInSensitiveEnum

_read_text = CaseInSensitiveEnum._missing_.__func__  # type: ignore[attr-defined]


def refuse_what_is_no_text() -> None:
    """Have pydantic say of such a value that it is none of the words, as of any other error in a document."""
    CaseInSensitiveEnum._missing_ = classmethod(_missing)  # type: ignore[method-assign,assignment]


def _missing(cls: type[CaseInSensitiveEnum], value: object) -> object:
    return _read_text(cls, value) if isinstance(value, str) else None
