"""The events and turns of a store as plain pandas tables, read from the events' JSON without any code of the page."""

from __future__ import annotations

import pandas as pd
from google.adk.events.event import Event


class ByHand:
    """``sessions`` (indexed by number), ``events``, ``turns`` and ``feedback`` that are neither deleted nor rewound.
    ``at`` is a time in the time zone."""

    def __init__(self, store, zone):
        read = store.log.database.rows
        self.zone = str(zone)
        sessions = pd.DataFrame(
            read("select session_no, id, app_name, user_id, saved, created_at, deleted_at from sessions"),
            columns=["no", "id", "agent", "user", "saved", "created", "deleted"],
        )
        self.sessions = sessions[sessions["deleted"].isna()].set_index("no")
        self.sessions["at"] = self._local(self.sessions["created"])
        rows = read("select session_no, data from events where not rewound")
        self.events = pd.DataFrame([_event(no, data) for no, data in rows if no in self.sessions.index])
        self.events["at"] = self._local(self.events["timestamp"])
        self.turns = pd.DataFrame(
            read(
                "select session_no, id, status, created_at, started_at, first_token_at, ended_at "
                "from turns where not rewound"
            ),
            columns=["no", "id", "status", "created", "started", "first", "ended"],
        )
        self.turns = self.turns[self.turns["no"].isin(self.sessions.index)]
        self.turns["at"] = self._local(self.turns["created"])
        self.turns["wait"] = self.turns["first"] - self.turns["started"]
        known = self.turns["status"] != "interrupted"
        self.turns["seconds"] = (self.turns["ended"] - self.turns["started"]).where(known)
        self.feedback = pd.DataFrame(
            read("select session_no, event_id, score, given_at from feedback"),
            columns=["no", "event", "score", "given"],
        )
        self.feedback = self.feedback[self.feedback["event"].isin(self.events["id"])]
        self.feedback["at"] = self._local(self.feedback["given"])

    def _local(self, seconds):
        return pd.to_datetime(seconds.astype(float), unit="s", utc=True).dt.tz_convert(self.zone)

    def only(self, numbers):
        """Keep only these sessions."""
        self.sessions = self.sessions[self.sessions.index.isin(numbers)]
        self.events = self.events[self.events["no"].isin(numbers)]
        self.turns = self.turns[self.turns["no"].isin(numbers)]
        self.feedback = self.feedback[self.feedback["no"].isin(numbers)]
        return self

    def within(self, table, first, last):
        """The rows of a range of local days."""
        begin = pd.Timestamp(first).tz_localize(self.zone)
        end = (pd.Timestamp(last) + pd.DateOffset(days=1)).tz_localize(self.zone)
        return table[(table["at"] >= begin) & (table["at"] < end)]


def _event(no, data):
    event = Event.model_validate_json(data)
    parts = (event.content.parts if event.content else None) or []
    usage = event.usage_metadata
    return {
        "no": no,
        "id": event.id,
        "turn": event.invocation_id,
        "timestamp": event.timestamp,
        "asked": event.author == "user",
        "text": "".join(part.text for part in parts if part.text and not part.thought),
        "model": event.model_version,
        "in": (usage and usage.prompt_token_count) or 0,
        "out": (usage and usage.candidates_token_count) or 0,
        "calls": [part.function_call.name for part in parts if part.function_call],
        "responses": [part.function_response.response for part in parts if part.function_response],
    }
