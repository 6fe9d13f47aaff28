"""The status of a session in SQL: one definition for lists, the history, figures and queries."""

from __future__ import annotations

from typing import Final

TURN_STATES: Final = """bool_or(status = 'running') as running, bool_or(status = 'paused') as paused,
        bool_or(status = 'queued') as queued, arg_max(status, (created_at, id)) as last_status"""
"""Aggregates over the turns of a session that have not been rewound."""

STATE: Final = """case when t.running then 'running' when t.paused then 'paused' when t.queued then 'queued'
        when s.terminated_at is not null then 'terminated' else 'idle' end"""
"""The state of a session ``s``, given the aggregates ``t`` of its turns."""

STATUS: Final = STATE.replace(
    "else 'idle'", "when t.last_status in ('failed', 'stopped', 'interrupted') then t.last_status else 'idle'"
)
"""The same, and for an idle session how its last turn ended if it did not complete."""
