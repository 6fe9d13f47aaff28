"""Conversations as JSON Lines: one line per event, with flat columns and the whole event."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Final

from google.adk.events.event import Event

from session_store.exchange.adk.json_files import conversation_of, event_json
from session_store.exchange.conversation import ImportedConversation, Whole, checked_text
from session_store.exchange.documents import parse, unreadable
from session_store.exchange.errors import DamagedError, ImportRefusedError
from session_store.exchange.notes import Notes
from session_store.files import BadFileError, open_regular
from session_store.json_safe import as_json
from session_store.limits import LARGEST_EVENT
from session_store.models import TitleSource
from session_store.phrases import size_text
from session_store.sessions.event_rows import tokens_of
from session_store.transcripts.parts import parts_of, readable, speaker_of

_BEGIN: Final = re.compile(r'\s*\{\s*"session_id"')

_KEY: Final = ("app_name", "user_id", "session_id")


def lines(whole: Whole) -> Iterator[str]:
    """Returns the events of a conversation in order, each as one line with a line feed. Rewound events are included and
    marked."""
    about = whole.about
    taken_back = {seq for seq, _, rewound in whole.rows if rewound}
    for stored in whole.events():
        event = stored.event
        tokens = tokens_of(event.usage_metadata)
        fields = {
            "session_id": about.key.session_id,
            "app_name": about.key.app_name,
            "user_id": about.key.user_id,
            "title": about.title,
            "workspace": whole.workspace,
            "event_id": event.id,
            "turn_id": event.invocation_id,
            "at": datetime.fromtimestamp(event.timestamp, UTC).isoformat(timespec="microseconds"),
            "author": speaker_of(event),
            "text": readable(parts_of(event)) or None,
            "tool_calls": [call.name for call in event.get_function_calls()],
            "tool_responses": [response.name for response in event.get_function_responses()],
            "model": event.model_version,
            "input_tokens": tokens.input,
            "output_tokens": tokens.output,
            "rewound": stored.seq in taken_back,
            "event": _event(event),
        }
        yield json.dumps(fields, ensure_ascii=False) + "\n"


def _event(event: Event) -> dict[str, Any]:
    """Returns an event in ADK's JSON, for programs that do not know NaN."""
    fields = event_json(event)
    if event.actions.state_delta:
        fields["actions"]["stateDelta"] = as_json(fields["actions"]["stateDelta"])
    return fields


def begin_so(head: bytes) -> bool:
    """Whether these are the first bytes of such lines, in UTF-8 or UTF-16."""
    return _BEGIN.match(head.decode(json.detect_encoding(head), "replace")) is not None


def conversations(path: Path, damaged: Callable[[str, str], None], notes: Notes) -> Iterator[ImportedConversation]:
    """Returns the conversations of a file of such lines. State is rebuilt from the events.

    ``damaged`` is called with the name of a conversation that cannot be imported, or with the number of a line that
    cannot, and the reason. ``notes`` gets what applies to the whole file.

    Raises:
        ImportRefusedError: the file cannot be read.
    """
    for key, group in groupby(_read(path, damaged, notes), key=lambda line: tuple(line.get(name) for name in _KEY)):
        try:
            yield _conversation(dict(zip(_KEY, key, strict=True)), list(group))
        except DamagedError as error:
            damaged(f"conversation {str(key[-1])[:60]!r}", str(error))


def _read(path: Path, damaged: Callable[[str, str], None], notes: Notes) -> Iterator[dict[str, Any]]:
    try:
        with open_regular(path) as file:
            for number, data in enumerate(_in_utf_8(file), start=1):
                try:
                    line = parse(data, notes, exact=True) if data.strip() else None
                except DamagedError as error:
                    damaged(f"line {number:,}", str(error).replace(" from line 1 on", ""))
                    continue
                if isinstance(line, dict):
                    yield line
                elif line is not None:
                    damaged(f"line {number:,}", "it is not a JSON object")
    except (FileNotFoundError, BadFileError) as error:
        raise unreadable(path, error) from error
    except OSError as error:
        raise ImportRefusedError(f"{path} cannot be read: {error.strerror or error}.") from error


def _in_utf_8(file: IO[bytes]) -> Iterator[bytes]:
    """Returns the lines of a file, which some programs convert to UTF-16 when they copy it.

    Raises:
        BadFileError: a line is longer than an event may be.
    """
    encoding = json.detect_encoding(file.read(4))
    file.seek(0)
    lines: IO[Any] = file if encoding.startswith("utf-8") else TextIOWrapper(file, encoding, "replace")
    while line := lines.readline(LARGEST_EVENT + 1):
        if len(line) > LARGEST_EVENT:
            raise BadFileError(f"it has a line of more than {size_text(LARGEST_EVENT)}")
        yield line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")


def _conversation(key: dict[str, Any], said: list[dict[str, Any]]) -> ImportedConversation:
    events = [line.get("event") for line in said]
    conversation = conversation_of(
        {
            "appName": key["app_name"],
            "userId": key["user_id"],
            "id": key["session_id"],
            "events": events,
            "state": _state(events),
        },
        exact=True,
    )
    title = checked_text(said[-1].get("title"), "the title")
    about = replace(
        conversation.about,
        rewound=frozenset(str(line.get("event_id")) for line in said if line.get("rewound") is True),
    )
    if title:
        about = replace(about, title=title, title_source=TitleSource.PERSON)
    return replace(conversation, about=about)


def _state(events: list[Any]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for event in events:
        actions = event.get("actions") if isinstance(event, dict) else None
        delta = actions.get("stateDelta") if isinstance(actions, dict) else None
        state.update(delta if isinstance(delta, dict) else {})
    return state
