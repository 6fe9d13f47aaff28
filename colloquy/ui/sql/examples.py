"""Example queries to begin with."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from colloquy.ui.sql.editor import put

EXAMPLES = {
    "Chats by agent": """select agent, count(*) as chats, sum(messages) as messages
from conversations
group by agent
order by chats desc""",
    "Messages by day": """select date_trunc('day', created_at) as day, count(*) as messages
from messages
where not copied
group by day
order by day""",
    "Tokens by month and model": """select date_trunc('month', created_at) as month, model,
  sum(input_tokens + output_tokens) as tokens
from turns
where model is not null
group by month, model
order by month, model""",
    "Response times": """select model, count(*) as turns,
  round(median(first_token_seconds), 2) as first_word,
  round(median(seconds), 2) as whole_answer,
  round(quantile_cont(seconds, 0.95), 2) as slowest_5_percent
from turns
where status = 'completed' and not copied
group by model
order by turns desc""",
    "Failed turns": """select t.created_at, c.title, c.agent, t.status, t.error
from turns t join conversations c on c.id = t.conversation_id
where t.status in ('failed', 'interrupted')
order by t.created_at desc""",
    "Tools by number of calls": """select tool, count(*) as calls,
  count(*) filter (response is null) as without_an_answer
from tool_calls
group by tool
order by calls desc""",
    "Answers rated thumbs down": """select f.created_at, c.title, m.text as answer, f.comment
from feedback f
join messages m on m.conversation_id = f.conversation_id and m.id = f.message_id
join conversations c on c.id = f.conversation_id
where f.score = -1
order by f.created_at desc""",
    "Messages containing a word": """select m.created_at, c.title, m.role, m.text
from messages m join conversations c on c.id = m.conversation_id
where m.text ilike '%invoice%'
order by m.created_at desc""",
    "Repeated questions": """select lower(trim(text)) as question, count(*) as times
from messages
where role = 'user' and not copied
group by question
having count(*) > 1
order by times desc
limit 20""",
}
"""Example queries by topic."""


def examples(place: str, names: Sequence[str] = tuple(EXAMPLES)) -> None:
    """Draws a button for each; ``place`` distinguishes the places on the page where they appear."""
    for number, name in enumerate(names):
        st.button(
            name,
            key=f"example-{place}-{number}",
            type="tertiary" if place == "side" else "secondary",
            on_click=put,
            args=(EXAMPLES[name],),
        )
