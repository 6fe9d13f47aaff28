"""Splits an event into parts: words, thoughts, code, outputs and files, in their order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlsplit

from google.adk.events.event import Event
from google.genai import types

from session_store.compat.genai_enums import refuse_what_is_no_text
from session_store.transcripts.markup import split_thoughts

refuse_what_is_no_text()  # here and in models, because whatever reads an event imports one of the two

USER: Final = "user"

LONGEST_DETAILS: Final = 100_000
"""Maximum characters that an event can be found by in addition to its text."""
_ATTACHED: Final = re.compile(r"\[Attached file: ([^\n]*)\]\n")


@dataclass(frozen=True, slots=True)
class Words:
    """Words of the user or an agent. ``heard`` is None for written words; for speech, it is False while more may come,
    and True once the words are complete."""

    text: str
    heard: bool | None = None


@dataclass(frozen=True, slots=True)
class Thought:
    """A model's thought before it said something. ``ended`` is False while, or if, its end is missing."""

    text: str
    ended: bool = True


@dataclass(frozen=True, slots=True)
class Code:
    """Code that a model wrote and had run. ``output`` is None until it has run."""

    code: str
    language: str = ""
    output: str | None = None
    failed: bool = False
    id: str | None = None

    @property
    def is_result(self) -> bool:
        """Whether this is only the output of code in an earlier part."""
        return not self.code and self.output is not None


@dataclass(frozen=True, slots=True)
class Output:
    """The output of a workflow or, with ``node``, what that node of the workflow passed on."""

    value: Any = field(hash=False)
    node: str = ""

    @property
    def text(self) -> str:
        """A string as it is, any other value as JSON."""
        if isinstance(self.value, str):
            return self.value
        return json.dumps(self.value, ensure_ascii=False, indent=2, default=str)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file in a message: its bytes, or its location."""

    name: str
    mime_type: str
    data: bytes | None = field(default=None, repr=False)
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What an answer is based on. ``title`` is never empty; ``url`` is its web address, if it has one."""

    title: str
    url: str | None = None

    @property
    def site(self) -> str:
        """The host name of its page; empty without an address."""
        return (urlsplit(self.url).hostname or "").removeprefix("www.") if self.url else ""


Part = Words | Thought | Code | Output | FilePart | types.FunctionCall


def parts_of(event: Event) -> list[Part]:
    """Return the parts of an event, without tool answers."""
    by_person = speaker_of(event) == USER
    found = [*_heard(event), *_said(event.content, by_person=by_person, ended=not event.interrupted)]
    if event.output is not None and not _is_said(event.output, found):
        found.append(Output(event.output, _node_of(event)))
    return found


def speaker_of(event: Event) -> str:
    """Return who says what an event contains: its author, or the user if the model only transcribed what it heard."""
    return USER if event.input_transcription and event.input_transcription.text else event.author


def sources_of(event: Event) -> tuple[Source, ...]:
    """Return what the answer of an event is based on, without duplicates, in the order of the event."""
    found: dict[str, Source] = {}
    chunks = (event.grounding_metadata.grounding_chunks if event.grounding_metadata else None) or ()
    for chunk in chunks:
        if page := chunk.web:
            _add_source(found, page.title or page.domain, page.uri)
        elif place := chunk.maps:
            _add_source(found, place.title, place.uri)
        elif picture := chunk.image:
            _add_source(found, picture.title or picture.domain, picture.source_uri or picture.image_uri)
        elif document := chunk.retrieved_context:
            _add_source(found, document.title or document.document_name, document.uri)
    for citation in (event.citation_metadata.citations if event.citation_metadata else None) or ():
        _add_source(found, citation.title, citation.uri)
    return tuple(found.values())


def text_of(content: types.Content | None) -> str:
    """Return the text parts of a content, joined as they are, without thoughts and attached text files. What a model
    put into ``<think>`` is still included."""
    return "".join(part.text for part in _parts(content) if part.text and not part.thought and not _file(part, content))


