"""Open WebUI chats in the current export format: messages, thoughts, calls, code, and the cost of answers."""

from __future__ import annotations

import base64
import html
import json

import pytest

from session_store.models import SessionKey
from session_store.transcripts.transcript import messages
from tests.session_store.exchange.foreign_chats import (
    AT,
    answered,
    asked,
    events_of,
    imported,
    parts_of,
    turns_of,
    webui_chat,
)

PICTURE = base64.b64encode(b"\x89PNG picture").decode()


def details(kind, body, **attributes):
    """Markup as Open WebUI writes it."""
    written = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
    return f'<details type="{kind}"{written}>\n<summary>Done</summary>\n{body}\n</details>\n'


def take(store, tmp_path, *said, **fields):
    """Import one chat. Returns everything after the first question, and the report."""
    report = imported(store, tmp_path, webui_chat(asked(), *said, **fields))
    return parts_of(store, "webui-1")[1:], report


OUTPUT = [
    {"type": "reasoning", "id": "r", "content": [{"type": "output_text", "text": "I look it up."}], "summary": None},
    {"type": "function_call", "id": "f", "call_id": "c1", "name": "look_up", "arguments": '{"plant": "garlic"}'},
    {"type": "function_call", "id": "g", "call_id": "c2", "name": "rain", "arguments": {"town": "Ghent"}},
    {"type": "function_call_output", "call_id": "c2", "output": "12 mm"},
    {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": '{"sun": true}'}]},
    {"type": "open_webui:code_interpreter", "code": "print(6 * 7)", "lang": "python", "output": {"stdout": "42"}},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It does."}]},
]
STEPS = [
    ("thought", "I look it up."),
    ("call", ("look_up", {"plant": "garlic"})),
    ("call", ("rain", {"town": "Ghent"})),
    ("answer", ("rain", {"result": "12 mm"})),
    ("answer", ("look_up", {"sun": True})),
    ("code", "print(6 * 7)"),
    ("OUTCOME_OK", "42"),
    ("text", "It does."),
]


class TestOutputItems:
    def test_become_thoughts_calls_answers_code_and_text_in_order(self, store, tmp_path):
        assert take(store, tmp_path, answered(output=OUTPUT))[0] == STEPS

    def test_replace_the_same_steps_in_the_text(self, store, tmp_path):
        markup = details("tool_calls", "&quot;12 mm&quot;", done="true", id="c2", name="rain", arguments="{}")
        assert take(store, tmp_path, answered(markup + "It does.", output=OUTPUT))[0] == STEPS

    def test_yield_to_text_edited_by_the_user(self, store, tmp_path):
        said, report = take(store, tmp_path, answered("It loves it.", output=OUTPUT))
        assert said == [*STEPS[:-1], ("text", "It loves it.")]
        assert report.remarks == ["Replaced: text of `output` with the text shown (1)."]

    def test_of_provider_tools_become_calls_with_answers(self, store, tmp_path):
        search = {"type": "web_search_call", "id": "w", "status": "completed", "action": {"query": "garlic"}}
        said, report = take(store, tmp_path, answered(output=[search, OUTPUT[-1]]))
        assert said[:2] == [
            ("call", ("web_search", {"action": {"query": "garlic"}})),
            ("answer", ("web_search", {"status": "completed"})),
        ]
        assert report.remarks == ["Converted: `output` items of type `web_search_call` (1)."]

    @pytest.mark.parametrize("odd", ["words", 5, [], {"type": "hologram", "light": 1}, {"type": None}, None])
    def test_that_are_odd_are_left_out_alone(self, odd, store, tmp_path):
        said, _ = take(store, tmp_path, answered(output=[OUTPUT[0], odd, OUTPUT[-1]]))
        assert said == [STEPS[0], STEPS[-1]]


class TestMarkupInTheText:
    def test_becomes_thoughts_calls_and_code(self, store, tmp_path):
        body = (
            details("reasoning", "&gt; I look it up.\n&gt; Now.", done="true", duration="2")
            + details(
                "tool_calls", "", done="true", id="c1", name="rain", arguments='{"town": "Ghent"}', result='"12 mm"'
            )
            + details("code_interpreter", "```python\nprint('</details>')\n```", done="true", output='{"stdout": "42"}')
            + "It does."
        )
        assert take(store, tmp_path, answered(body))[0] == [
            ("thought", "I look it up.\nNow."),
            ("call", ("rain", {"town": "Ghent"})),
            ("answer", ("rain", {"result": "12 mm"})),
            ("code", "print('</details>')"),
            ("OUTCOME_OK", "42"),
            ("text", "It does."),
        ]

    def test_may_have_a_tool_answer_in_its_body(self, store, tmp_path):
        body = details("tool_calls", "&quot;12 mm&quot;", done="true", id="c", name="rain", arguments="{}", files="")
        assert ("answer", ("rain", {"result": "12 mm"})) in take(store, tmp_path, answered(body + "12 mm."))[0]

    @pytest.mark.parametrize("tag", ["think", "thinking", "reasoning", "thought"])
    def test_between_tags_becomes_a_thought(self, tag, store, tmp_path):
        said, _ = take(store, tmp_path, answered(f"<{tag}>\nHm.\n</{tag}>\n\nThat costs $5 and $6."))
        assert said == [("thought", "Hm."), ("text", "That costs $5 and $6.")]

    @pytest.mark.parametrize(
        "quoted",
        [
            "```html\n" + details("reasoning", "> no", done="true") + "```",
            "~~~~\n```\n<think>no</think>\n~~~~",
            "Write `<think>no</think>` for it.",
            'Write ``<details type="reasoning"> ` </details>`` for it.',
            "The <think> tag begins it.",
            "<details>\n<summary>More</summary>\nHTML of a model.\n</details>",
            "```\nnever closed\n<think>no</think>",
        ],
    )
    def test_stays_text_if_quoted(self, quoted, store, tmp_path):
        assert take(store, tmp_path, answered(quoted))[0] == [("text", quoted)]

    def test_that_was_cut_off_becomes_a_thought(self, store, tmp_path):
        said, _ = take(store, tmp_path, answered('<details type="reasoning" done="false">\n> I was', done=False))
        assert said == [("thought", "I was")]

    def test_of_failed_code_is_marked_as_failed(self, store, tmp_path):
        body = details(
            "code_interpreter", "```\n1/0\n```", output=json.dumps({"stdout": "", "stderr": "ZeroDivisionError"})
        )
        assert take(store, tmp_path, answered(body))[0][1] == ("OUTCOME_FAILED", "ZeroDivisionError")

    def test_of_any_length_is_read_in_linear_time(self, store, tmp_path):
        body = '<details type="reasoning">`' * 5_000 + "```\n" * 5_000 + "`a" * 20_000
        assert take(store, tmp_path, answered(body))[0]


class TestAnswers:
    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            ({"content": "model not found"}, "model not found"),
            ({"message": "model not found"}, "model not found"),
            ({"error": {"message": "model not found"}}, "model not found"),
            ("model not found", "model not found"),
            (True, "The answer failed. The export does not say why."),
        ],
    )
    def test_that_failed_become_failed_turns_with_a_reason(self, error, reason, store, tmp_path):
        take(store, tmp_path, answered("", error=error), asked("Again"), answered("Hi."))
        assert turns_of(store, "webui-1") == [("failed", None, None, reason), ("completed", None, None, None)]

    def test_that_failed_midway_keep_their_text(self, store, tmp_path):
        said, _ = take(store, tmp_path, answered("It d", error={"content": "gone"}))
        assert (said, turns_of(store, "webui-1")[0][0]) == ([("text", "It d")], "failed")

    def test_that_are_merged_follow_the_answers_they_were_made_from(self, store, tmp_path):
        said, report = take(store, tmp_path, answered(merged={"status": True, "content": "Both say yes."}))
        assert said == [("text", "It does."), ("text", "Both say yes.")]
        assert report.remarks == ["Converted: `merged` to a separate answer (1)."]

    @pytest.mark.parametrize(
        ("usage", "given", "said"),
        [
            ({"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}, 12, 4),
            ({"input_tokens": 12, "output_tokens": 4}, 12, 4),
            ({"prompt_eval_count": 12, "eval_count": 4, "eval_duration": 9}, 12, 4),
            ({"prompt_n": 12, "predicted_n": 4}, 12, 4),
            ({"total_tokens": 16, "completion_tokens": 4}, 12, 4),
            ({"input_tokens": 900, "output_tokens": 40, "prompt_tokens": 500, "completion_tokens": 15}, 900, 40),
            ({"prompt_tokens": 9, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}}, 9, 5),
            ({"input_tokens": 2, "output_tokens": 5, "cache_read_input_tokens": 7}, 9, 5),
            ({"prompt_tokens": "12", "completion_tokens": 4.0}, 12, 4),
            ({"prompt_tokens": -1, "completion_tokens": 4}, None, 4),
            ({"prompt_tokens": 2**70}, None, None),
            ("none", None, None),
        ],
    )
    def test_have_usage_under_any_field_names(self, usage, given, said, store, tmp_path):
        take(store, tmp_path, answered(usage=usage))
        assert turns_of(store, "webui-1") == [("completed", given, said, None)]

    def test_of_older_versions_have_usage_in_another_place(self, store, tmp_path):
        take(store, tmp_path, answered(info={"prompt_eval_count": 3, "eval_count": 2}))
        assert turns_of(store, "webui-1")[0][1:3] == (3, 2)

    def test_separate_thinking_and_cached_tokens(self, store, tmp_path):
        usage = {"prompt_tokens": 20, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 8}}
        take(store, tmp_path, answered(usage={**usage, "completion_tokens_details": {"reasoning_tokens": 6}}))
        kept = events_of(store, "webui-1")[-1].usage_metadata
        assert (kept.cached_content_token_count, kept.candidates_token_count, kept.thoughts_token_count) == (8, 3, 6)

    def test_keep_their_sources(self, store, tmp_path):
        sources = [
            {"source": {"name": "search"}, "document": ["Sun."], "metadata": [{"source": "https://a.example/"}]},
            {"source": {"name": "Notes", "url": "https://b.example/"}, "distances": [0.3]},
        ]
        take(store, tmp_path, answered(sources=sources))
        [first, second] = events_of(store, "webui-1")[-1].grounding_metadata.grounding_chunks
        assert (first.retrieved_context.uri, first.retrieved_context.text) == ("https://a.example/", "Sun.")
        assert (second.web.uri, second.web.title) == ("https://b.example/", "Notes")

    def test_of_unknown_roles_become_agent_answers(self, store, tmp_path):
        said, report = take(store, tmp_path, {"role": "critic", "content": "Too short."})
        assert said == [("text", "Too short.")]
        assert report.remarks == ["Converted: messages with the role `critic` to agent answers (1)."]


