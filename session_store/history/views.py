"""SQL views of the history for users and agents: no deleted sessions, nothing that was taken back."""

from __future__ import annotations

from typing import Final

import duckdb

from session_store.sessions.status import STATE, TURN_STATES


def _utc(seconds: str) -> str:
    return f"make_timestamp(({seconds} * 1000000)::bigint)"


_VIEWS: Final = f"""
drop schema if exists history cascade;
create schema history;

create view history.conversations as
    with e as (
        select session_no, arg_max(timestamp, seq) filter (not copied) as updated_at,
            count(text) filter (not rewound) as messages,
            coalesce(sum(input_tokens), 0)::bigint as input_tokens,
            coalesce(sum(output_tokens), 0)::bigint as output_tokens
        from main.events group by session_no
    ), t as (
        select session_no, count(*) as turns, {TURN_STATES}
        from main.turns where not rewound group by session_no
    ), g as (
        select session_no, list(tag order by tag) as tags from main.tags group by session_no
    )
    select s.id, s.title, w.name as workspace, s.app_name as agent, s.model, s.user_id as "user", s.saved,
        {_utc("s.created_at")} as created_at, {_utc("coalesce(e.updated_at, s.updated_at)")} as updated_at,
        coalesce(e.messages, 0) as messages, coalesce(t.turns, 0) as turns,
        coalesce(e.input_tokens, 0) as input_tokens, coalesce(e.output_tokens, 0) as output_tokens,
        {STATE} as status,
        t.last_status as last_turn_status, coalesce(g.tags, []) as tags, s.note,
        {_utc("s.terminated_at")} as terminated_at, s.branched_from
    from main.sessions s
    left join main.workspaces w on w.id = s.workspace_id
    left join e using (session_no)
    left join t using (session_no)
    left join g using (session_no)
    where s.deleted_at is null;

create view history.messages as
    select e.id, s.id as conversation_id, e.invocation_id as turn_id, e.author,
        case when e.author = 'user' then 'user' else 'agent' end as role, e.text,
        {_utc("e.timestamp")} as created_at, e.model, e.input_tokens, e.output_tokens, e.interrupted as partial,
        e.copied, e.thought_tokens, e.cached_tokens
    from main.events e join main.sessions s using (session_no)
    where s.deleted_at is null and not e.rewound and e.text is not null;

create view history.turns as
    select t.id, s.id as conversation_id, t.status, t.model,
        {_utc("t.created_at")} as created_at, {_utc("t.started_at")} as started_at,
        t.first_token_at - t.started_at as first_token_seconds, t.ended_at - t.started_at as seconds,
        t.input_tokens, t.output_tokens, t.error, t.copied
    from main.turns t join main.sessions s using (session_no)
    where s.deleted_at is null and not t.rewound;

create view history.tool_calls as
    with parts as (
        select e.seq, e.session_no, e.invocation_id, e.id, e.timestamp, e.tool_calls is not null as calls, unnest(
            case when json_valid(e.data) then (e.data::json -> '$.content.parts')::json[] end) as part
        from main.events e where not e.rewound and (e.tool_calls is not null or e.tool_results is not null)
    ), answers as (
        select session_no, part ->> '$.function_response.id' as call_id,
            arg_max(part -> '$.function_response.response', seq) as response
        from parts where part ->> '$.function_response.id' is not null group by all
    )
    select s.id as conversation_id, c.invocation_id as turn_id, c.id as event_id,
        c.part ->> '$.function_call.name' as tool,
        (c.part -> '$.function_call.args')::varchar as arguments, a.response::varchar as response,
        {_utc("c.timestamp")} as created_at
    from parts c
    join main.sessions s using (session_no)
    left join answers a on a.session_no = c.session_no and a.call_id = c.part ->> '$.function_call.id'
    where s.deleted_at is null and c.calls and c.part ->> '$.function_call.name' != 'adk_request_confirmation';

create view history.feedback as
    select s.id as conversation_id, f.event_id as message_id, f.score, f.comment, {_utc("f.given_at")} as created_at
    from main.feedback f join main.sessions s using (session_no)
    anti join (select session_no, id from main.events where rewound) e
        on e.session_no = f.session_no and e.id = f.event_id
    where s.deleted_at is null;
"""

_COMMENTS: Final = {
    "history.conversations": {
        "": "One row for each conversation.",
        "workspace": "Name of the workspace that it belongs to",
        "agent": "Id of the agent that answers",
        "model": "Id of the model chosen for its next turn",
        "saved": "Marked as worth keeping",
        "created_at": "UTC",
        "updated_at": "UTC, of the last event",
        "messages": "Number of rows in messages",
        "turns": "Number of rows in turns",
        "input_tokens": "What models were given to read, for versions of messages that are not shown, too",
        "output_tokens": "What they wrote, versions that are not shown among it",
        "status": "idle, queued, running, paused or terminated",
        "last_turn_status": "Status of its last row in turns",
        "tags": "Words that people sort it by",
        "note": "What a person noted about it",
        "terminated_at": "UTC, when a person ended it",
        "branched_from": "Id of the conversation that it is a branch of",
    },
    "history.messages": {
        "": "One row for each thing that a person or an agent said. The text of a message that is files only is empty",
        "turn_id": "Of the row in turns that it belongs to",
        "author": "user, or the name of the agent",
        "role": "user or agent",
        "created_at": "UTC",
        "model": "Model that wrote it",
        "input_tokens": "What the model was given to read",
        "output_tokens": "What it wrote, its thoughts among it",
        "partial": "Broken off before its end",
        "copied": "A branch has it from the conversation that it began in; its tokens count there",
        "thought_tokens": "How many of the output tokens were thoughts",
        "cached_tokens": "How many of the input tokens the model had in its cache",
    },
    "history.turns": {
        "": "One row for each question with what it set off.",
        "status": "queued, running, paused, completed, stopped, failed or interrupted",
        "created_at": "UTC",
        "started_at": "UTC",
        "first_token_seconds": "From the start to the first word",
        "seconds": "From the start to the end",
        "error": "Why it failed, or why its answer was cut off",
        "copied": "A branch has it from the conversation that it began in; its tokens count there",
    },
    "history.tool_calls": {
        "": "One row for each call of a tool.",
        "tool": "Name of the tool",
        "arguments": "JSON",
        "response": "JSON of its last response, if it has answered",
        "created_at": "UTC",
    },
    "history.feedback": {
        "": "What people think of answers.",
        "message_id": "Of the row in messages that it is about",
        "score": "1 or -1",
        "created_at": "UTC",
    },
}


def history_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Recreate the views in the schema ``history``, with comments, over the current tables."""
    connection.execute(_VIEWS)
    subjects = (
        (f"column {view}.{column}" if column else f"view {view}", comment)
        for view, comments in _COMMENTS.items()
        for column, comment in comments.items()
    )
    connection.execute(";".join(f"comment on {subject} is '{comment}'" for subject, comment in subjects))
