"""Reads what an Open WebUI answer contains besides its text: output items, usage, files and sources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from google.genai import types

from session_store.exchange.chats.enclosed import MOST_BYTES, decoded
from session_store.exchange.chats.foreign import OUTPUTS, code_parts, thought
from session_store.exchange.fields import Fields, as_object
from session_store.exchange.notes import Notes, has_content, quoted

_INPUT: Final = ("input_tokens", "prompt_tokens", "prompt_eval_count", "prompt_n")
_OUTPUT: Final = ("output_tokens", "completion_tokens", "eval_count", "predicted_n")
_OF_SEARCH: Final = ("file_id", "hash", "embedding_config", "created_by", "start_index", "collection", "id")
"""Fields that Open WebUI's search writes beside a text that it found."""
_CALLS: Final = frozenset({"function_call", "custom_tool_call", "mcp_call"})
_ANSWERS: Final = frozenset({"function_call_output", "custom_tool_call_output"})
_CODE: Final = frozenset({"open_webui:code_interpreter", "code_interpreter", "code_interpreter_call"})

Source = tuple[str, str, str]


def output_parts(items: Iterable[Fields], notes: Notes) -> list[types.Part]:
    """Returns the parts that the items of ``output`` represent, in order."""
    parts: list[types.Part] = []
    for item in items:
        item.ignore("id", "status", "incomplete_details", "role", "start_tag", "end_tag")
        kind = item.text("type")
        if kind == "message":
            text = _text(item, "content", notes)
            parts += [types.Part(text=text)] if text.strip() else []
        elif kind == "reasoning":
            parts += thought(_text(item, "content", notes) or _text(item, "summary", notes) or item.text("text"))
        elif kind in _CALLS:
            parts += _call(item)
        elif kind in _ANSWERS:
            parts.append(_answer(item, notes))
        elif kind in _CODE:
            parts += _code(item, notes)
        elif kind.endswith("_call"):
            parts += _built_in_call(item, kind, notes)
        else:
            notes.left_out(f"`output` items of type {quoted(kind)}")
            item.ignore(*item.names)
    return parts


def usage_of(usage: Fields) -> types.GenerateContentResponseUsageMetadata | None:
    """Returns the tokens of an answer, whatever names a server gives them. In OpenAI's protocol, thoughts and cached
    tokens are included in the totals; ADK counts thoughts separately."""
    given = _first(usage, _INPUT)
    said = _first(usage, _OUTPUT)
    total = usage.count("total_tokens")
    if given is None and total is not None and said is not None and total >= said:
        given = total - said
    if given is None and said is None:
        return None
    cached = _detail(usage, ("input_tokens_details", "prompt_tokens_details"), "cached_tokens")
    apart = [usage.count("cache_read_input_tokens"), usage.count("cache_creation_input_tokens")]
    if cached is None and any(apart):  # Anthropic counts these separately from the input
        cached = apart[0]
        given = (given or 0) + sum(count or 0 for count in apart)
    thoughts = _detail(usage, ("output_tokens_details", "completion_tokens_details"), "reasoning_tokens") or None
    if thoughts is not None and said is not None:
        thoughts = min(thoughts, said)
        said -= thoughts
    return types.GenerateContentResponseUsageMetadata(
        prompt_token_count=given,
        candidates_token_count=said,
        thoughts_token_count=thoughts,
        cached_content_token_count=cached or None,
    )


def file_parts(files: Iterable[Fields], notes: Notes, *, with_texts: bool = False) -> list[types.Part]:
    """Returns the pictures included in the export and, ``with_texts``, the files whose text is included, which is how
    users attach files. The others are noted by name."""
    parts: list[types.Part] = []
    for file in files:
        file.ignore("id", "status", "type", "url", "name", "size", "itemId", "error", "progress", "content_type")
        kind = file.text("type") or "file"
        inner = file.inner("file")
        inner.ignore(*inner.names)
        about = as_object(inner.value("data"), "")
        name = file.text("name") or inner.text("filename") or kind
        pasted, text = file.whole("content"), about.get("content")
        text = text if isinstance(text, str) and text.strip() else pasted
        if found := decoded(file.value("url"), name) or decoded(pasted, name):
            parts.append(found)
        elif with_texts and isinstance(text, str) and text.strip() and len(text) <= MOST_BYTES:
            parts.append(types.Part(text=f"[Attached file: {' '.join(name.split())}]\n{text}"))
        else:
            notes.left_out(
                f"{'pictures' if kind == 'image' else 'file'} {quoted(name)}" if name != kind else f"{kind}s"
            )
    return parts


