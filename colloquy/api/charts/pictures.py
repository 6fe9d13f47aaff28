"""Charts as pictures, drawn without a browser.

Each is drawn by a separate process: models write charts, and whatever they make the JavaScript engine do (run forever,
eat memory, crash) ends with that process.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from colloquy.agents.data.cells import json_rows
from colloquy.agents.data.charts import checked_spec
from session_store.errors import ColloquyError

SECONDS = 30
ROWS = 5_000
WIDTH, HEIGHT = 720, 400

_ROOT = Path(__file__).parents[3]
_NEEDED = ("PATH", "HOME", "USERPROFILE", "LOCALAPPDATA", "SYSTEMROOT", "WINDIR", "TEMP", "TMP", "TMPDIR")
_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_CONFIG = {
    "background": "white",
    "font": _FONT,
    "title": {"fontSize": 16, "anchor": "start", "offset": 12},
    "view": {"stroke": None},
    "range": {
        "category": ["#4f46e5", "#0d9488", "#d97706", "#be185d", "#0369a1", "#65a30d", "#7c3aed", "#64748b"],
    },
    "mark": {"color": "#4f46e5"},
}

_PATH = re.compile(r"(?:[A-Za-z]:|file://)?[/\\](?:[^\s/\\:\"']+[/\\])+([^\s/\\:\"']*)")
"""A file's location on this machine, of which users only need the name."""

_two_at_once = threading.BoundedSemaphore(2)


class ChartNotDrawnError(ColloquyError):
    """A chart could not be drawn as a picture."""


def picture(spec: Mapping[str, Any], table: pa.Table, form: Literal["png", "svg"]) -> bytes:
    """Draw a chart of a table's first ``ROWS`` rows as a light picture, ``WIDTH`` units wide. Takes half a second or
    more.

    Raises:
        ChartInvalidError: the specification may not be shown.
        ChartNotDrawnError: it could not be drawn, or not in ``SECONDS``.
    """
    whole = json.dumps(_with_rows(checked_spec(spec, table), table))
    environment = {name: os.environ[name] for name in _NEEDED if name in os.environ}
    with _two_at_once:
        try:
            drawn = subprocess.run(  # noqa: S603 - this interpreter and a module of this package
                [sys.executable, "-m", "colloquy.api.charts.worker", form],
                input=whole.encode(),
                capture_output=True,
                check=True,
                timeout=SECONDS,
                cwd=_ROOT,
                env=environment | {"TZ": "UTC", "PYTHONUTF8": "1"},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except subprocess.TimeoutExpired as error:
            raise ChartNotDrawnError(
                f"The chart could not be drawn within {SECONDS} seconds. Use fewer rows."
            ) from error
        except subprocess.CalledProcessError as error:
            raise ChartNotDrawnError(f"The chart could not be drawn: {reason_of(error.stderr)}") from error
    return drawn.stdout


def _with_rows(spec: dict[str, Any], table: pa.Table) -> dict[str, Any]:
    rows = [dict(zip(table.column_names, row, strict=True)) for row in json_rows(table, ROWS)]
    sized = {**spec, "data": {"values": rows}, "config": _CONFIG}
    if spec.get("width") == "container":
        sized["width"] = WIDTH
        sized.setdefault("height", HEIGHT)
    if spec.get("height") == "container":
        sized["height"] = HEIGHT
    return sized


def reason_of(printed: bytes) -> str:
    """Return why a process failed, according to its output, without paths of this machine."""
    lines = [line for line in printed.decode(errors="replace").splitlines() if line.strip()]
    telling = next((line for line in lines if "Error" in line), lines[-1] if lines else "no reason was given")
    return _PATH.sub(r"\1", telling)[:300]
