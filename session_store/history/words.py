"""Parses search text, and finds where a text matches it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from session_store.json_safe import joined
from session_store.limits import LONGEST_SEARCH

MOST_WORDS: Final = 12
LONGEST_EXCERPT: Final = 240
LEAD: Final = 60
"""Characters of an excerpt before the match."""
_WORD: Final = re.compile(r'["“”„]([^"“”„]+)["“”„]?|([^\s"“”„]+)')

# The planes after the first two have no such marks, and checking them takes a fifth of a second.
_MARKS: Final = "".join(chr(code) for code in range(0x300, 0x20000) if unicodedata.combining(chr(code)))
_LETTER: Final = re.compile(f".[{_MARKS}\uff9e\uff9f\u1160-\u11ff]*", re.DOTALL)
"""A character with its combining marks."""


def _of_width(*kinds: str) -> dict[int, str]:
    """Map characters that are only wider or narrower variants to the usual ones."""
    parts = ((code, unicodedata.decomposition(chr(code)).split()) for code in range(0x3000, 0xFFEF))
    return {code: chr(int(part[1], 16)) for code, part in parts if len(part) == 2 and part[0] in kinds}


_USUAL: Final = _of_width("<wide>", "<narrow>")
_WIDER: Final = {ord(usual): chr(wide) for wide, usual in _of_width("<wide>").items()}
_NARROWER: Final = {ord(usual): chr(small) for small, usual in _of_width("<narrow>").items()}

_BLANKS: Final = r"[\s\x{a0}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]+"
"""Any whitespace, for DuckDB, whose ``\\s`` covers only ASCII."""
_UNSEEN: Final = "\u00ad\u200b\u2060\ufeff"
"""Invisible characters within a word: where it may be hyphenated, and where it must not break."""
_BOUND: Final = (("ffi", "\ufb03"), ("ffl", "\ufb04"), ("ff", "\ufb00"), ("fi", "\ufb01"), ("fl", "\ufb02"))
"""Letter pairs that print, and text copied from it, has as one ligature."""
_RAISED: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_VOWELS: Final = (("\u0e4d\u0e32", "\u0e33"), ("\u0ecd\u0eb2", "\u0eb3"))
"""Vowels of Thai and Lao, as two characters and as one."""

_SIGMAS: Final = tuple("\u03a3\u03c2\u03c3")
"""The capital sigma, the small one at the end of a word, and the usual small one."""

Marks = tuple[tuple[int, int], ...]


def words_of(text: str) -> tuple[str, ...]:
    """Split search text into words, with quoted text as one; without duplicates in any case. At most ``MOST_WORDS``."""
    found = (quoted.strip() or word for quoted, word in _WORD.findall(joined(text[:LONGEST_SEARCH])))
    return tuple({_folded(word)[0]: word for word in found if word}.values())[:MOST_WORDS]


def all_in(column: str, words: tuple[str, ...], values: dict[str, Any], name: str = "word") -> str:
    """Return SQL for whether a column contains all words, in any case, width and normal form (see ``forms_of``).

    Adds the words to the ``values`` of the query, as ``name`` plus a number.
    """
    return f"({' and '.join(_is_in(column, word, values, f'{name}{number}') for number, word in enumerate(words))})"


def _is_in(column: str, word: str, values: dict[str, Any], name: str) -> str:
    word = _as_seen(word) or word
    parts = word.split()
    if len(parts) > 1:  # a phrase, with any whitespace between its words
        terms = [_is_in(column, part, values, f"{name}_{number}") for number, part in enumerate(parts)]
        values[name] = _BLANKS.join(f"(?:{'|'.join(map(_escaped, forms_of(part)))})" for part in parts)
        return f"({' and '.join(terms)} and regexp_matches({column}, ${name}, 'i'))"
    # A case-insensitive regular expression is faster for some words, and several times slower for others; DuckDB
    # normalizes texts a hundred times slower than it searches them for a word.
    names = []
    for number, form in enumerate(forms_of(word)):
        values[f"{name}_{number}"] = form
        names.append(f"{name}_{number}")
    terms = [f"contains(lower({column}), lower(${one}))" for one in names]
    plain = [term for term, one in zip(terms, names, strict=True) if values[one].isascii()]
    others = [term for term, one in zip(terms, names, strict=True) if not values[one].isascii()]
    if len(word) > 1:
        values[f"{name}_parted"] = f"[{_UNSEEN}]*".join(map(_escaped, word))
        unseen = " or ".join(f"contains({column}, '{sign}')" for sign in _UNSEEN)
        others.append(f"(({unseen}) and regexp_matches({column}, ${name}_parted, 'i'))")
    if others:  # no ASCII text has these
        plain.append(f"(strlen({column}) != length({column}) and ({' or '.join(others)}))")
    return f"({' or '.join(plain)})"


def _as_seen(text: str) -> str:
    return "".join(sign for sign in text if sign not in _UNSEEN)


def _escaped(text: str) -> str:
    """Escape a text for a regular expression of RE2, which allows escapes only before ASCII characters."""
    return re.sub(r"([^\w\s]|_)", lambda sign: f"\\{sign[0]}" if sign[0].isascii() else sign[0], text)


def forms_of(word: str) -> tuple[str, ...]:
    """Return the ways to write a word: composed and decomposed, in narrow and in wide East Asian characters. Letters,
    digits and other characters may differ in width. The original spelling comes first."""
    plain = narrow(word)
    widths = [plain]
    for kind in ("[A-Za-z]", "[0-9]", "[^A-Za-z0-9]"):
        widths += [re.sub(kind, lambda sign: sign[0].translate(_WIDER), one) for one in widths]
    forms = [form for one in widths for form in (one, unicodedata.normalize("NFD", one), _half_composed(one))]
    small = unicodedata.normalize("NFD", plain).translate(_NARROWER)
    greek = [re.sub(f"[{''.join(_SIGMAS)}]\\b", sigma, plain) for sigma in _SIGMAS]  # small sigmas differ by position
    return tuple(dict.fromkeys([word, *forms, small, *greek, *_as_printed(plain)]))


def _as_printed(word: str) -> Iterator[str]:
    """Yield a word with and without ligatures, superscript and subscript digits, and the German sharp s."""
    yield unicodedata.normalize("NFKC", word)
    yield word.translate(_RAISED)
    yield word.translate(_LOWERED)
    yield re.sub("ss", "ß", word, flags=re.IGNORECASE)
    yield word.replace("ß", "ss")
    for pairs in (_BOUND, _VOWELS):
        form = word
        for parted, bound in pairs:
            form = re.sub(parted, bound, form, flags=re.IGNORECASE)
        yield form


def narrow(text: str) -> str:
    """Return a text composed, in characters of the usual width."""
    return unicodedata.normalize("NFC", text.translate(_USUAL))


def _half_composed(text: str) -> str:
    """Return the text with the last of several marks on a letter separate, as Vietnamese keyboards write it."""
    parts = (unicodedata.normalize("NFD", sign) for sign in text)
    return "".join(unicodedata.normalize("NFC", part[:2]) + part[2:] for part in parts)


def excerpt_of(text: str, words: tuple[str, ...], lead: int = LEAD) -> tuple[str, Marks]:
    """Return the part of a text around the first matching word, on one line, and the positions of words in it. At most
    ``lead`` characters precede the match."""
    line = " ".join(text.split())
    found = places_of(line, words)
    begin = max(0, found[0][0] - lead) if found else 0
    if begin > 0:
        begin = line.rfind(" ", 0, begin) + 1 or begin
    end = begin + LONGEST_EXCERPT
    before, after = "…" if begin > 0 else "", "…" if end < len(line) else ""
    shift = len(before) - begin
    marks = tuple((first + shift, last + shift) for first, last in found if begin <= first and last <= end)
    return f"{before}{line[begin:end]}{after}", marks


def places_of(text: str, words: tuple[str, ...]) -> Marks:
    """Return where words occur in a text, in any case, width and normal form."""
    folded, starts = _folded(text)
    wanted = sorted({_folded(word)[0] for word in words} - {""}, key=len, reverse=True)
    if not wanted:
        return ()
    pattern = re.compile("|".join(r"\s+".join(map(re.escape, word.split())) for word in wanted))
    return tuple((starts[found.start()], starts[found.end()]) for found in pattern.finditer(folded))


def _folded(text: str) -> tuple[str, list[int]]:
    """Return the normalized text for comparison and, for each of its characters and its end, the start of the original
    letter."""
    if text.isascii():
        return text.lower(), list(range(len(text) + 1))
    folded: list[str] = []
    starts: list[int] = []
    for letter in _LETTER.finditer(text):
        # Split ligatures before case folding.
        signs = _as_seen(unicodedata.normalize("NFKC", narrow(letter[0]).replace("İ", "I")).casefold())
        folded.append(signs)
        starts += [letter.start()] * len(signs)
    return "".join(folded), [*starts, len(text)]
