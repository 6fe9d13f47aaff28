"""Reads the markup that Open WebUI uses for thoughts, tool calls and code in the text of an answer."""

from __future__ import annotations

import html
import re
from typing import Final

from google.genai import types

from session_store.exchange.chats.enclosed import decoded
from session_store.exchange.chats.foreign import code_parts, thought
from session_store.exchange.fields import as_object
from session_store.exchange.notes import Notes, has_content, quoted

_FENCE: Final = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*$", re.MULTILINE)
_TICKS: Final = re.compile(r"`+")
_OPENING: Final = re.compile(r'<details(?P<attributes>(?:\s+[\w:-]+="[^"]*")*)\s*>')
_ANY_DETAILS: Final = re.compile(r"<details\b|</details>|^ {0,3}(?P<fence>`{3,}|~{3,})", re.MULTILINE)
_ATTRIBUTE: Final = re.compile(r'([\w:-]+)="([^"]*)"')
_SUMMARY: Final = re.compile(r"\s*<summary>(.*?)</summary>", re.DOTALL)
_THINK: Final = re.compile(r"<(?P<tag>think|thinking|reason|reasoning|thought)>", re.IGNORECASE)
_MARKUP: Final = re.compile(f"{_FENCE.pattern}|{_TICKS.pattern}|<details\\b|^[ \\t]*{_THINK.pattern}", _FENCE.flags)
_PICTURE: Final = re.compile(
    rf"{_FENCE.pattern}|{_TICKS.pattern}|!\[(?P<name>[^\]\n]*)\]\((?P<url>data:[^)\s]+)\)", _FENCE.flags
)
_CODE: Final = re.compile(r"\s*(?P<fence>`{3,}|~{3,})(?P<language>[^\n`]*)\n(?P<code>.*?)\n?(?P=fence)\s*\Z", re.DOTALL)


def parts_of(text: str, notes: Notes) -> list[types.Part]:
    """Returns the parts of an answer: its text, and what the markup in it represents. Markup quoted as code stays
    text."""
    parts: list[types.Part] = []
    plain: list[str] = []
    place = 0
    while found := _MARKUP.search(text, place):
        end = _end_of_code(text, found)
        if end is not None:
            plain.append(text[place:end])
            place = end
            continue
        made, end = _marked_up(text, found, notes)
        if made is None:
            plain.append(text[place:end])
        else:
            _add_text(parts, [*plain, text[place : found.start()]])
            plain.clear()
            parts += made
        place = end
    _add_text(parts, [*plain, text[place:]])
    return parts


def pictures_apart(part: types.Part) -> list[types.Part]:
    """Splits a text at its ``data:`` URLs into texts with the pictures between them. Returns any other part
    unchanged."""
    text = part.text
    if not text or part.thought or "](data:" not in text:
        return [part]
    parts: list[types.Part] = []
    begin = place = 0
    while found := _PICTURE.search(text, place):
        place = found.end()
        if not found["url"]:
            place = _end_of_code(text, found) or place
        elif picture := decoded(found["url"], found["name"].strip() or "image"):
            _add_text(parts, [text[begin : found.start()]])
            parts.append(picture)
            begin = place
    _add_text(parts, [text[begin:]])
    return parts if begin else [part]


def plain_text(parts: list[types.Part]) -> str:
    """Returns the readable text of the parts."""
    return "\n\n".join(part.text for part in parts if part.text and not part.thought)


def _end_of_code(text: str, found: re.Match[str]) -> int | None:
    """Returns where the code that begins here ends; None if none begins."""
    if fence := found["fence"]:
        closing = re.compile(rf"^ {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*$", re.MULTILINE)
        closed = closing.search(text, found.end())
        return closed.end() if closed else len(text)
    if found[0].startswith("`"):
        paragraph = text.find("\n\n", found.end())
        limit = len(text) if paragraph < 0 else paragraph
        closed = re.compile(rf"(?<!`){found[0]}(?!`)").search(text, found.end(), limit)
        return closed.end() if closed else found.end()
    return None


def _marked_up(text: str, found: re.Match[str], notes: Notes) -> tuple[list[types.Part] | None, int]:
    """Returns the parts that the markup beginning here represents, and where it ends; no parts if it is plain text."""
    if found["tag"]:
        closed = re.compile(rf"</{found['tag']}>", re.IGNORECASE).search(text, found.end())
        if closed:
            return thought(text[found.end() : closed.start()]), closed.end()
        # Without a closing tag, it is a thought that was cut off, or just a word in a text.
        is_first = not text[: found.start()].strip()
        return (thought(text[found.end() :]), len(text)) if is_first else (None, found.end())
    opening = _OPENING.match(text, found.start())
    attributes = (
        {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(opening["attributes"])} if opening else {}
    )
    if not opening or attributes.get("type") not in ("reasoning", "tool_calls", "code_interpreter"):
        return None, found.end()
    body_end, end = _end_of_details(text, opening.end())
    return _details(attributes, text[opening.end() : body_end], notes), end


def _end_of_details(text: str, begin: int) -> tuple[int, int]:
    """Returns where the content of the details ends, and where the details end."""
    depth, place = 1, begin
    while found := _ANY_DETAILS.search(text, place):
        place = found.end()
        if found["fence"]:
            place = _end_of_code(text, found) or place
        else:
            depth += -1 if found[0] == "</details>" else 1
            if not depth:
                return found.start(), found.end()
    # An unclosed fence would hide the closing tag.
    closing = text.find("</details>", begin)
    return (closing, closing + len("</details>")) if closing >= 0 else (len(text), len(text))


def _details(attributes: dict[str, str], body: str, notes: Notes) -> list[types.Part]:
    summary = _SUMMARY.match(body)
    body = body[summary.end() :] if summary else body
    for name in ("files", "embeds"):
        if has_content(as_object(attributes.get(name), "")):
            notes.left_out(f"{quoted(name)} in tool calls")
    if attributes["type"] == "reasoning":
        lines = html.unescape(body).strip().splitlines()
        return thought("\n".join(line.removeprefix("> ").removeprefix(">") for line in lines))
    if attributes["type"] == "code_interpreter":
        code = _CODE.match(body)
        output = attributes.get("output")
        return code_parts(
            code["code"] if code else html.unescape(body).strip(),
            code["language"] if code else "",
            as_object(output, "output") if output else None,
        )
    call = types.FunctionCall(
        id=attributes.get("id") or None,
        name=attributes.get("name") or "tool",
        args=as_object(attributes.get("arguments") or "{}", "input"),
    )
    result = attributes.get("result") or html.unescape(body).strip()
    if not result and attributes.get("done") == "false":
        return [types.Part(function_call=call)]
    answer = types.FunctionResponse(id=call.id, name=call.name, response=as_object(result, "result"))
    return [types.Part(function_call=call), types.Part(function_response=answer)]


def _add_text(parts: list[types.Part], pieces: list[str]) -> None:
    text = "".join(pieces).strip("\n")
    if text.strip():
        parts.append(types.Part(text=text))
