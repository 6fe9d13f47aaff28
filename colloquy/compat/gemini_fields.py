"""Restores two details of Gemini's answers that google-genai drops: the finish message and citations.

google-genai reads ``finishMessage`` from Vertex AI only, although the Gemini API sends it too. Of ``citationMetadata``
it reads ``citationSources``, while the API may send ``citations`` as Vertex AI does. Works with google-genai 2.34 by
patching ``models._Candidate_from_mldev``; the tests read both fields through the library.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from google.genai import models, types
from pydantic.alias_generators import to_camel

_PATCHED = "_is_read_whole"
_CITED = [to_camel(name) for name in types.Citation.model_fields]


def keep_left_out_fields() -> None:
    """Makes the library pass these fields on. May be called any number of times."""
    read = models._Candidate_from_mldev
    if hasattr(read, _PATCHED):
        return

    @wraps(read)
    def read_whole(from_object: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - the library's JSON
        candidate = read(from_object, *args, **kwargs)
        if message := from_object.get("finishMessage"):
            candidate["finish_message"] = message
        if cited := (from_object.get("citationMetadata") or {}).get("citations"):
            known = [{name: one[name] for name in _CITED if name in one} for one in cited]
            earlier = (candidate.get("citation_metadata") or {}).get("citations") or []
            candidate["citation_metadata"] = {"citations": [*earlier, *known]}
        return candidate

    setattr(read_whole, _PATCHED, True)
    models._Candidate_from_mldev = read_whole
