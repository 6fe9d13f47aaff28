"""The language model that ships with Colloquy: SmolLM2-135M-Instruct (Apache 2.0)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

MODEL_ID = "embedded"
LABEL = "SmolLM2 135M (built in)"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
BYTES = 98_362_432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

NOTE = "A very small model that needs no key and no network. Good for trying things out, but its knowledge is limited."
MISSING = (
    "The file of the built-in model is missing: start Colloquy by `make run`, which fetches it, or set up another"
    " model: GOOGLE_API_KEY for Gemini, COLLOQUY_OPENAI_BASE_URL for a server such as Ollama, COLLOQUY_GGUF_MODELS for"
    " a file."
)

LONGEST_ANSWER = 512
"""In tokens. Without a limit, the model rambles."""

SAMPLING: Mapping[str, float] = {
    "temp": 0.2,
    "top_p": 0.9,
    "penalty_freq": 0.2,
    "penalty_last_n": 256,
    "dry_multiplier": 0.8,
}
"""Found by experiment: a repeat penalty, the usual remedy for rambling, makes the model lose sight of the question."""


def path_in(models_dir: Path) -> Path:
    """Return where the file belongs."""
    return models_dir / FILE