class TestToolsByThemselves:
    def test_answer_the_calls_of_the_preceding_message(self, store, tmp_path):
        calls = [{"id": "c1", "type": "function", "function": {"name": "rain", "arguments": '{"town": "Ghent"}'}}]
        tool = {"role": "tool", "tool_call_id": "c1", "content": "12 mm"}
        said, _ = take(store, tmp_path, answered("", tool_calls=calls), tool, answered("12 mm."))
        assert said[:2] == [("call", ("rain", {"town": "Ghent"})), ("answer", ("rain", {"result": "12 mm"}))]

    def test_without_a_call_are_left_out_by_name(self, store, tmp_path):
        said, report = take(store, tmp_path, {"role": "tool", "content": "12"}, answered())
        assert said == [("text", "It does.")]
        assert report.remarks == ["Left out: tool answers without a call (1)."]

    def test_that_never_answered_are_closed_as_in_live_turns(self, store, tmp_path):
        said, report = take(store, tmp_path, answered(output=OUTPUT[1:2]), asked("And?"), answered("Yes."))
        [(name, response)] = [content for kind, content in said if kind == "answer"]
        assert (name, "before the tool had answered" in response["error"]) == ("look_up", True)
        assert report.remarks == ["Added: missing tool answers (1)."]

    def test_may_reuse_ids_in_every_turn(self, store, tmp_path):
        said, _ = take(store, tmp_path, answered(output=OUTPUT), asked("Again"), answered(output=OUTPUT))
        assert [kind for kind, _ in said] == [*(kind for kind, _ in STEPS), "text", *(kind for kind, _ in STEPS)]
        steps = messages(store.events.list(SessionKey("assistant", "local", "webui-1")))[-1].steps
        assert [step.response for step in steps if step.name in ("rain", "look_up")] == [
            {"sun": True},
            {"result": "12 mm"},
        ]


