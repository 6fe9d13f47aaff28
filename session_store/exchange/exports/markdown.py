"""Conversations as Markdown, for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from session_store.exchange.conversation import Whole
from session_store.transcripts.endings import how_ended
from session_store.transcripts.parts import Code, FilePart, Output, Source, Thought, fenced, readable
from session_store.transcripts.transcript import Message, Shown, Step, messages

YOU = "You"


def markdown(whole: Whole) -> str:
    """Returns the conversation as the user sees it: messages with the tool calls that led to them, without rewound
    messages. Times are in UTC."""
    return "".join(f"{block}\n\n" for block in _blocks(whole)).rstrip() + "\n"


def _blocks(whole: Whole) -> Iterator[str]:
    about = whole.about
    yield f"# {about.title or 'Conversation'}"
    facts = {
        "Agent": about.key.app_name,
        "Model": about.model if _asked_a_model(whole) else None,
        "Workspace": whole.workspace,
        "User": about.key.user_id,
        "Created": _time(about.created_at),
        "Last message": _time(about.updated_at),
        "Id": about.key.session_id,
    }
    yield "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)
    turns = {turn.id: turn for turn in about.turns}
    shown = messages(whole.events(rewound=False))
    ends = {message.turn_id: message for message in shown}
    for message in shown:
        yield "---"
        yield from _message(message)
        turn = turns.get(message.turn_id)
        if turn and message is ends[turn.id] and (ending := how_ended(turn)):
            yield f"How this turn ended: {_plain(ending)}"


def _asked_a_model(whole: Whole) -> bool:
    """Whether any turn went to a model. SQL turns do not, even if a model is chosen for the next turn."""
    turns = whole.about.turns
    if not turns or any(turn.model for turn in turns):
        return True
    return any(stored.event.model_version for stored in whole.events())


def _message(message: Message) -> Iterator[str]:
    author = YOU if message.is_user else message.author
    partial = " (not complete)" if message.partial else ""
    yield f"**{author}** · {_time(message.at)}{partial}"
    for part in message.parts:
        yield from _part(part)
    if message.sources:
        yield "Sources:\n\n" + "\n".join(f"{number}. {_source(one)}" for number, one in enumerate(message.sources, 1))


def _part(part: Shown) -> Iterator[str]:
    match part:
        case Step():
            yield from _step(part)
        case FilePart():
            yield f"Attached: `{part.name}` ({part.mime_type})"
        case Thought():
            yield "Thought:"
            yield "\n".join(f"> {line}".rstrip() for line in part.text.splitlines())
        case Code():
            yield from _code(part)
        case Output() if part.node:
            yield f"Output of `{part.node}`"
            yield fenced(part.text, "" if isinstance(part.value, str) else "json")
        case _:
            yield readable([part])


def _code(code: Code) -> Iterator[str]:
    if code.code:
        yield "Code"
        yield fenced(code.code, code.language)
    if code.output is not None:
        yield "failed" if code.failed else "gave"
        yield fenced(code.output)


def _source(source: Source) -> str:
    title = _plain(source.title)
    return f"[{title}](<{source.url}>)" if source.url else title


def _plain(text: str) -> str:
    """Returns plain text on one line, escaped so that Markdown shows it unchanged."""
    return re.sub(r"([\\\[\]`*_<>])", r"\\\1", " ".join(text.split()))


def _step(step: Step) -> Iterator[str]:
    yield f"Tool `{step.name}`{_progress(step)}"
    sql = step.args.get("sql")
    if isinstance(sql, str):
        yield fenced(sql, "sql")
    rest: Mapping[str, Any] = {name: value for name, value in step.args.items() if not (name == "sql" and value is sql)}
    if rest:
        yield fenced(_json(rest), "json")
    if step.response is not None:
        yield "answered"
        yield fenced(_json(step.response), "json")


def _progress(step: Step) -> str:
    if step.is_asking:
        return " · waiting for a person to say that it may run"
    if step.waits:
        return " · waiting for its result"
    return "" if step.seconds is None else f" · {step.seconds:.2f} s"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
