"""Reading the header of a GGUF file."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from colloquy.agents.models import ModelError
from colloquy.agents.models.local.gguf import trained_context, why_not_gguf


def entry(key: str, kind: int, value: bytes) -> bytes:
    return string(key) + struct.pack("<I", kind) + value


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def head(*entries: bytes) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)) + b"".join(entries)


NAME = entry("general.name", 8, string("A model"))
NUMBERS = entry("some.numbers", 9, struct.pack("<IQ3f", 6, 3, 1, 2, 3))
WORDS = entry("tokenizer.words", 9, struct.pack("<IQ", 8, 2) + string("a") + string("bc"))
CONTEXT = entry("llama.context_length", 4, struct.pack("<I", 8192))


def test_the_trained_context_is_found_after_other_entries(tmp_path: Path):
    file = tmp_path / "model.gguf"
    file.write_bytes(head(NAME, NUMBERS, WORDS, CONTEXT))

    assert trained_context(file) == 8192
    assert why_not_gguf(file) is None


def test_a_file_may_lack_the_trained_context(tmp_path: Path):
    file = tmp_path / "model.gguf"
    file.write_bytes(head(NAME, WORDS))

    assert trained_context(file) is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 something else", head(NAME, CONTEXT)[:-2], head(NAME)[:30]])
def test_other_and_truncated_files_are_refused_by_name(tmp_path: Path, content: bytes):
    file = tmp_path / "model.gguf"
    file.write_bytes(content)

    with pytest.raises(ModelError, match="not a GGUF model file") as caught:
        trained_context(file)
    assert str(file) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ModelError, match="missing"):
        trained_context(tmp_path / "gone.gguf")
    assert "No file was found" in (why_not_gguf(tmp_path / "gone.gguf") or "")
