"""Draws the parts of a message other than tool calls: words, thoughts, code with its output, and sources."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from contextlib import nullcontext

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from colloquy.agents.data.ask import request_of
from colloquy.ui import long_texts
from colloquy.ui.formatting import label
from session_store.transcripts.markup import fenced_pieces
from session_store.transcripts.parts import Code, Output, Source, Thought, Words, is_web_address
from session_store.transcripts.transcript import Shown

ADDRESS = re.compile(r"\bhttps?://[^\s<>\"]+")


def part_view(part: Shown, place: str, *, by_person: bool) -> None:
    """Draws one part of a message. ``place`` identifies it on its page and must be unique there."""
    match part:
        case Words() if by_person:
            typed(part.text, place)
        case Words():
            long_texts.markdown(part.text, place)
        case Thought():
            with _thought(part, live=False):
                long_texts.markdown(part.text, place)
        case Code():
            _code(part, place)
        case Output():
            _output(part, place)


def streamed(parts: Sequence[Thought | Words]) -> None:
    """Draws what a model has said and thought so far."""
    for part in parts:
        with _thought(part, live=True) if isinstance(part, Thought) else nullcontext():
            long_texts.growing(part.text)


def typed(text: str, place: str) -> None:
    """Draws what a user typed, verbatim: only fenced code is treated as Markdown, and a query is drawn as code. See
    ``part_view``."""
    if request_of(text).is_sql and "```" not in text and "~~~" not in text:
        long_texts.code(text, "sql", place)
    else:
        long_texts.typed(text, place, _typed)


def _typed(text: str) -> None:
    for piece in fenced_pieces(text):
        if piece.language is not None:
            long_texts.plain_code(piece.text, piece.language or None)
        elif piece.text.strip():
            st.html(f'<div class="typed" dir="auto">{_with_links(piece.text)}</div>')


def _with_links(text: str) -> str:
    """Returns a text as HTML that shows it verbatim, with web addresses as links."""
    pieces: list[str] = []
    at = 0
    for found in ADDRESS.finditer(text):
        url = (
            found[0].rstrip(".,;:!?'*_")
            if found[0].count("(") >= found[0].count(")")
            else found[0].rstrip(".,;:!?'*_)")
        )
        if is_web_address(url):
            pieces += [html.escape(text[at : found.start()]), f'<a href="{html.escape(url)}" target="_blank">']
            pieces += [html.escape(url), "</a>"]
            at = found.start() + len(url)
    return "".join([*pieces, html.escape(text[at:])])


def sources_view(sources: Sequence[Source]) -> None:
    """Draws the sources of an answer. Links that leave the app name their site."""
    if sources:
        lines = [f"{number}. {_source(source)}" for number, source in enumerate(sources, 1)]
        st.caption("Sources\n\n" + "\n".join(lines))


def _source(source: Source) -> str:
    if not source.url:
        return label(source.title)
    site = f" ({label(source.site)})" if source.site and source.site != source.title else ""
    return f"[{label(source.title)} :material/open_in_new:](<{source.url}>){site}"


def _thought(thought: Thought, *, live: bool) -> DeltaGenerator:
    words = "Thought" if thought.ended else "Thinking" if live else "Thought (incomplete)"
    return st.expander(words, type="step", icon=":material/psychology:")


def _code(code: Code, place: str) -> None:
    if code.code:
        long_texts.code(code.code, code.language or None, f"{place}-code")
    if code.output is None:
        return
    st.caption("Failed" if code.failed else "Output" if code.output.strip() else "No output")
    if code.output.strip():
        long_texts.code(code.output.rstrip("\n"), None, f"{place}-output")


def _output(output: Output, place: str) -> None:
    if not output.node:
        if isinstance(output.value, str):
            long_texts.markdown(output.value, place)
        else:
            long_texts.code(output.text, "json", place)
        return
    with st.expander(f"Output of {label(output.node)}", type="step", icon=":material/output:"):
        long_texts.code(output.text, None if isinstance(output.value, str) else "json", place)
