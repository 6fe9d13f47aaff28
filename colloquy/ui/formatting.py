"""How texts, times and durations are written on the page."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from session_store.models import SessionSummary
from session_store.phrases import day_text
from session_store.transcripts.markup import code_spans

IMAGE = re.compile(r"!(?=\[)")
FORMULA = re.compile(
    r"""
    ^(?P<indent>[ \t>]*)\\\[(?P<block>(?:(?!\\\[|\n[ \t]*\n).)+?)\\\][ \t]*$   # on lines of its own
    | (?<!\\)\\\[(?P<display>(?:(?!\\\[|\n[ \t]*\n).)+?)\\\](?!\()      # among words; no escaped link
    | (?<!\\)\\\((?P<inline>(?:(?!\\\(|\n[ \t]*\n).)+?)\\\)
    | \$\$.+?\$\$
    # a letter, or what has signs of a formula; no amounts, no variables of a shell
    | (?<![\\$\w])\$(?![\s$])(?:[A-Za-z]|(?!-?\d[^$\\^\n]*\$)(?=[^$\n]*[\\^_=+<>{}])[^$\n]*?[^\s$\\])\$(?![\w${(])
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
DOLLAR = re.compile(r"(?<![\\$])\$(?!\$)")
DIRECTIVE = re.compile(r":(?=[a-z][a-z0-9_-]*[\[/:])")
ICON = re.compile(r":(?=material/)")
EMOJI = re.compile(r":(?=(?:[a-z][a-z0-9_+-]*|[+-]1|100|1234|8ball):)")
TILDE = re.compile(r"(?<![\\~])~(?!~)")
"""A single tilde would strike out the text up to the next one: ``1~2 and 3~4`` are ranges, ``~/x`` is a folder."""
ADDRESS = re.compile(r"\b(?:https?://|www\.)[^\s<>()]+")
"""Text that becomes a link by itself; an escape inside it would become part of the address."""
NO_ICON = ":\N{WORD JOINER}"
"""Streamlit looks for icons and emoji in the text after removing its escapes, so an invisible character has to break
them up."""
DASHES = re.compile(r"-(?=-)")
NO_DASH = "-\N{WORD JOINER}"
"""Two hyphens would become a dash, which turns a SQL comment into something else."""
LABEL_SYNTAX = re.compile(r"([\\`*_{}\[\]()#+!|~$:<>&-])")
BLOCK = re.compile(r"^(\d*)([.=])(?=[=\s]|$)")
"""Text that begins a list or underlines a heading."""
NO_BREAK = "\N{NO-BREAK SPACE}"
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def untrusted_markdown(text: str) -> str:
    """Makes Markdown from a model or a tool safe and plain for ``st.markdown``.

    Images become links, so that nothing remote loads without a click. Formulas get dollar signs, as Streamlit expects,
    including those written as ``\\(…\\)`` and ``\\[…\\]``; other dollar signs stay dollar signs. Streamlit's own
    directives (``:red[…]``, ``:material/…:``), names of emoji and single tildes stay text. Code and web addresses are
    left alone.
    """
    pieces: list[str] = []
    at = 0
    for begin, end in code_spans(text):
        pieces += [_with_formulas(text[at:begin]), text[begin:end]]
        at = end
    return "".join([*pieces, _with_formulas(text[at:])])


def plain_markdown(text: str) -> str:
    """Returns plain text, such as an error, as Markdown that shows it verbatim, line by line."""
    return "  \n".join(map(_plain_line, text.strip().splitlines()))


def _plain_line(line: str) -> str:
    words = line.strip()
    indent = NO_BREAK * (len(line.rstrip()) - len(words))
    return indent + BLOCK.sub(r"\1\\\2", label(words)) or NO_BREAK


def _split(
    pattern: re.Pattern[str], text: str, outside: Callable[[str], str], inside: Callable[[re.Match[str]], str]
) -> str:
    """Applies ``inside`` to each match of a pattern in a text, and ``outside`` to the text around them."""
    pieces: list[str] = []
    at = 0
    for found in pattern.finditer(text):
        pieces += [outside(text[at : found.start()]), inside(found)]
        at = found.end()
    return "".join([*pieces, outside(text[at:])])


def _with_formulas(text: str) -> str:
    return _split(FORMULA, text, _plain, _formula)


def _formula(found: re.Match[str]) -> str:
    if block := found["block"]:
        lines = [f"{found['indent']}{line.strip()}" for line in ("$$", *block.strip().splitlines(), "$$")]
        return "\n".join(lines)
    if inline := found["inline"] or found["display"]:
        sign = "$$" if found["display"] or "$" in inline else "$"
        return f"{sign}{' '.join(inline.split())}{sign}"
    return found[0]


def _plain(text: str) -> str:
    return _split(ADDRESS, text, _without_directives, lambda address: address[0])


def _without_directives(text: str) -> str:
    text = IMAGE.sub("", text)
    text = DOLLAR.sub(r"\\$", text)
    text = TILDE.sub(r"\\~", text)
    text = EMOJI.sub(NO_ICON, ICON.sub(NO_ICON, text))
    return DIRECTIVE.sub(r"\\:", text)


def label(text: str) -> str:
    """Escapes plain text for a widget's label, in which Streamlit would interpret Markdown."""
    return LABEL_SYNTAX.sub(r"\\\1", DASHES.sub(NO_DASH, ICON.sub(NO_ICON, text)))


def now() -> datetime:
    """Returns the current time in the time zone of the user's browser."""
    return datetime.now(zone())


def local(at: float) -> datetime:
    """Converts Unix seconds to a time in the time zone of the user's browser."""
    return datetime.fromtimestamp(at, zone())


def zone() -> ZoneInfo:
    """Returns the time zone of the user's browser; UTC if it is not known."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except ZoneInfoNotFoundError:
        return ZoneInfo("UTC")


def key_of(name: str) -> str:
    """Makes an id usable in the key of an element that a style sheet or script finds by its class.

    Streamlit makes a class from a key by replacing everything but letters, digits, dashes and underscores with dashes.
    Ids from an API client or an imported file could then collide, or end the rule that names them. Those are hashed.
    """
    return (
        name
        if _PLAIN.fullmatch(name)
        else f"id-{hashlib.blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=12).hexdigest()}"
    )


def relative_time(at: float) -> str:
    """Says how long ago something was: minutes or hours within a day, then as ``short_time``."""
    seconds = max(0.0, now().timestamp() - at)
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    return f"{seconds // 3600:.0f} h ago" if seconds < 86_400 else short_time(at)


def short_time(at: float) -> str:
    """Formats a time as briefly as possible: the hour today, the weekday within a week, else the date."""
    when, today = local(at), now().date()
    if when.date() == today:
        return f"{when:%H:%M}"
    if today - when.date() < timedelta(days=7):
        return f"{when:%a}"
    return f"{when:%d %b}" if when.year == today.year else f"{when:%b %Y}"


def long_time(at: float) -> str:
    """Formats a time with its date, to the minute."""
    return f"{day_text(local(at))}, {local(at):%H:%M}"


def duration(seconds: float) -> str:
    """Formats a duration: ``0.8 s``, ``12 s``, ``2 min 5 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


NARROWEST_FILTER, WIDEST_FILTER = 140, 360


def filter_width(chosen: Iterable[str]) -> int:
    """Returns the width in pixels that a filter with several values needs to keep its chosen values readable."""
    longest = max((len(name) for name in chosen), default=0)
    return min(WIDEST_FILTER, NARROWEST_FILTER + 8 * longest) if longest else NARROWEST_FILTER


def running_for(seconds: float) -> str:
    """Formats a running duration in whole seconds as HTML, which the browser keeps counting if ``components.tick`` is
    drawn."""
    whole = max(0, int(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    words = f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f'<span data-seconds="{whole}">{words}</span>'


SAVED = "Saved"


def group(session: SessionSummary) -> str:
    """Returns the heading that a session is listed under."""
    if session.saved:
        return SAVED
    age = (now().date() - local(session.updated_at).date()).days
    if age <= 0:
        return "Today"
    if age == 1:
        return "Yesterday"
    return "Previous 7 days" if age <= 7 else "Older"
