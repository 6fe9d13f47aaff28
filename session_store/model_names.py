"""Maps the model that the user chooses to the name under which the provider answers: ``gemini-2.5-flash`` for
``gemini/gemini-2.5-flash``, or whatever a server calls the file that it was given."""

from __future__ import annotations

from typing import Final

NAMES: Final = """
    with chosen as (
        select session_no, min(model) as model, min(model) is distinct from max(model) as several
        from turns where not copied group by session_no
    ), answered as (
        select session_no, invocation_id, model from events where model is not null and not rewound and not copied
    ), seen as (
        select coalesce(c.model, s.model) as id, a.model as name, sum(a.times) as times
        from (select session_no, model, count(*) as times from answered group by all) a
        join sessions s using (session_no) left join chosen c using (session_no)
        where not coalesce(c.several, false) group by all
        union all
        -- In a session that changed its model, only the turn says which of them was asked.
        select t.model, a.model, count(*) from answered a join turns t on t.id = a.invocation_id
        where a.session_no in (select session_no from chosen where several) group by all
    ), counted as (
        select id, name, sum(times) as times from seen where id is not null group by all
    ), ids as (
        select model as id from sessions union select model from turns
    )
    select id, coalesce(arg_max(name, (times, name)), regexp_replace(id, '^[a-z]+/', '')) as name
    from ids left join counted using (id) where id is not null group by id
"""
"""SQL that returns the ``id`` of each model that was ever chosen, and the ``name`` that most of its answers carry.
Without answers, the name is the id without its provider prefix."""

UNNAMED: Final = (
    "model is null and author != 'user' "
    "and (text is not null or coalesce(input_tokens, 0) > 0 or coalesce(output_tokens, 0) > 0)"
)
"""SQL condition for events whose model is known only from their turn, or else from their session: partial answers, and
events of imported agents."""

ANSWERED: Final = f"""
    with names as ({NAMES})
    select session_no, model from events where not copied and author != 'user' and model is not null
    union all
    select e.session_no, coalesce(n.name, 'unknown') from (
        select session_no, invocation_id, text, input_tokens, output_tokens from events
        where not copied and {UNNAMED}
            and (not rewound and text is not null or coalesce(input_tokens, 0) > 0 or coalesce(output_tokens, 0) > 0)
    ) e join sessions s using (session_no) left join turns t on t.id = e.invocation_id
    left join names n on n.id = coalesce(t.model, s.model)
    where t.id is null or t.model is not null or coalesce(e.input_tokens, e.output_tokens) is not null
    union all
    select t.session_no, n.name from turns t join names n on n.id = t.model where not t.rewound and not t.copied
"""
"""SQL that returns the sessions in which each model answered, or was asked, by its name. What a branch copied from its
original session was answered there. A query that ran without a model was answered by none."""
