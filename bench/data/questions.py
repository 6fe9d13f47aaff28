"""The queries of the analytics page for three databases. All return the same answers."""

from __future__ import annotations

from typing import Final

DUCK, LITE, ADK = "store", "SQLite", "ADK"

_SAME_COLUMNS: Final = {
    "text": "text",
    "author": "author",
    "model": "e.model",
    "given": "input_tokens",
    "written": "output_tokens",
    "chat": "e.session_no",
    "events": "events e join sessions s using (session_no) where deleted_at is null and not e.rewound",
}
_SQLITE: Final = {"day": "cast(timestamp / 86400 as integer)", "hour": "cast(timestamp / 3600 as integer)"}
_WORDS: Final = {
    DUCK: {
        **_SAME_COLUMNS,
        "day": "floor(timestamp / 86400)::integer",
        "hour": "floor(timestamp / 3600)::integer",
    },
    LITE: {**_SAME_COLUMNS, **_SQLITE},
    ADK: {
        **_SQLITE,
        "text": "json_extract(event_data, '$.content.parts[0].text')",
        "author": "json_extract(event_data, '$.author')",
        "model": "json_extract(event_data, '$.model_version')",
        "given": "json_extract(event_data, '$.usage_metadata.prompt_token_count')",
        "written": "json_extract(event_data, '$.usage_metadata.candidates_token_count')",
        "chat": "app_name || user_id || session_id",
        "events": "events e where true",
    },
}
_TEMPLATES: Final = {
    "messages and chats a day": """
        select {day}, count({text}), count(distinct {chat}) from {events} group by 1 order by 1""",
    "questions by weekday and hour": """
        select ({day} + 3) % 7, {hour} % 24, count(*) from {events} and {author} = 'user' and {text} is not null
        group by 1, 2 order by 1, 2""",
    "tokens by model": """
        select {model}, cast(sum({given}) as bigint), cast(sum({written}) as bigint) from {events}
        and {model} is not null group by 1 order by 1""",
    "agents side by side": """
        select app_name, count(distinct {chat}), count({text}),
            cast(sum(coalesce({given}, 0) + coalesce({written}, 0)) as bigint)
        from {events} group by 1 order by 1""",
    "what is asked again and again": """
        select lower(trim({text})), count(*) from {events} and {author} = 'user' and {text} is not null
        group by 1 order by 2 desc, 1 limit 10""",
}
_KEPT_TURNS: Final = "turns t join sessions s using (session_no) where deleted_at is null and not t.rewound"
_CALL: Final = "json_extract(event_data, '$.content.parts[0].function_call.name')"
_ANSWER: Final = "json_extract(event_data, '$.content.parts[0].function_response.name')"
_ERROR: Final = "json_extract(event_data, '$.content.parts[0].function_response.response.error')"

QUESTIONS: Final[dict[str, dict[str, str]]] = {
    name: {database: template.format_map(words) for database, words in _WORDS.items()}
    for name, template in _TEMPLATES.items()
} | {
    "calls of tools, and how many failed": {
        DUCK: """
            select tool, cast(sum(calls) as bigint), cast(sum(errors) as bigint) from (
                select unnest(tool_calls) as tool, 1 as calls, 0 as errors from {events} and tool_calls is not null
                union all
                select unnest(tool_errors), 0, 1 from {events} and tool_errors is not null
            ) group by 1 order by 1""".format_map(_SAME_COLUMNS),
        LITE: """
            select tool, sum(calls), sum(errors) from (
                select j.value as tool, 1 as calls, 0 as errors from {lists} and tool_calls is not null
                union all
                select j.value, 0, 1 from {errors} and tool_errors is not null
            ) group by 1 order by 1""".format(
            lists=_SAME_COLUMNS["events"].replace("events e", "events e, json_each(e.tool_calls) j"),
            errors=_SAME_COLUMNS["events"].replace("events e", "events e, json_each(e.tool_errors) j"),
        ),
        ADK: f"""
            select coalesce({_CALL}, {_ANSWER}), count({_CALL}), count({_ERROR}) from events
            where {_CALL} is not null or {_ANSWER} is not null group by 1 order by 1""",
    },
    "chats by number of turns": {
        **dict.fromkeys(
            (DUCK, LITE),
            f"""
            select turns, count(*) from (select count(*) as turns from {_KEPT_TURNS} group by t.session_no) counted
            group by 1 order by 1""",
        ),
        ADK: """
            select turns, count(*) from (
                select count(distinct invocation_id) as turns from events group by app_name, user_id, session_id
            ) group by 1 order by 1""",
    },
    # ADK does not store turns.
    "length of turns by week, 95 %": {
        DUCK: f"""
            select floor(t.created_at / 604800)::integer, quantile_disc(ended_at - started_at, 0.95)
            from {_KEPT_TURNS} and ended_at is not null group by 1 order by 1""",
        LITE: f"""
            select week, min(seconds) from (
                select week, seconds, cume_dist() over (partition by week order by seconds) as share from (
                    select cast(t.created_at / 604800 as integer) as week, ended_at - started_at as seconds
                    from {_KEPT_TURNS} and ended_at is not null
                )
            ) where share >= 0.95 group by week order by week""",
    },
}
"""The SQL by query and database."""