def spans_of(content: types.Content | None) -> list[tuple[bool, str]]:
    """Return consecutive texts of a content, each with whether it is a thought."""
    with_text = [part for part in _parts(content) if part.text and not _file(part, content)]
    runs = groupby(with_text, key=lambda part: bool(part.thought))
    return [(is_thought, "".join(part.text or "" for part in run)) for is_thought, run in runs]


def files_of(content: types.Content | None) -> tuple[FilePart, ...]:
    """Return the files of a content."""
    return tuple(file for part in _parts(content) if (file := _file(part, content)))


def words_in(parts: Iterable[object]) -> str:
    """Return the words, without thoughts, code and files. The output of a workflow counts as words."""
    texts = [part.text for part in parts if isinstance(part, Words) or (isinstance(part, Output) and not part.node)]
    return "\n\n".join(text for text in texts if text)


def readable(parts: Iterable[object]) -> str:
    """Return what the reader sees without opening anything, as Markdown: words, code with its output, and the output of
    a workflow."""
    return "\n\n".join(filter(None, map(_readable, parts)))


def said_in(event: Event) -> str | None:
    """Return an event's text for lists, searches and counts: everything that can be read without opening anything.

    None if the event adds nothing to read, such as a tool call; empty if it adds only files, or ends with only
    thoughts.
    """
    parts = parts_of(event)
    if any(isinstance(part, types.FunctionCall) for part in parts) or responses_of(event):
        return readable(parts) or None
    text = readable(parts)
    if event.author == USER and (written := [part.text for part in _parts(event.content) if part.text]):
        text = "".join(written)  # includes the texts of attached files
    is_shown = any(isinstance(part, FilePart) or (isinstance(part, Thought) and event.finish_reason) for part in parts)
    return text if text or is_shown else None


def details_in(event: Event) -> str | None:
    """Return what else an event can be found by: thoughts, what nodes of a workflow passed on, sources, file names."""
    found = []
    for part in parts_of(event):
        match part:
            case Thought():
                found.append(part.text)
            case Output() if part.node:
                found.append(f"{part.node} {part.text}")
            case FilePart():
                found.append(part.name)
    found += [f"{source.title} {source.url or ''}".strip() for source in sources_of(event)]
    return "\n".join(found)[:LONGEST_DETAILS] or None


def fenced(text: str, language: str = "") -> str:
    """Return a code block whose fence does not occur in its text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}"


def heard_on(before: str, text: str) -> str:
    """Combine what was heard so far with what is heard now: the next words, or all of them again."""
    is_all = "".join(text.split()).startswith("".join(before.split()))
    return (text or before) if is_all or not text.strip() else before + text


def thoughts_and_words(text: str, *, ended: bool = True, begun: bool = False) -> list[Thought | Words]:
    """Split a model's text into words and thoughts. See ``split_thoughts``."""
    return [
        Thought(piece.text.strip(), ended=piece.ended) if piece.is_thought else Words(piece.text)
        for piece in split_thoughts(text, ended=ended, begun=begun)
    ]


def _readable(part: object) -> str:
    match part:
        case Words(text=text):
            return text
        case Output(node="") if isinstance(part.value, str):
            return part.value
        case Output(node=""):
            return fenced(part.text, "json")
        case Code():
            blocks = [fenced(part.code, part.language)] if part.code else []
            return "\n\n".join([*blocks, fenced(part.output)] if part.output else blocks)
    return ""


def _heard(event: Event) -> Iterator[Part]:
    for heard in (event.input_transcription, event.output_transcription):
        if heard and (heard.text or heard.finished):
            yield Words(heard.text or "", heard=bool(heard.finished))


def _said(content: types.Content | None, *, by_person: bool, ended: bool) -> Iterator[Part]:
    written = ""
    for part in _parts(content):
        file = _file(part, content)
        if part.text and not part.thought and not file:
            written += part.text
            continue
        if (made := file or _made(part)) is not None:
            yield from _written(written, by_person=by_person)
            written = ""
            is_cut = not ended and part is _parts(content)[-1]
            yield replace(made, ended=False) if isinstance(made, Thought) and is_cut else made
    yield from _written(written, by_person=by_person, ended=ended)


