"""Turns ChatGPT's marks for sources and the like into links and plain words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from session_store.exchange.fields import Fields
from session_store.exchange.notes import Notes, quoted

_MARK: Final = re.compile(
    "\ue200([^\ue200\ue201]*)\ue201|\u3010[^\u3010\u3011\n]{1,80}\u2020[^\u3010\u3011\n]{0,200}\u3011"
)
"""Matches marks between U+E200 and U+E201, and the bracketed daggers of older answers."""
_LOOSE: Final = re.compile("[\ue200-\ue204]")
_FIELDS: Final = "\ue202"
_POINTERS: Final = re.compile(r"(?:turn\d+\w*[\s,]*)*")
_TYPED: Final = ("entity", "image_group", "product_entity")
"""Kinds of marks that name a thing's type before the thing itself."""
_FROM_CHATGPT: Final = re.compile(r"[?&]utm_source=chatgpt\.com$")
_LINK: Final = re.compile(r"\[([^\]]*)\]\((https?://[^\s)]+)\)")

Source = tuple[str, str, str]


class Citations:
    """The references of a message: the replacement for each mark in its text, and its sources."""

    def __init__(self, metadata: Fields) -> None:
        self.sources: list[Source] = []
        self._links: dict[str, str] = {}
        self._placed: list[tuple[int, int, Source]] = []
        """Positions of the marks in older answers, with their sources."""
        for reference in metadata.objects("content_references"):
            self._take_reference(reference)
        for citation in metadata.objects("citations"):
            self._take_citation(citation)

    def applied(self, text: str, notes: Notes) -> str:
        """Returns the text with its marks turned into links or words. Marks that nothing in the file explains are
        noted."""
        for begin, end, source in sorted(self._placed, reverse=True):
            if _MARK.fullmatch(text[begin:end]):
                text = f"{text[:begin].rstrip(' ')} {_linked([source]) or source[0]}{text[end:]}"
        for matched, link in self._links.items():
            if matched not in text and link and not _LINK.search(link):
                notes.left_out("`content_references.alt` whose mark is not in the text")
            text = text.replace(matched, link)

        def replaced(mark: re.Match[str]) -> str:
            words = _words(mark[1], notes) if mark[1] is not None else None
            if words is None:
                notes.left_out("unresolved citation marks")
            return words or ""

        if "\ue200" in text or "\u2020" in text:
            text = _MARK.sub(replaced, text)
        return _LOOSE.sub("", text)

    def _take_reference(self, reference: Fields) -> None:
        reference.ignore("start_idx", "end_idx", "type", "refs")
        matched, alt = reference.text("matched_text"), reference.value("alt")
        if isinstance(alt, list) and all(isinstance(one, str) for one in alt):
            alt = " ".join(alt)
        elif not isinstance(alt, str):
            reference.drop("alt")
        found = [
            source for name in ("items", "sources") for item in reference.objects(name) for source in _sources(item)
        ]
        own = (reference.text("title") or reference.text("name"), reference.text("url"), "")
        found += [own] if any(own) else []
        linked = _LINK.findall(alt) if isinstance(alt, str) else []
        others = [*linked, *(("", url) for url in reference.items("safe_urls") if isinstance(url, str))]
        for title, url in others:
            if _plain(url) not in {_plain(one) for _, one, _ in found}:
                found.append((title, url, ""))
        self.sources += found
        if _LOOSE.search(matched) or "\u2020" in matched:
            self._links[matched] = alt if isinstance(alt, str) and alt.strip() else _linked(found) or own[0]
        elif isinstance(alt, str) and not linked:
            reference.drop("alt")

    def _take_citation(self, citation: Fields) -> None:
        citation.ignore("citation_format_type")
        about = citation.inner("metadata")
        about.ignore("type", "id")
        found = (about.text("title") or about.text("name"), about.text("url"), "")
        begin, end = citation.count("start_ix"), citation.count("end_ix")
        if any(found):
            self.sources.append(found)
            self._placed += [(begin, end, found)] if begin is not None and end is not None else []


def _sources(item: Fields) -> Iterable[Source]:
    """Yields the page named by an item of a reference, and other pages that support it."""
    item.ignore("refs", "id", "type")
    yield item.text("title"), item.text("url"), ""
    for other in item.objects("supporting_websites"):
        yield from _sources(other)


def _linked(sources: Sequence[Source]) -> str:
    links = [f"[{title or url}]({url})" for title, url, _ in dict.fromkeys(sources) if url]
    return f"({', '.join(links)})" if links else ""


def _plain(url: str) -> str:
    """Returns an address without the parameter that ChatGPT adds to mark where visitors come from."""
    return _FROM_CHATGPT.sub("", url)


def _words(mark: str, notes: Notes) -> str | None:
    """Returns the readable text of a mark that names something, such as ``entity``, ``url`` or ``video``, as a link if
    it has an address; None if the mark is only a pointer. Whatever does not fit into the text is noted."""
    kind, *fields = mark.split(_FIELDS)
    told = [one for field in fields for one in _texts(field)]
    if kind.endswith("cite") or not told:
        return None
    address = next((one for one in told if one.startswith(("http://", "https://"))), "")
    words = [one for one in told if one != address]
    if kind in _TYPED and len(words) > 1:
        del words[0]
    notes.left_out(f"details in marks of type {quoted(kind)}", len(words[1:]))
    if address and words:
        return f"[{words[0]}]({address})"
    return address or words[0]


def _texts(field: str) -> list[str]:
    """Returns the texts in a field of a mark, which may be a JSON list, without pointers to other places in the
    file."""
    if field[:1] not in "[{":
        return [] if _POINTERS.fullmatch(field) else [field.strip()]
    try:
        named: Any = json.loads(field)
    except (ValueError, RecursionError):
        return []
    return [one.strip() for one in named if isinstance(one, str) and one.strip()] if isinstance(named, list) else []
