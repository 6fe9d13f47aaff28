"""What messages say besides what tools did: words, thoughts, code with its output, and sources."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import streamlit as st

from agents.data.ask import request_of
from session_store.markup import fenced_pieces
from session_store.parts import Code, Output, Source, Thought, Words, is_web_address, thoughts_and_words
from session_store.transcript import Shown
from ui.formatting import label, untrusted_markdown

LONGEST_TEXT = 20_000
"""Characters of code, of its output and of what a workflow gave out that are on the page."""

ADDRESS = re.compile(r"\bhttps?://[^\s<>\"]+")


def part_view(part: Shown, *, by_person: bool, live: bool = False) -> None:
    """Draw one part of a message, ``live`` while it is being written."""
    match part:
        case Words():
            words_view(part.text, by_person=by_person)
        case Thought():
            _thought(part, live=live)
        case Code():
            _code(part)
        case Output():
            _output(part)


def words_view(text: str, *, by_person: bool) -> None:
    """Words: those of a person as they were typed, those of an agent as Markdown."""
    if by_person:
        typed(text)
    elif text:
        st.markdown(untrusted_markdown(text))


def streamed(text: str, *, begun: bool) -> None:
    """What a model has written so far, its thoughts apart. ``begun`` says that it begins in the midst of one."""
    for part in thoughts_and_words(text, ended=False, begun=begun):
        part_view(part, by_person=False, live=True)


def typed(text: str) -> None:
    """What a person typed, as it was typed: nothing in it is Markdown but fenced code. A query is code."""
    if request_of(text).is_sql and "```" not in text and "~~~" not in text:
        st.code(text, language="sql", wrap_lines=True)
        return
    for piece in fenced_pieces(text):
        if piece.language is not None:
            st.code(piece.text, language=piece.language or None, wrap_lines=True)
        elif piece.text.strip():
            st.html(f'<div class="typed" dir="auto">{_with_links(piece.text)}</div>')


def _with_links(text: str) -> str:
    """A text as HTML that shows it as it is, addresses of the web as links."""
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
    """What an answer is based on. What leads out of the app says whither."""
    if sources:
        lines = [f"{number}. {_source(source)}" for number, source in enumerate(sources, 1)]
        st.caption("Sources\n\n" + "\n".join(lines))


def _source(source: Source) -> str:
    if not source.url:
        return label(source.title)
    site = f" ({label(source.site)})" if source.site and source.site != source.title else ""
    return f"[{label(source.title)} :material/open_in_new:](<{source.url}>){site}"


def _thought(thought: Thought, *, live: bool) -> None:
    words = "Thought" if thought.ended else "Thinking" if live else "Thought (incomplete)"
    with st.expander(words, type="step", icon=":material/psychology:"):
        st.markdown(untrusted_markdown(thought.text))


def _code(code: Code) -> None:
    if code.code:
        st.code(_shortened(code.code), language=code.language or None, wrap_lines=True)
    if code.output is None:
        return
    st.caption("Failed" if code.failed else "Output" if code.output.strip() else "No output")
    if code.output.strip():
        st.code(_shortened(code.output.rstrip("\n")), language=None, wrap_lines=True)


def _output(output: Output) -> None:
    if not output.node:
        if isinstance(output.value, str):
            words_view(output.value, by_person=False)
        else:
            st.code(_shortened(output.text), language="json", wrap_lines=True)
        return
    with st.expander(f"Output of {label(output.node)}", type="step", icon=":material/output:"):
        language = None if isinstance(output.value, str) else "json"
        st.code(_shortened(output.text), language=language, wrap_lines=True)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]} … and {len(text) - LONGEST_TEXT:,} more characters"
