"""What is said in the demo conversations, with which agents and models, and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class DemoModel:
    """A demo model. ``name`` is its provider's name for it; times are median seconds, ``speed`` is tokens a second."""

    id: str
    name: str
    share: float
    first_token: float
    speed: float
    failures: float


@dataclass(frozen=True, slots=True)
class DemoAgent:
    """An agent in the demo. ``turns`` is the length of its conversations relative to the others; ``tools`` is how often
    it uses tools."""

    id: str
    share: float
    turns: float
    tools: float
    questions: tuple[str, ...]
    answers: tuple[str, ...]


MODELS: Final = (
    DemoModel("embedded", "SmolLM2-135M-Instruct.Q4_1", 0.34, 0.25, 60, 0.012),
    DemoModel("gemini/gemini-2.5-flash", "gemini-2.5-flash", 0.38, 0.55, 140, 0.02),
    DemoModel("gemini/gemini-2.5-pro", "gemini-2.5-pro", 0.16, 2.4, 85, 0.03),
    DemoModel("openai/llama3.2", "llama3.2", 0.12, 0.9, 35, 0.06),
)

USERS: Final = {"local": 0.46, "amara": 0.16, "jonas": 0.13, "li.wei": 0.1, "sofia": 0.08, "tomasz": 0.05, "noor": 0.02}

TOPICS: Final = (
    "the billing service",
    "the search page",
    "our mobile app",
    "the onboarding flow",
    "the weekly report",
    "the import of old orders",
    "the help centre",
    "the invoice export",
    "the login form",
    "the new warehouse",
    "the newsletter",
    "the customer survey",
)

AGENTS: Final = (
    DemoAgent(
        "assistant",
        0.36,
        0.8,
        0.0,
        (
            "Can you summarise the last meeting about {topic} in three sentences?",
            "Write a short, friendly email that announces changes to {topic}.",
            "Make this more polite: we cannot help you with {topic}.",
            "Give me five names for {topic}.",
            "What should I ask when I interview somebody about {topic}?",
            "Translate into plain words: the SLA of {topic} is best effort.",
            "Thanks! Can you make it shorter?",
            "And as bullet points?",
        ),
        (
            (
                "Here is a short version. {Topic} was the main point: everybody agreed to start small, to measure what "
                "changes, and to look at it again in two weeks. What is still open is who talks to the people affected."
            ),
            (
                "Of course:\n\n- what happens and when\n- what it means for those who use {topic}\n- whom to ask\n\n"
                "Send it on a quiet morning, and keep it under ten lines."
            ),
            (
                "Hello everybody,\n\nfrom Monday on, {topic} works a little differently. You need to do nothing. If "
                "something looks odd, write to us, and we will have a look the same day.\n\nKind regards"
            ),
            "Shorter: **{topic}** changes on Monday; you need to do nothing.",
        ),
    ),
    DemoAgent(
        "product_manager",
        0.17,
        1.0,
        0.0,
        (
            "Write a user story for {topic}.",
            "What should a first release of {topic} leave out?",
            "List the risks of moving {topic} to a new provider.",
            "Which three figures tell us whether {topic} is a success?",
            "Who has to agree before we change {topic}?",
            "Put these in order of value for {topic}: speed, looks, export.",
        ),
        (
            (
                "As somebody who works with {topic} every day, I want to see at once what changed, so that I can go on "
                "where I stopped.\n\n**Accepted when** the list opens within a second, and nothing old is lost."
            ),
            (
                "Leave out of {topic}: roles, themes, and anything that only one customer asked for. Keep: the one way "
                "through that everybody takes, and a way back."
            ),
            (
                "1. Data is lost on the way: likely, serious. Copy first, compare, then switch.\n2. Nobody uses "
                "{topic} "
                "while it moves: tell people a week before.\n3. Costs grow unseen: set a limit."
            ),
        ),
    ),
    DemoAgent(
        "qa_engineer",
        0.13,
        0.9,
        0.0,
        (
            "Which cases would you test for {topic}?",
            "Write a test plan for {topic}.",
            "What can go wrong when two people change {topic} at once?",
            "How do I reproduce a failure of {topic} that happens once a week?",
            "Which of these tests of {topic} would you drop?",
        ),
        (
            (
                "| case | input | expected |\n|---|---|---|\n| empty | nothing | a hint, no error |\n| long | 10,000 "
                "characters | refused with a reason |\n| twice | the same again | one entry only |\n\nFor {topic} I "
                "would "
                "begin with the last one."
            ),
            (
                "Begin with what loses data. In {topic} that is two people who save at the same moment: the second "
                "must "
                "be "
                "told, and nothing of the first may vanish."
            ),
            (
                "Write down what was different the last three times: the hour, the load, the version. For {topic} I "
                "would "
                "look at the hour first."
            ),
        ),
    ),
    DemoAgent(
        "specialist",
        0.18,
        1.1,
        0.0,
        (
            "Write a Python function that reads the settings of {topic}.",
            "How do I find the slowest query of {topic}?",
            "Explain the difference between a process and a thread, for {topic}.",
            "Why does {topic} answer with a timeout under load?",
            "What does this error in {topic} mean: connection reset by peer?",
            "Show me how to cache {topic} for five minutes.",
        ),
        (
            (
                '```python\ndef read_settings(path: str) -> dict[str, str]:\n    """Settings as name and '
                'value."""\n    '
                'with open(path, encoding="utf-8") as file:\n        return dict(line.strip().split("=", 1) for '
                "line in "
                "file)\n```\n\nIt reads the settings of {topic}, one a line."
            ),
            (
                "Switch on the log of slow statements, let {topic} run for an hour, and sort by total time, not by the "
                "slowest single one."
            ),
            (
                "The other side closed the connection while {topic} still wanted to read. Most often a proxy gave up "
                "first: compare both timeouts."
            ),
        ),
    ),
    DemoAgent(
        "data_analyst",
        0.16,
        1.3,
        0.72,
        (
            "Which product sold best last month?",
            "Show revenue by month for the last year.",
            "How many customers came back within 30 days?",
            "Which country returns the most orders?",
            "What is the average order value by channel?",
            "How does {topic} look week by week?",
            "Now the same by category.",
        ),
        (
            (
                "The best month was **November** with 1,284 orders; the weakest was February. The chart shows the "
                "whole "
                "year, and the table has the figures behind it."
            ),
            (
                "31 % of all customers ordered again within 30 days. Those who came through {topic} did so a little "
                "more "
                "often: 36 %."
            ),
            (
                "Returns are highest in Austria (6.1 %) and lowest in Portugal (2.8 %). The table lists every country "
                "with "
                "more than 100 orders."
            ),
        ),
    ),
)

QUERIES: Final = (
    "select p.name, sum(i.quantity) as sold from order_items i join products p using (product_id) group by 1",
    "select date_trunc('month', ordered_at) as month, count(*) as orders from orders group by 1 order by 1",
    "select country, avg(returned) as returns from orders join customers using (customer_id) group by 1",
)

FAILURES: Final = (
    "The model did not answer within 60 seconds. Try again.",
    "The model refused the request because of too many requests. Wait a minute, then try again.",
    "The model could not be reached. Check the address and the network.",
)