class TestChats:
    def test_keep_tags_pins_and_archive_marks(self, store, tmp_path):
        chat = webui_chat(asked(), answered(), meta={"tags": ["garden", "a, b"]}, archived=True, pinned=True)
        report = imported(store, tmp_path, chat)
        rows = store.log.database.rows("select tag from tags order by tag")
        assert [tag for (tag,) in rows] == ["a b", "archived", "garden"]
        assert store.sessions.get("webui-1").saved
        assert report.remarks == ["Converted: `archived` to a tag (1), tag `a, b` (1)."]

    def test_name_the_fields_that_are_not_read(self, store, tmp_path):
        said = answered(statusHistory=[{"action": "web_search"}], followUps=["More?"], favorite=False, arena=None)
        chat = webui_chat(asked(), said, folder_id="f", share_id=None, user_id="u", meta={})
        chat["chat"]["params"] = {"system": "Be brief."}
        assert imported(store, tmp_path, chat).remarks == [
            "Left out: `chat.params` (1), `folder_id` (1), `followUps` (1), `statusHistory` (1), `user_id` (1)."
        ]

    def test_keep_included_files_and_name_the_others(self, store, tmp_path):
        files = [
            {"type": "image", "url": f"data:image/png;base64,{PICTURE}"},
            {"type": "file", "name": "notes.txt", "file": {"data": {"content": "Plant in October."}}},
            {"type": "file", "name": "scan.pdf", "url": "/api/v1/files/9"},
        ]
        report = imported(store, tmp_path, webui_chat(asked("Look", files=files), answered()))
        assert parts_of(store, "webui-1")[:3] == [
            ("text", "Look"),
            ("file", ("image/png", b"\x89PNG picture")),
            ("text", "[Attached file: notes.txt]\nPlant in October."),
        ]
        assert report.remarks == ["Left out: file `scan.pdf` (1)."]

    def test_keep_pasted_texts_and_files_in_data_urls(self, store, tmp_path):
        files = [
            {"type": "text", "name": "pasted", "content": "Plant in October."},
            {"type": "file", "name": "a.pdf", "content": f"data:application/pdf;base64,{PICTURE}"},
            {"type": "image", "url": "data:image/jpeg;base64,not base64!"},
        ]
        report = imported(store, tmp_path, webui_chat(asked("Look", files=files), answered()))
        assert parts_of(store, "webui-1")[1:3] == [
            ("text", "[Attached file: pasted]\nPlant in October."),
            ("file", ("application/pdf", b"\x89PNG picture")),
        ]
        assert report.remarks == ["Left out: images (1)."]

    @pytest.mark.parametrize("output", [False, True])
    def test_turn_inline_pictures_into_files_except_in_code(self, output, store, tmp_path):
        picture = f"![leek](data:image/png;base64,{PICTURE})"
        body = f"Look:\n\n{picture}\n\nThat is `{picture}` and\n```\n{picture}\n```"
        more = {"output": [{"type": "message", "content": [{"type": "output_text", "text": body}]}]} if output else {}
        said, report = take(store, tmp_path, answered(body, **more))
        assert said == [
            ("text", "Look:"),
            ("file", ("image/png", b"\x89PNG picture")),
            ("text", f"That is `{picture}` and\n```\n{picture}\n```"),
        ]
        assert report.remarks == []

    def test_may_have_messages_in_parts(self, store, tmp_path):
        pieces = [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
        ]
        imported(store, tmp_path, webui_chat(asked(pieces), answered()))
        assert [kind for kind, _ in parts_of(store, "webui-1")] == ["text", "file", "text"]

    def test_without_a_current_message_end_at_the_newest_one(self, store, tmp_path):
        chat = webui_chat(asked(), answered("New", timestamp=AT + 50), asked("Go on", timestamp=AT + 60))
        tree = chat["chat"]["history"]["messages"]
        tree["old"] = {**answered("Old"), "id": "old", "parentId": "m1", "timestamp": AT + 2}
        chat["chat"]["history"]["currentId"] = "gone"
        report = imported(store, tmp_path, chat)
        assert parts_of(store, "webui-1")[1:] == [("text", "New"), ("text", "Go on")]
        assert report.remarks == [
            "Left out: messages on other branches (1).",
            "Replaced: missing current message with the newest one (1).",
        ]

    def test_may_have_their_tree_as_a_list_and_numbers_as_ids(self, store, tmp_path):
        chat = webui_chat()
        chat["chat"]["history"] = {
            "messages": [{**answered(), "id": 2, "parentId": 1}, {**asked(), "id": 1, "role": "User"}],
            "currentId": 2,
        }
        report = imported(store, tmp_path, chat)
        assert [event.author for event in events_of(store, "webui-1")] == ["user", "assistant"]
        assert report.remarks == ["Converted: `id` (2)."]

    def test_list_code_once_even_if_it_is_also_in_the_text(self, store, tmp_path):
        runs = [
            {"code": "6 * 7", "result": {"output": "42"}},
            {"code": "1/0", "result": {"error": "ZeroDivisionError"}},
        ]
        body = details("code_interpreter", "```python\n6 * 7\n```", output="42") + "It is 42."
        said, _ = take(store, tmp_path, answered(body, code_executions=runs))
        assert said == [
            ("code", "1/0"),
            ("OUTCOME_FAILED", "ZeroDivisionError"),
            ("code", "6 * 7"),
            ("OUTCOME_OK", "42"),
            ("text", "It is 42."),
        ]

    def test_are_complete_even_if_only_parents_name_their_children(self, store, tmp_path):
        chat = webui_chat(asked(), answered())
        tree = chat["chat"]["history"]["messages"]
        del tree["m2"]["parentId"]
        tree["m1"]["childrenIds"] = ["m2"]
        imported(store, tmp_path, chat)
        assert len(parts_of(store, "webui-1")) == 2
