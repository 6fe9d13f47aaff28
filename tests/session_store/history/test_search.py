"""Search over titles, messages and tool calls."""

# ruff: noqa: RUF001
from __future__ import annotations

import unicodedata

import pytest
from google.adk.events.event import Event
from google.genai import types

from session_store.errors import CursorError
from session_store.history import search
from session_store.history.filters import HistoryFilter
from session_store.history.words import words_of
from session_store.models import GENERAL, SessionKey, TitleSource
from tests.session_store.events import append, rewind, said
from tests.session_store.history.conversations import BREAD, DAY, STARS, TIDES, event_ids


def marked(hit):
    return [hit.excerpt[begin:end] for begin, end in hit.marks]


def test_hits_are_listed_newest_first_with_marked_matches(shown):
    hits = shown.history.search("low tide").items

    assert [(hit.kind, hit.excerpt, marked(hit)) for hit in hits] == [
        ("message", "Low tide is at noon.", ["Low", "tide"]),
        ("message", "When is LOW tide?", ["LOW", "tide"]),
    ]
    assert [(hit.key, hit.title, hit.at) for hit in hits] == [
        (TIDES, "Tides at the coast", DAY + 3),
        (TIDES, "Tides at the coast", DAY),
    ]
    assert hits[0].event_id == event_ids(shown, TIDES)[3]
    assert shown.events.around(TIDES, hits[0].event_id, 1)[0].seq == hits[0].seq


def test_titles_and_tool_calls_are_found(shown):
    (title,) = shown.history.search("coast").items
    assert (title.kind, title.event_id, title.seq, title.excerpt) == ("title", None, None, "Tides at the coast")

    (call,) = shown.history.search("min(height) from").items
    assert (call.kind, marked(call)) == ("tool call", ["min(height)", "from"])
    assert call.excerpt == "run_sql sql: select min(height) from tides, limit: 5"

    (answer,) = shown.history.search("no such table").items
    assert (answer.kind, answer.excerpt) == ("tool call", "run_sql error: There is no such table")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("LOW", 3),
        ('"low tide"', 2),
        ("“low tide”", 2),
        ('"tide low"', 0),
        ("tide low", 2),
        ("100%", 1),
        ("%", 1),
        ("_", 2),
        ("äQUATOR", 1),
        ("c1", 0),
        (r"\b", 0),
        ("(", 1),
        ("\ud83d", 0),
        ("", 0),
        ('""', 0),
        ("   ", 0),
        ("low bread", 0),
    ],
)
def test_all_words_must_match_in_any_case_and_wildcards_are_literal(shown, text, number):
    assert len(shown.history.search(text).items) == number


def test_each_page_continues_where_the_previous_one_ended(filled, monkeypatch):
    monkeypatch.setattr(search, "FEWEST", 1)
    whole = filled.history.search("i", limit=100).items
    found, before = [], None
    while before is not None or not found:
        page = filled.history.search("i", before=before, limit=2)
        found += page.items
        before = page.next
    assert tuple(found) == whole
    assert len(whole) > 6
    with pytest.raises(CursorError):
        filled.history.search("i", before="nowhere")


def test_a_search_of_the_newest_part_finds_the_same(filled, monkeypatch):
    for number in range(30):
        key = SessionKey("analyst", "ann", f"more-{number}")
        filled.sessions.create(key)
        append(filled, key, said(f"Low number {number}", timestamp=10 * DAY + number))
    slow = filled.history.search("low", limit=20)
    monkeypatch.setattr(search, "FEWEST", 1)
    assert filled.history.search("low", limit=20) == slow
    assert filled.history.search("low", limit=1).items == slow.items[:1]
    assert len(filled.history.search("low", before=slow.next).items) == 13


def test_a_search_can_be_limited_to_part_of_the_history(shown):
    assert {hit.key for hit in shown.history.search("low").items} == {TIDES, BREAD}
    assert {hit.key for hit in shown.history.search("low", HistoryFilter(models=frozenset({"large"}))).items} == {BREAD}
    in_general = HistoryFilter(workspace_ids=frozenset({GENERAL}), text="heat")
    assert {hit.key for hit in shown.history.search("low", in_general).items} == {BREAD}
    assert shown.history.search("low", HistoryFilter(users=frozenset({"bob"}))).items == ()


def test_deleted_and_rewound_messages_are_not_found(filled):
    append(filled, STARS, said("A low star", turn="s2", timestamp=4 * DAY))
    assert filled.history.search("low").items[0].key == STARS
    append(filled, STARS, rewind("s2"))
    filled.sessions.delete([TIDES])
    assert [hit.key for hit in filled.history.search("low").items] == [BREAD]


def test_an_excerpt_is_the_text_around_the_first_match_on_one_line(filled):
    before, after = "beginning " * 40, " ending" * 60
    append(filled, STARS, said(f"{before}\n\nthe  comet\tcame{after}", turn="s2", timestamp=4 * DAY))
    (hit,) = filled.history.search("comet").items

    assert len(hit.excerpt) <= 242
    assert (hit.excerpt[0], hit.excerpt[-1]) == ("…", "…")
    assert "the comet came ending" in hit.excerpt
    assert marked(hit) == ["comet"]