def sources_of(sources: Iterable[Fields], notes: Notes) -> list[Source]:
    """Returns the titles, addresses and quoted texts of an answer's sources, one for each document of each source."""
    found: list[Source] = []
    for entry in sources:
        source = entry.inner("source")
        source.ignore("id", "type", "status")
        title, address = source.text("name"), source.text("url")
        texts, places = entry.items("document"), entry.items("metadata")
        named = []
        for number in range(max(len(texts), len(places))):
            text = texts[number] if number < len(texts) else ""
            if not isinstance(text, str):
                notes.left_out("`sources.document` that is not a text", has_content(text))
                text = ""
            place = entry.below("metadata", places[number] if number < len(places) else {})
            place.ignore(*_OF_SEARCH)
            urls = [one for one in (place.value("url"), place.value("source"), address) if _is_url(one)]
            names = [one for one in (place.value("title"), place.value("name"), title) if _is_text(one)]
            if _is_text(place.value("source")) and place.value("source") not in (*urls, *names, title):
                place.drop("source")
            named.append((names[0] if names else "", urls[0] if urls else "", text.strip()))
            notes.converted("`sources.document` to texts that only the JSON export has", _is_text(text))
        own = (title, address)
        if not named or (_is_text(address) and all(one[1] != address for one in named)):
            named.append((*own, ""))
        found += named
    return found


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _first(usage: Fields, names: Iterable[str]) -> int | None:
    counts = [usage.count(name) for name in names]
    return next((count for count in counts if count is not None), None)


def _detail(usage: Fields, places: Iterable[str], name: str) -> int | None:
    counts = [usage.inner(place).count(name) for place in places]
    return next((count for count in counts if count is not None), None)


def _text(item: Fields, name: str, notes: Notes) -> str:
    """Returns the text of a content, which is a string or a list of pieces."""
    if isinstance(item.value(name), str):
        return item.text(name)
    texts = []
    for piece in item.objects(name):
        piece.ignore("type", "logprobs")
        text = piece.text("text") or piece.text("refusal")
        if has_content(piece.whole("image_url")):
            notes.left_out("pictures in tool answers")
        texts.append(text)
    return "\n".join(text for text in texts if text)


def _call(item: Fields) -> list[types.Part]:
    call_id, name = item.text("call_id") or item.text("id"), item.text("name") or "tool"
    given = item.whole("arguments")
    args = (
        as_object(item.whole("input") if given in (None, "") else given, "input")
        if has_content(given) or has_content(item.whole("input"))
        else {}
    )
    parts = [types.Part(function_call=types.FunctionCall(id=call_id or None, name=name, args=args))]
    output, error = item.whole("output"), item.whole("error")
    if has_content(output) or has_content(error):  # an MCP call contains its answer
        said = as_object(output, "result") if has_content(output) else {}
        said |= {"error": error} if has_content(error) else {}
        answer = types.FunctionResponse(id=call_id or None, name=name, response=said)
        parts.append(types.Part(function_response=answer))
    return parts


def _answer(item: Fields, notes: Notes) -> types.Part:
    call_id = item.text("call_id") or item.text("id")
    for name in ("files", "embeds"):
        if has_content(item.whole(name)):
            notes.left_out(f"{quoted(name)} in tool calls")
    output = item.value("output")
    said = _text(item, "output", notes) if isinstance(output, (list, str)) else item.whole("output")
    response = as_object(said, "result")
    return types.Part(
        function_response=types.FunctionResponse(id=call_id or None, name=item.text("name") or None, response=response)
    )


def _code(item: Fields, notes: Notes) -> list[types.Part]:
    item.ignore("call_id", "container_id")
    code, language = item.text("code"), item.text("lang") or item.text("language")
    output = item.whole("output")
    for name in output if isinstance(output, dict) else ():
        if name not in OUTPUTS and has_content(output[name]):
            notes.left_out(quoted(f"output.{name}"))
    pieces = [piece.text("logs") for piece in item.objects("outputs")]
    return code_parts(code, language, output if output is not None else "\n".join(filter(None, pieces)) or None)


def _built_in_call(item: Fields, kind: str, notes: Notes) -> list[types.Part]:
    """Returns a call of a provider's built-in tool, such as a web search: one item holds its arguments and its
    results."""
    call_id = item.text("call_id") or item.text("id")
    fields: dict[str, Any] = {name: item.whole(name) for name in item.names if name not in ("id", "type", "status")}
    answers = ("results", "result", "output")
    args = {name: value for name, value in fields.items() if name not in answers and has_content(value)}
    said = {name: value for name, value in fields.items() if name in answers and has_content(value)}
    call = types.FunctionCall(id=call_id or None, name=kind.removesuffix("_call"), args=args)
    answer = types.FunctionResponse(id=call.id, name=call.name, response=said or {"status": item.text("status")})
    notes.converted(f"`output` items of type {quoted(kind)}")
    return [types.Part(function_call=call), types.Part(function_response=answer)]
