"""Conversations as JSON Lines: a line for each event, flat to read and with the whole event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from session_store.exchange.adk_json import event_json
from session_store.exchange.reading import Whole
from session_store.transcript import text_of


def lines(whole: Whole) -> Iterator[str]:
    """The events of a conversation in order, each as one line with a line feed. Those that were taken back are there,
    and marked."""
    about = whole.about
    taken_back = {seq for seq, _, rewound in whole.rows if rewound}
    for stored in whole.events():
        event = stored.event
        usage = event.usage_metadata
        fields = {
            "session_id": about.key.session_id,
            "app_name": about.key.app_name,
            "user_id": about.key.user_id,
            "title": about.title,
            "workspace": whole.workspace,
            "event_id": event.id,
            "turn_id": event.invocation_id,
            "at": datetime.fromtimestamp(event.timestamp, UTC).isoformat(timespec="microseconds"),
            "author": event.author,
            "text": text_of(event.content) or None,
            "tool_calls": [call.name for call in event.get_function_calls()],
            "tool_responses": [response.name for response in event.get_function_responses()],
            "model": event.model_version,
            "input_tokens": usage.prompt_token_count if usage else None,
            "output_tokens": usage.candidates_token_count if usage else None,
            "rewound": stored.seq in taken_back,
            "event": event_json(event),
        }
        yield json.dumps(fields, ensure_ascii=False) + "\n"
