"""Answers from data that do not need a model that calls tools.

A message that is SQL runs unchanged. For a question, a model that cannot call tools is asked for one query, constrained
by a schema. Both go through ADK like any model's tool calls, and code writes the answer from the rows.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Any, Final

from google.adk.agents.callback_context import CallbackContext
from google.adk.models import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types

from colloquy.agents.data.ask import SQL_SCHEMA, Request, answer_text, parse_answer, request_of, sql_prompt
from colloquy.agents.data.database import Database
from colloquy.agents.data.errors import DataError
from colloquy.agents.data.suggestions import suggested_chart, title_of_query
from colloquy.agents.tools.data_tools import DataTools
from session_store.transcripts.parts import text_of
from session_store.transcripts.transcript import GUESSED

_BETTER: Final = (
    "Ask in other words, write the query yourself (a message that is SQL or begins with `/sql` is run as it stands), or"
    " choose a stronger model: Gemini by GOOGLE_API_KEY, a server by COLLOQUY_OPENAI_BASE_URL, or a larger file by"
    " COLLOQUY_GGUF_MODELS."
)
NO_QUERY: Final = f"The model could not write a query for this, so there is no answer. {_BETTER}"
FAILED: Final = "The query that the model guessed failed, so there is no answer. {error}\n\n" + _BETTER
GUESS: Final = "A small model guessed this query. Check it before you trust the result:"
NO_TABLES: Final = "There are no tables in {name}, so there is nothing to query."
EMPTY: Final = (
    "Write a query after the command, for instance `/sql select 1`, or `/chart select month, revenue from …` to draw"
    " its rows."
)
NO_CHART: Final = "These rows cannot be charted: a chart needs an X axis column and a numeric column."

_GUESSES: Final = 2
"""Queries that a model may guess for one question: for the second, it is told what was wrong with the first."""

_LONGEST_QUERY: Final = 700
"""Tokens of a guess: enough for the longest query that the schema allows."""

_LONGEST_TITLE: Final = 60


class Queries:
    """Runs before the model in a turn, as ADK's ``before_model_callback``."""

    def __init__(self, tools: DataTools, database: Database, model: BaseLlm, *, guesses: bool) -> None:
        """``guesses``: the model cannot call tools, so it is asked for queries here."""
        self._tools = tools
        self._database = database
        self._model = model
        self._guesses = guesses

    async def before_model(self, callback_context: CallbackContext, llm_request: LlmRequest) -> LlmResponse | None:  # noqa: ARG002 - as ADK calls it
        """Return what replaces the model's answer; None if the model should answer."""
        request = request_of(text_of(callback_context.user_content))
        if not request.is_sql and not self._guesses:
            return None
        response = _latest_response(callback_context)
        if response is None:
            return await self._first_step(request)
        if response.name == "run_sql":
            return await self._after_query(request, callback_context)
        error = (response.response or {}).get("error")
        return final_answer(self._answer(request, chart_error=error, charted=not error))

    async def _first_step(self, request: Request) -> LlmResponse:
        if not request.text:
            return final_answer(EMPTY)
        if not request.is_sql:
            return await self._guess(request.text)
        return _called("run_sql", sql=request.text, title=title_of_query(request.text))

    async def _after_query(self, request: Request, context: CallbackContext) -> LlmResponse:
        queries = _queries(context)
        sql, error = queries[-1]
        if error or self._tools.latest is None:
            if request.is_sql:
                return final_answer(str(error))
            if len(queries) < _GUESSES:
                return await self._guess(request.text, failed=(sql, str(error)))
            return final_answer(FAILED.format(error=error))
        chart = suggested_chart(self._tools.latest.table, wanted=request.chart)
        if chart is None:
            return final_answer(self._answer(request, chart_error=NO_CHART if request.chart else None))
        sql = self._tools.latest.sql
        return _called("make_chart", title=chart.title, sql=sql, mark=chart.mark, encoding=chart.encoding)

    def _answer(self, request: Request, *, chart_error: str | None, charted: bool = False) -> str:
        rows = answer_text(self._tools.latest, charted=charted) if self._tools.latest else ""
        return "\n\n".join(filter(None, (None if request.is_sql else GUESS, rows, chart_error)))

    async def _guess(self, question: str, failed: tuple[str, str] | None = None) -> LlmResponse:
        try:
            schema = await self._tools.schema()
        except DataError as error:
            return final_answer(str(error))
        if not schema.tables:
            return final_answer(NO_TABLES.format(name=self._database.name))
        prompt = sql_prompt(question, schema.tables, self._database.dialect, schema.values, failed)
        answer = await self._asked(prompt)
        sql = parse_answer(text_of(answer.content))
        if sql is None or (failed and sql == failed[0]):
            return final_answer(FAILED.format(error=failed[1]) if failed else NO_QUERY, answer.usage_metadata)
        title = " ".join(question.split())[:_LONGEST_TITLE]
        response = _called("run_sql", sql=sql, title=title)
        return response.model_copy(update={"custom_metadata": {GUESSED: True}, "usage_metadata": answer.usage_metadata})

    async def _asked(self, prompt: str) -> LlmResponse:
        """Return the model's answer under the schema. It is streamed, so that stopping the turn stops the model."""
        request = LlmRequest(
            model=self._model.model,
            contents=[types.Content(role="user", parts=[types.Part(text=prompt)])],
            config=types.GenerateContentConfig(
                response_schema=SQL_SCHEMA,
                response_mime_type="application/json",
                temperature=0,
                max_output_tokens=_LONGEST_QUERY,
            ),
        )
        whole = LlmResponse()
        async with aclosing(self._model.generate_content_async(request, stream=True)) as responses:
            async for response in responses:
                if not response.partial:
                    whole = response
        return whole


def final_answer(text: str, usage: types.GenerateContentResponseUsageMetadata | None = None) -> LlmResponse:
    """Return a text answer that ends the turn."""
    content = types.Content(role="model", parts=[types.Part(text=text)])
    return LlmResponse(content=content, usage_metadata=usage, finish_reason=types.FinishReason.STOP)


def _called(name: str, **arguments: Any) -> LlmResponse:  # noqa: ANN401 - as the tools take them
    call = types.FunctionCall(name=name, args=arguments)
    return LlmResponse(content=types.Content(role="model", parts=[types.Part(function_call=call)]))


def _queries(context: CallbackContext) -> list[tuple[str, str | None]]:
    """Return the queries that this turn ran, each with its error."""
    events = [event for event in context.session.events if event.invocation_id == context.invocation_id]
    responses = [one for event in events for one in event.get_function_responses() if one.name == "run_sql"]
    asked = {call.id: str((call.args or {}).get("sql", "")) for event in events for call in event.get_function_calls()}
    return [(asked.get(one.id, ""), (one.response or {}).get("error")) for one in responses]


def _latest_response(context: CallbackContext) -> types.FunctionResponse | None:
    """Return the response to this turn's last tool call; None before the first one."""
    for event in reversed(context.session.events):
        if event.invocation_id != context.invocation_id:
            return None
        if responses := event.get_function_responses():
            return responses[-1]
    return None