def test_a_title_of_a_conversation_without_messages_is_found(store):
    key = SessionKey("analyst", "ann", "empty")
    store.sessions.create(key)
    store.sessions.rename(key, "Plans for spring", TitleSource.PERSON)
    assert [hit.key for hit in store.history.search("spring").items] == [key]


def test_search_words_are_parsed_as_typed():
    assert words_of('low "two words" LOW “quoted” unfinished "so') == ("LOW", "two words", "quoted", "unfinished", "so")
    assert len(words_of(" ".join(map(str, range(50))))) == 12


WRITTEN = [
    "Un café s'il vous plaît",
    unicodedata.normalize("NFD", "Déjà vu à Zürich"),
    "ｉＰｈｏｎｅ１５の価格",
    "東京でｶﾞｽを止める",
    "ガスを使う",
    "một tách cà phê đắt tiê\N{COMBINING ACUTE ACCENT}ng",
    "Η ΟΔΟΣ είναι κλειστή",
    "İstanbul'da hava",
    "שלום עולם",
    "the o\ufb03ce on the \ufb01rst \ufb02oor",
    "x² and H₂O",
    "กำแพง",
    "Straße und Maß",
    "hy\u00adphen\u00adation without zero\u200bwidth",
    "it cost 1\u202f000\u00a0crowns\tor\nmore",
    "snake_case: a+b (c) [d] 50 %",
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cafe\N{COMBINING ACUTE ACCENT}", ["café"]),
        ("CAFÉ", ["café"]),
        ("zürich", ["Zürich"]),
        ("déjà", ["Déjà"]),
        ("iphone15", ["ｉＰｈｏｎｅ１５"]),
        ("１５", ["１５"]),
        ("ＣＡＦÉ", ["café"]),
        ("ガス", ["ガス", "ｶﾞｽ"]),
        ("ｶﾞｽ", ["ガス", "ｶﾞｽ"]),
        ("tiếng", ["tiếng"]),
        ("οδός", []),
        ("οδος", ["ΟΔΟΣ"]),
        ("istanbul", ["İstanbul"]),
        ("עולם", ["עולם"]),
        ("cafe", []),
        ("１６", []),
        ("OFFICE", ["o\ufb03ce"]),
        ("flo\u00ador", ["\ufb02oor"]),
        ("first", ["\ufb01rst"]),
        ("x2", ["x²"]),
        ("h2o", ["H₂O"]),
        ("กํา", ["กำ"]),
        ("STRASSE", ["Straße"]),
        ("straße", ["Straße"]),
        ("Mass", ["Maß"]),
        ("hyphenation", ["hy\u00adphen\u00adation"]),
        ("Zerowidth", ["zero\u200bwidth"]),
        ('"1 000 crowns"', ["1 000 crowns"]),
        ('"crowns or more"', ["crowns or more"]),
        ('"crowns and more"', []),
        ('"snake_case: A+B (c)"', ["snake_case: a+b (c)"]),
        ('"snakeXcase: a+b"', []),
    ],
)
def test_words_are_found_and_marked_in_any_case_width_and_normal_form(store, text, found):
    key = SessionKey("agent", "ann", "written")
    store.sessions.create(key)
    append(store, key, *(said(one) for one in WRITTEN))

    hits = store.history.search(text).items

    normal = unicodedata.normalize
    assert sorted(normal("NFC", mark) for hit in hits for mark in marked(hit)) == sorted(found)
    assert all(hit.excerpt in {" ".join(one.split()) for one in WRITTEN} for hit in hits)
    if found:
        assert store.sessions.list("ann", search=text.strip('"')).items


def test_a_title_is_found_in_any_normal_form(store):
    key = SessionKey("agent", "ann", "titled")
    store.sessions.create(key)
    store.sessions.rename(key, unicodedata.normalize("NFD", "Crème brûlée"), TitleSource.PERSON)

    assert marked(store.history.search("CRÈME").items[0]) == [unicodedata.normalize("NFD", "Crème")]
    assert store.sessions.list("ann", search="brûlée").items


def test_details_of_a_message_are_found(store):
    key = SessionKey("agent", "ann", "detailed")
    store.sessions.create(key)
    page = types.GroundingChunkWeb(uri="https://garden.example/garlic", title="The garden book")
    append(
        store,
        key,
        said("<think>Cloves, not seeds.</think>Plant it in October.", author="agent"),
        Event(
            author="agent",
            invocation_id="t",
            content=types.Content(role="model", parts=[types.Part(text="Deep.")]),
            grounding_metadata=types.GroundingMetadata(grounding_chunks=[types.GroundingChunk(web=page)]),
        ),
        Event(author="flow", invocation_id="t", output="soil", node_info={"path": "flow@1/dig@1"}),
    )

    def found(text):
        return [(hit.kind, hit.excerpt) for hit in store.history.search(text).items]

    assert found("cloves") == [("detail", "Cloves, not seeds.")]
    assert found("garden book") == [("detail", "The garden book https://garden.example/garlic")]
    assert found("soil") == [("detail", "dig soil")]
    assert found("october") == [("message", "Plant it in October.")]
    assert not found("think")
