"""Reads JSON in pure Python, which takes three to six times as long as the decoder in C and lets other threads go on.

That one holds the interpreter until it is done: a second for five million values, in which no page is drawn. Python has
both since 2.7 and chooses by whether the one in C is there; the names below are undocumented. Valid for Python 3.11 to
3.14; ``tests/session_store/exchange/test_damaged_files.py`` tells if that ends.
"""

from __future__ import annotations

import json
import json.decoder
import json.scanner
from typing import Any

_decoder: Any = json.JSONDecoder()
_decoder.parse_object = json.decoder.JSONObject  # type: ignore[attr-defined]
_decoder.parse_array = json.decoder.JSONArray  # type: ignore[attr-defined]
_decoder.scan_once = json.scanner.py_make_scanner(_decoder)  # type: ignore[attr-defined]


def patient_loads(text: str) -> Any:  # noqa: ANN401 - JSON
    """What ``json.loads`` gives."""
    return _decoder.decode(text)
