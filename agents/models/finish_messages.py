"""What Gemini says about the end of an answer, which its library leaves out.

google-genai reads ``finishMessage`` from Vertex AI only, although the Gemini API sends it, too. Holds for google-genai
with ``models._Candidate_from_mldev``; its test reads a message through the library.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from google.genai import models

_PATCHED = "_tells_finish_message"


def keep_finish_messages() -> None:
    """Have the library hand on what Gemini says about the end of an answer. May be called any number of times."""
    read = models._Candidate_from_mldev  # noqa: SLF001
    if hasattr(read, _PATCHED):
        return

    @wraps(read)
    def read_whole(from_object: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - the library's JSON
        candidate = read(from_object, *args, **kwargs)
        if message := from_object.get("finishMessage"):
            candidate["finish_message"] = message
        return candidate

    setattr(read_whole, _PATCHED, True)
    models._Candidate_from_mldev = read_whole  # noqa: SLF001
