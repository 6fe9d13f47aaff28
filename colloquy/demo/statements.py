"""The SQL that turns the plan of the demo conversations into rows of the store."""

from __future__ import annotations

from typing import Final


def uuids(seed: int) -> str:
    """Return a statement that defines ``made_id(kind, number)``: a version 4 UUID that is always the same."""
    return f"""
        create temp macro made_id(kind, number) as regexp_replace(
            md5('{int(seed)} ' || kind || ' ' || number),
            '^(.{{8}})(.{{4}}).(.{{3}}).(.{{3}})(.{{12}})$', '\\1-\\2-4\\3-a\\4-\\5'
        )
    """


_QUESTION: Final = "q.text || case when t.case = 0 then '' else ' It is about case ' || t.case || '.' end"
_TITLE: Final = "case when length(text) <= 48 then text else regexp_replace(text[:48], ' [^ ]*$', '') || '…' end"

SESSIONS: Final = f"""
    insert into sessions by name
    with first as (
        select t.session, {_QUESTION} as text
        from plan_turns t
        join plan_sessions s on s.place = t.session
        join words_said q on q.kind = 'question' and q.agent = s.agent and q.place = t.question and q.topic = t.topic
        where t.number = 0
    )
    select
        s.session_no, a.id as app_name, u.id as user_id, made_id('session', s.session_no) as id,
        coalesce({_TITLE}, '') as title, case when text is null then 'none' else 'words' end as title_source,
        case when a.id = 'data_analyst' then 'sample-shop' else 'general' end as workspace_id,
        m.id as model, s.saved, s.start as created_at, s.start as updated_at, s.start as seen_at,
        case when s.deleted then s.start + 3600 end as deleted_at, '{{}}' as state
    from plan_sessions s
    join words_agents a on a.place = s.agent
    join words_models m on m.place = s.model
    join words_users u on u.place = s.user
    left join first f on f.session = s.place
    order by s.session_no
"""

TURNS: Final = f"""
    insert into turns by name
    select
        made_id('turn', t.place) as id, s.session_no, w.name as status,
        '{{"parts":[{{"text":' || to_json({_QUESTION}) || '}}],"role":"user"}}' as message,
        m.id as model, t.at as created_at, t.at + 0.02 as started_at,
        case when w.name != 'failed' then t.at + 0.02 + t.wait end as first_token_at,
        t.at + 0.03 + t.seconds as ended_at,
        t.input_tokens + case when t.tool then 300 else 0 end as input_tokens,
        t.output_tokens + case when t.tool then 30 else 0 end as output_tokens,
        case when w.name = 'failed' then f.text end as error, false as rewound
    from plan_turns t
    join plan_sessions s on s.place = t.session
    join words_models m on m.place = s.model
    join words_statuses w on w.place = t.status
    join words_failures f on f.place = t.failure
    join words_said q on q.kind = 'question' and q.agent = s.agent and q.place = t.question and q.topic = t.topic
    order by t.place
"""

_ACTIONS: Final = (
    '"actions":{"state_delta":{},"artifact_delta":{},"requested_auth_configs":{},"requested_tool_confirmations":{}},'
    '"node_info":{"path":""}'
)

_FAILURE: Final = "The query failed: there is no such column."

EVENTS: Final = f"""
    insert into events by name
    with made as (
        select
            e.seq, s.session_no, made_id('event', e.seq) as id, made_id('turn', e.turn) as invocation_id,
            case when e.kind = 0 then 'user' else a.id end as author, e.timestamp, e.kind,
            case e.kind when 0 then {_QUESTION} when 3 then r.text end as text,
            case when e.kind in (1, 3) then m.name end as model,
            case e.kind when 1 then 300 when 3 then t.input_tokens end::bigint as input_tokens,
            case e.kind when 1 then 30 when 3 then t.output_tokens end::bigint as output_tokens,
            e.kind = 3 and t.status in (2, 3) as interrupted, 'call-' || e.turn as call_id, t.tool_failed, x.text as sql
        from plan_events e
        join plan_turns t on t.place = e.turn
        join plan_sessions s on s.place = t.session
        join words_agents a on a.place = s.agent
        join words_models m on m.place = s.model
        join words_queries x on x.place = t.query
        join words_said q on q.kind = 'question' and q.agent = s.agent and q.place = t.question and q.topic = t.topic
        join words_said r on r.kind = 'answer' and r.agent = s.agent and r.place = t.answer and r.topic = t.topic
    )
    select
        seq, session_no, id, invocation_id, author, timestamp, text, model, input_tokens, output_tokens,
        null as thought_tokens, null as cached_tokens,
        case when kind = 1 then ['run_sql'] end as tool_calls, case when kind = 2 then ['run_sql'] end as tool_results,
        case when kind = 2 and tool_failed then ['run_sql'] end as tool_errors,
        case when kind = 1 then 'run_sql sql: ' || sql
            when kind = 2 and tool_failed then 'run_sql error: {_FAILURE}'
            when kind = 2 then 'run_sql row_count: 12, seconds: 0.02' end as tool_text,
        case when kind in (1, 2) then '[{{"id": "' || call_id || '", "tool": "run_sql", "outcome": "'
            || case when kind = 1 then 'called' when tool_failed then 'failed' else 'succeeded' end || '"}}]' end
            as tool_uses,
        interrupted, null as finish_reason, null as error_code, null as rewind_before, false as rewound,
        '{{' || case when model is null then '' else '"model_version":"' || model || '",' end
        || '"content":{{"parts":[{{' || case kind
            when 1 then '"function_call":{{"id":"' || call_id || '","args":{{"sql":' || to_json(sql)
                || '}},"name":"run_sql"}}'
            when 2 then '"function_response":{{"id":"' || call_id || '","name":"run_sql","response":{{'
                || case when tool_failed then '"error":"{_FAILURE}"'
                   else '"row_count":12,"seconds":0.02' end || '}}}}'
            else '"text":' || to_json(text) end
        || '}}],"role":"' || case when kind in (0, 2) then 'user' else 'model' end || '"}},'
        || case when interrupted then '"interrupted":true,' else '' end
        || case when input_tokens is null then '' else '"usage_metadata":{{"candidates_token_count":' || output_tokens
            || ',"prompt_token_count":' || input_tokens || '}},' end
        || '"invocation_id":"' || invocation_id || '","author":"' || author || '",'
        || '{_ACTIONS},"id":"' || id || '","timestamp":' || timestamp || '}}' as data
    from made
    order by seq
"""

FEEDBACK: Final = """
    insert into feedback by name
    select s.session_no, made_id('event', e.seq) as event_id, t.score, '' as comment, e.timestamp + 20 as given_at
    from plan_events e
    join plan_turns t on t.place = e.turn
    join plan_sessions s on s.place = t.session
    where e.kind = 3 and t.score != 0
    order by e.seq
"""

UPDATED_AT: Final = """
    update sessions set updated_at = e.timestamp, seen_at = e.timestamp + 3600
    from (select session_no, max(timestamp) as timestamp from events group by session_no) e
    where sessions.session_no = e.session_no
"""