def _written(text: str, *, by_person: bool, ended: bool = True) -> Sequence[Thought | Words]:
    if by_person:
        return [Words(text)] if text else []
    return thoughts_and_words(text, ended=ended)


def _made(part: types.Part) -> Part | None:
    if part.function_call:
        return part.function_call
    if (call := part.tool_call) and call.tool_type:  # a call of a tool that runs on the provider's side
        return types.FunctionCall(id=call.id, name=call.tool_type.value.lower(), args=call.args)
    if part.thought and part.text:
        return Thought(part.text.strip()) if part.text.strip() else None
    if code := part.executable_code:
        language = code.language.value if code.language else ""
        return Code(code.code or "", "" if language == "LANGUAGE_UNSPECIFIED" else language.lower(), id=code.id)
    if result := part.code_execution_result:
        failed = result.outcome not in (None, types.Outcome.OUTCOME_OK, types.Outcome.OUTCOME_UNSPECIFIED)
        return Code("", output=result.output or "", failed=failed, id=result.id)
    heard = part.audio_transcription
    return Words(heard.text, heard=True) if heard and heard.text else None


def responses_of(event: Event) -> list[types.FunctionResponse]:
    """Return the tools' answers in an event."""
    responses = [part.tool_response for part in _parts(event.content) if part.tool_response]
    return [
        *event.get_function_responses(),
        *(
            types.FunctionResponse(id=one.id, name=one.tool_type.value.lower(), response=one.response or {})
            for one in responses
            if one.tool_type
        ),
    ]


def add_part(taken: list[Any], part: object) -> None:
    """Append a part, merging it if it continues an earlier one: the output of code joins its code, more of a thought
    joins its beginning."""
    if isinstance(part, Code) and part.is_result:
        waiting = [
            at for at, before in enumerate(taken) if isinstance(before, Code) and before.output is None and before.code
        ]
        same = [at for at in waiting if part.id and taken[at].id == part.id]
        if at := (same or waiting)[:1]:
            taken[at[0]] = replace(taken[at[0]], output=part.output, failed=part.failed)
            return
    if isinstance(part, Thought) and taken and isinstance(taken[-1], Thought):
        taken[-1] = Thought(f"{taken[-1].text}\n\n{part.text}".strip(), part.ended)
        return
    taken.append(part)


def _node_of(event: Event) -> str:
    """Return the workflow node that passed on an event's output; empty if it is the output of the whole workflow."""
    info = event.node_info
    is_whole = not info.path or any("/" not in path for path in info.output_for or ())
    return "" if is_whole else info.name


def _is_said(output: object, parts: Iterable[Part]) -> bool:
    """Whether the same event already says an output in words."""
    words = words_in(parts).strip()
    if isinstance(output, str):
        return output.strip() == words
    try:
        return bool(words) and json.loads(words) == output
    except ValueError:
        return False


def _add_source(found: dict[str, Source], title: str | None, uri: str | None) -> None:
    url = uri if uri and is_web_address(uri) else None
    name = " ".join((title or uri or "").split())
    if name:
        found.setdefault(url or name, Source(name, url))


def is_web_address(uri: str) -> bool:
    """Whether a URI leads to a web page, and not to a script or a file."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s<>\"]", uri)


def _parts(content: types.Content | None) -> list[types.Part]:
    return (content.parts or []) if content else []


def _file(part: types.Part, content: types.Content | None) -> FilePart | None:
    if blob := part.inline_data:
        return FilePart(blob.display_name or "file", blob.mime_type or "application/octet-stream", blob.data)
    if file := part.file_data:
        uri = file.file_uri or ""
        return FilePart(file.display_name or uri, file.mime_type or "application/octet-stream", uri=uri)
    attached = _ATTACHED.match(part.text) if part.text and content and content.role == USER else None
    if attached and part.text:
        return FilePart(attached[1], "text/plain", part.text[attached.end() :].encode())
    return None
