"""What somebody types into a search box, and where a text has it."""

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
"""Characters of an excerpt before what was found."""
_WORD: Final = re.compile(r'["“”„]([^"“”„]+)["“”„]?|([^\s"“”„]+)')

# Of the planes behind the first two, which take a fifth of a second to look through, none has any.
_MARKS: Final = "".join(chr(code) for code in range(0x300, 0x20000) if unicodedata.combining(chr(code)))
_LETTER: Final = re.compile(f".[{_MARKS}\uff9e\uff9f\u1160-\u11ff]*", re.DOTALL)
"""A sign with the marks that belong to it."""


def _of_width(*kinds: str) -> dict[int, str]:
    """Signs that are only wider or narrower than others, with these others."""
    parts = ((code, unicodedata.decomposition(chr(code)).split()) for code in range(0x3000, 0xFFEF))
    return {code: chr(int(part[1], 16)) for code, part in parts if len(part) == 2 and part[0] in kinds}


_USUAL: Final = _of_width("<wide>", "<narrow>")
_WIDER: Final = {ord(usual): chr(wide) for wide, usual in _of_width("<wide>").items()}
_NARROWER: Final = {ord(usual): chr(small) for small, usual in _of_width("<narrow>").items()}

_BLANKS: Final = r"[\s\x{a0}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]+"
"""White space of any kind, for DuckDB, whose ``\\s`` knows that of ASCII."""
_UNSEEN: Final = "\u00ad\u200b\u2060\ufeff"
"""Signs within a word that nobody sees: where it may be parted, and where it may not."""
_BOUND: Final = (("ffi", "\ufb03"), ("ffl", "\ufb04"), ("ff", "\ufb00"), ("fi", "\ufb01"), ("fl", "\ufb02"))
"""Letters that print, and what is copied from it, has as one."""
_RAISED: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_VOWELS: Final = (("\u0e4d\u0e32", "\u0e33"), ("\u0ecd\u0eb2", "\u0eb3"))
"""Vowels of Thai and Lao, in two signs and in one."""

_SIGMAS: Final = tuple("\u03a3\u03c2\u03c3")
"""The capital sigma, the small one that ends a word, and the usual small one."""

Marks = tuple[tuple[int, int], ...]


def words_of(text: str) -> tuple[str, ...]:
    """The words, and what stands in quotes as one; each once, whatever its case. ``MOST_WORDS`` at most."""
    found = (quoted.strip() or word for quoted, word in _WORD.findall(joined(text[:LONGEST_SEARCH])))
    return tuple({_folded(word)[0]: word for word in found if word}.values())[:MOST_WORDS]


def all_in(column: str, words: tuple[str, ...], values: dict[str, Any], name: str = "word") -> str:
    """SQL for whether a column has all words, in whatever case, width and normal form (see ``forms_of``).

    Adds the words to the ``values`` of the query, under ``name`` with a number.
    """
    return f"({' and '.join(_is_in(column, word, values, f'{name}{number}') for number, word in enumerate(words))})"


def _is_in(column: str, word: str, values: dict[str, Any], name: str) -> str:
    word = _as_seen(word) or word
    parts = word.split()
    if len(parts) > 1:  # a phrase, whatever stands between its words
        terms = [_is_in(column, part, values, f"{name}_{number}") for number, part in enumerate(parts)]
        values[name] = _BLANKS.join(f"(?:{'|'.join(map(_escaped, forms_of(part)))})" for part in parts)
        return f"({' and '.join(terms)} and regexp_matches({column}, ${name}, 'i'))"
    # A regular expression without regard to case is faster for some words, and several times slower for others; DuckDB
    # normalizes texts a hundred times slower than it looks for a word in them.
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
    if others:  # which no text in ASCII has
        plain.append(f"(strlen({column}) != length({column}) and ({' or '.join(others)}))")
    return f"({' or '.join(plain)})"


def _as_seen(text: str) -> str:
    return "".join(sign for sign in text if sign not in _UNSEEN)


def _escaped(text: str) -> str:
    """A text in a regular expression of RE2, which takes an escape before signs of ASCII only."""
    return re.sub(r"([^\w\s]|_)", lambda sign: f"\\{sign[0]}" if sign[0].isascii() else sign[0], text)


def forms_of(word: str) -> tuple[str, ...]:
    """The ways to write a word: composed and decomposed, in the narrow and in the wide signs of East Asia. Letters,
    digits and what else there is may be of different width. As it was written comes first."""
    plain = narrow(word)
    widths = [plain]
    for kind in ("[A-Za-z]", "[0-9]", "[^A-Za-z0-9]"):
        widths += [re.sub(kind, lambda sign: sign[0].translate(_WIDER), one) for one in widths]
    forms = [form for one in widths for form in (one, unicodedata.normalize("NFD", one), _half_composed(one))]
    small = unicodedata.normalize("NFD", plain).translate(_NARROWER)
    greek = [re.sub(f"[{''.join(_SIGMAS)}]\\b", sigma, plain) for sigma in _SIGMAS]  # small ones differ by their place
    return tuple(dict.fromkeys([word, *forms, small, *greek, *_as_printed(plain)]))


def _as_printed(word: str) -> Iterator[str]:
    """A word with letters that are bound, digits above and below the line, and the sharp s of German; and without."""
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
    """A text composed, in the signs of usual width."""
    return unicodedata.normalize("NFC", text.translate(_USUAL))


def _half_composed(text: str) -> str:
    """The text with the last of several marks on a letter by itself, as keyboards for Vietnamese write it."""
    parts = (unicodedata.normalize("NFD", sign) for sign in text)
    return "".join(unicodedata.normalize("NFC", part[:2]) + part[2:] for part in parts)


def excerpt_of(text: str, words: tuple[str, ...], lead: int = LEAD) -> tuple[str, Marks]:
    """The part of a text around the first of the words, in one line, and the places of words in it. At most ``lead``
    characters come before it."""
    line = " ".join(text.split())
    found = places_of(line, words)
    begin = max(0, found[0][0] - lead) if found else 0
    if begin > 0:
        begin = line.rfind(" ", 0, begin) + 1 or begin
    end = begin + LONGEST_EXCERPT
    before, after = "…" if begin > 0 else "", "…" if end < len(line) else ""
    moved = len(before) - begin
    marks = tuple((first + moved, last + moved) for first, last in found if begin <= first and last <= end)
    return f"{before}{line[begin:end]}{after}", marks


def places_of(text: str, words: tuple[str, ...]) -> Marks:
    """Where words stand in a text, in whatever case, width and normal form."""
    folded, starts = _folded(text)
    wanted = sorted({_folded(word)[0] for word in words} - {""}, key=len, reverse=True)
    if not wanted:
        return ()
    pattern = re.compile("|".join(r"\s+".join(map(re.escape, word.split())) for word in wanted))
    return tuple((starts[found.start()], starts[found.end()]) for found in pattern.finditer(folded))


def _folded(text: str) -> tuple[str, list[int]]:
    """A text as it is compared, and for each of its signs, and its end, where the letter begins that it comes of."""
    if text.isascii():
        return text.lower(), list(range(len(text) + 1))
    folded: list[str] = []
    starts: list[int] = []
    for letter in _LETTER.finditer(text):
        # Bound letters have to come apart before case is left aside.
        signs = _as_seen(unicodedata.normalize("NFKC", narrow(letter[0]).replace("İ", "I")).casefold())
        folded.append(signs)
        starts += [letter.start()] * len(signs)
    return "".join(folded), [*starts, len(text)]
