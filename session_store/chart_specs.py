"""What a chart's specification may say: an allow list of Vega-Lite's keys, and of the shape of each value.

A specification may come from a model or out of a file. Vega-Lite can load from addresses and run expressions, and some
texts (formats, titles) become parts of expressions that it makes itself. So nothing passes that is not named here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from session_store.errors import ColloquyError

MARKS: Final = (
    "bar",
    "line",
    "area",
    "point",
    "arc",
    "rect",
    "boxplot",
    "tick",
    "circle",
    "square",
    "rule",
    "text",
    "trail",
    "errorbar",
    "errorband",
)
SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"

DEEPEST: Final = 20
MOST_VALUES: Final = 5_000
LONGEST_TEXT: Final = 1_000
LARGEST_SIZE: Final = 4_000
"""Of a chart and of all that is in it, in pixels."""
MOST_STEPS: Final = 200
"""Bins, ticks, points of a curve: Vega computes and draws each, and a browser shows nothing else meanwhile."""
MOST_VIEWS: Final = 50
"""Charts in a chart: layered, beside each other, and repeated."""
MOST_FOLDED: Final = 50
"""Rows that all folds together make of each row."""

_WORD: Final = re.compile(r"-?[A-Za-z][\w-]{0,60}", re.ASCII)
_COLOR: Final = re.compile(
    r"[A-Za-z]{3,30}|\#[0-9a-f]{3,8}|(?:rgb|hsl)a?\(\s*[\d.]+(?:%|deg)?(?:[\s,/]+[\d.]+%?){2,3}\s*\)",
    re.IGNORECASE | re.ASCII,
)
_RANGE: Final = re.compile(f"{_COLOR.pattern}|{_WORD.pattern}", re.IGNORECASE | re.ASCII)
_FORMAT: Final = re.compile(r"[\w\s%~$+,.:/()<>=^#|*-]{0,100}", re.ASCII)
"""Formats of d3. Vega-Lite puts them between quotes into expressions, as they are."""
_FONT: Final = re.compile(r"[\w ,-]{1,100}", re.ASCII)
_MADE: Final = re.compile(r"[\w ,.%()/+-]{1,100}")
"""Names that transforms give. A column's own name may be any."""
_UNTITLED: Final = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TITLE: Final = re.compile(rf"(?!\s*image\s*$)(?:(?!{_UNTITLED.pattern}).)*", re.DOTALL)
"""Vega-Lite makes keys in expressions of titles without escaping backslashes, and the tooltip of the front end shows
what is titled ``image`` as one, from wherever it is."""
_FIELD: Final = re.compile(rf"""(?:(?![\\'"]|{_UNTITLED.pattern}).|\\[.\[\]'"])*""", re.DOTALL)
"""A path to a column, as Vega-Lite reads it: what is special in a name has a backslash in front. A backslash of the
name itself would end a text in the expressions that Vega-Lite makes of it."""
_ANY: Final = re.compile(r".*", re.DOTALL)
"""Names of columns, which are checked against the table, and values to compare with, which Vega-Lite quotes."""
_TYPE: Final = re.compile(
    "quantitative|temporal|nominal|ordinal|linear|log|pow|sqrt|symlog|time|utc|band|bin-ordinal|quantile|quantize|"
    f"threshold|sequential|fit|fit-x|fit-y|pad|none|symbol|gradient|{'|'.join(MARKS)}"
)
"""Of channels, scales, legends and marks. Not the scale ``identity``, which takes data for colours."""
_NOTHING: Final = re.compile(r"(?!)")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CHANNELS: Final = _words("""
    x y x2 y2 xOffset yOffset theta theta2 radius radius2 color fill stroke opacity fillOpacity strokeOpacity
    strokeWidth strokeDash size shape angle text row column facet tooltip detail order key
""")
FIELDS: Final = _words("field groupby fold argmin argmax density regression loess quantile on fields repeat")
"""Keys of names of columns, which are for others to check against the data. Not ``impute``, which makes a row for each
group and key: 25 million of 5,000 rows. SQL fills gaps as well."""
_CONDITIONS: Final = frozenset({"filter", "test"})
_NO_TEXT: Final = "Compare parts of dates with numbers or date objects, not with texts."
_DAY_OR_MONTH: Final = re.compile(
    "(?:sun|mon|tue|wed|thu|fri|sat|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}",
    re.IGNORECASE | re.ASCII,
)
_COMPARED: Final = ("equal", "lt", "lte", "gt", "gte", "oneOf", "range")
"""Where Vega-Lite puts a text into an expression as it is, if a unit of time is compared."""
_COLORS: Final = _words("""
    color fill stroke background labelColor titleColor gridColor tickColor domainColor subtitleColor fillColor
    strokeColor gradientStrokeColor symbolFillColor symbolStrokeColor
""")
_PLAIN: Final = _words("""
    mark encoding layer hconcat vconcat concat spec resolve scale axis legend header transform view name columns
    spacing align bounds center autosize contains resize padding bottom top left right
    type point line box median rule outliers ticks borders band extent filled orient interpolate tension clip
    cornerRadius cornerRadiusEnd cornerRadiusTopLeft cornerRadiusTopRight cornerRadiusBottomLeft
    cornerRadiusBottomRight innerRadius outerRadius padAngle binSpacing bandSize thickness baseline dx dy fontSize
    fontStyle fontWeight limit lineHeight strokeCap strokeJoin strokeMiterLimit strokeDashOffset blend invalid
    gradient stops offset x1 y1 r1 r2 radiusOffset thetaOffset content minBandSize continuousBandSize
    discreteBandSize aria dir strokeOffset
    aggregate bin maxbins minstep base divide steps binned timeUnit unit utc step sortBy op order bandPosition
    condition test formatType value tickCount
    grid labels labelAlign labelAnchor labelAngle labelBaseline labelBound labelFlush labelFlushOffset
    labelFontSize labelFontStyle labelFontWeight labelLimit labelLineHeight labelOffset labelOpacity labelOrient
    labelOverlap labelPadding labelSeparation titleAlign titleAnchor titleAngle titleBaseline titleFontSize
    titleFontStyle titleFontWeight titleLimit titleLineHeight titleOpacity titleOrient titlePadding titleX titleY
    gridCap gridDash gridDashOffset gridOpacity gridWidth tickBand tickCap tickDash tickDashOffset tickExtra
    tickMinStep tickOffset tickOpacity tickRound tickSize tickWidth interval domainCap domainDash domainDashOffset
    domainOpacity domainWidth maxExtent minExtent position translate zindex anchor frame
    subtitleFontSize subtitleFontStyle subtitleFontWeight subtitleLineHeight subtitlePadding columnPadding
    rowPadding clipHeight cornerRadius direction gradientLength gradientOpacity gradientStrokeWidth
    gradientThickness gridAlign legendX legendY symbolDash symbolDashOffset symbolLimit symbolOffset symbolOpacity
    symbolSize symbolStrokeWidth symbolType
    scheme count gamma zero nice reverse round clamp exponent constant bins paddingInner paddingOuter domainMax
    domainMin domainMid rangeMax rangeMin
    filter and or not valid window joinaggregate bandwidth counts cumulative minsteps maxsteps method
    probs ignorePeers keys
    year quarter month week date day hours minutes seconds milliseconds
""")
"""Keys of numbers, of words that Vega-Lite knows, and of objects with more keys."""
_SIZES: Final = _words("width height")
_SHAPES: Final = {
    **dict.fromkeys(_PLAIN | CHANNELS | _SIZES, _WORD),
    **dict.fromkeys(_COLORS, _COLOR),
    **dict.fromkeys(_words("title subtitle description text"), _TITLE),
    **dict.fromkeys(FIELDS, _FIELD),
    **dict.fromkeys(_words("datum domain equal lt lte gt gte oneOf values range sort stack"), _ANY),
    **dict.fromkeys(_words("font labelFont titleFont subtitleFont"), _FONT),
    **dict.fromkeys(_words("filter test and or not"), _NOTHING),
    "format": _FORMAT,
    "as": _MADE,
    "type": _TYPE,
    "formatType": re.compile("number|time|utc"),
    "content": re.compile("encoding"),
}
"""The keys that there are, and what a text in their place has to be."""


_OF_DATA: Final = _words("""
    datum domain domainMin domainMax domainMid equal lt lte gt gte oneOf values extent bandwidth constant bins
    tickMinStep
""")
"""Keys of numbers in the units of the data."""
_LARGEST_DATA: Final = 1e100
_RANGES: Final = {
    **dict.fromkeys(
        _words("tickCount maxbins steps minsteps maxsteps count nice symbolLimit columns"), (0, MOST_STEPS)
    ),
    **dict.fromkeys(_words("fontSize labelFontSize titleFontSize subtitleFontSize"), (0, 200)),
    "order": (0, 10),
    "base": (2, 1_000),
    "exponent": (0.01, 10),
    "step": (1, MOST_STEPS),
}
"""What a number may be that says how many there are of something; most others are pixels."""
_DASHES: Final = _words("strokeDash gridDash domainDash tickDash symbolDash")
_SMALLEST_DASH: Final = 0.5
_SMALLEST_QUANTILE: Final = 0.001
_STEPS_OF_DATA: Final = _words("step minstep base steps divide")
_NO_STEPS: Final = "How many steps that makes depends on the data. Use maxbins or tickCount with a number."


class ChartRefusedError(ColloquyError):
    """A specification says something that a chart may not."""


def allowed_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A specification that says nothing but what it may, as it is; only its version is always ours.

    Raises:
        ChartRefusedError: it says something else; names that.
    """
    walk = _Walk()
    walk.mapping({key: value for key, value in spec.items() if key != "$schema"}, (), 0)
    walk.check_times()
    if _views(spec) > MOST_VIEWS:
        raise ChartRefusedError(f"A chart can have at most {MOST_VIEWS} charts in it. Split it.")
    if _folded(spec) > MOST_FOLDED:
        raise ChartRefusedError(f"A chart can make at most {MOST_FOLDED} rows of one. Fold fewer columns.")
    return {"$schema": SCHEMA, **{key: value for key, value in spec.items() if key != "$schema"}}


class _Walk:
    """One specification, looked at once."""

    def __init__(self) -> None:
        self._seen = 0
        self._timed: set[str | None] = set()
        """Channels that have a unit of time somewhere: layers take from those around them what they do not say."""
        self._values: list[tuple[tuple[str, ...], str]] = []
        """Texts to compare with, where they stand."""

    def check_times(self) -> None:
        """Refuse texts among the values of channels with units of time, which Vega-Lite puts into expressions as they
        are, but for names of days and months."""
        for path, text in self._values:
            if _channel(path) in self._timed and not _DAY_OR_MONTH.fullmatch(text):
                raise ChartRefusedError(f"{_place(path)} cannot be {text[:60]!r} in a chart. {_NO_TEXT}")

    def mapping(self, given: Mapping[str, Any], path: tuple[str, ...], depth: int) -> None:
        if given.get("timeUnit") is not None and any(_has_text(given.get(key)) for key in _COMPARED):
            raise ChartRefusedError(f"{_place((*path, 'timeUnit'))}: {_NO_TEXT}")
        if given.get("timeUnit") is not None and (channel := _channel(path)):
            self._timed.add(channel)
        for key, value in given.items():
            if not isinstance(key, str) or (key not in _SHAPES and not _names_channels(path)):
                raise ChartRefusedError(
                    f"A chart cannot have {str(key)[:60]!r}: its data is the result of the query, and nothing else. It "
                    "has no addresses, parameters or expressions."
                )
            if (path[-1:] == ("encoding",) or _names_channels(path)) and key not in CHANNELS:
                raise ChartRefusedError(f"There is no channel {key[:60]!r} in charts here.")
            if (key == "mark" and isinstance(value, str)) or (key == "type" and path[-1:] == ("mark",)):
                check_mark(value)
            _check_steps(key, value, path)
            if (key == "scale" and value is None and _is_color(path)) or (
                key == "range" and isinstance(value, Mapping)
            ):
                raise ChartRefusedError(f"{_place((*path, key))}: data cannot be used as colors. Leave it out.")
            self.value(value, (*path, key), depth + 1)

    def value(self, value: object, path: tuple[str, ...], depth: int, *, listed: bool = False) -> None:
        self._seen += 1
        if depth > DEEPEST or self._seen > MOST_VALUES:
            raise ChartRefusedError(
                f"The chart's specification is too large: at most {MOST_VALUES:,} values, nested {DEEPEST} levels deep."
            )
        if isinstance(value, Mapping):
            self.mapping(value, path, depth)
        elif isinstance(value, list | tuple):
            for inner in value:
                self.value(inner, path, depth + 1, listed=True)
        elif isinstance(value, str):
            _check_text(value, path)
            if _SHAPES[path[-1]] is _ANY and (listed or path[-1] == "datum"):
                self._values.append((path, value))
        elif isinstance(value, float | int):
            _check_number(value, path)
        elif value is not None:
            raise ChartRefusedError(f"{_place(path)} has a value that is not JSON.")


def _check_number(value: float, path: tuple[str, ...]) -> None:
    least, most = _range_of(path)
    if not (isinstance(value, bool) or least <= value <= most) or not math.isfinite(value):
        between = f" It can be a number from {least:,} to {most:,}." if most < _LARGEST_DATA else ""
        raise ChartRefusedError(f"{_place(path)} cannot be {str(value)[:40]} in a chart.{between}")
    is_length = path[-1] in _DASHES or (path[-1] in ("value", "range") and _DASHES & set(path))
    if is_length and 0 < value < _SMALLEST_DASH:
        raise ChartRefusedError(f"{_place(path)} cannot be {value} in a chart: dashes are {_SMALLEST_DASH} or longer.")


def _range_of(path: tuple[str, ...]) -> tuple[float, float]:
    key = path[-1]
    of_data = key in _OF_DATA or (key == "range" and "scale" not in path)
    if of_data or (key == "value" and "text" in path):
        return -_LARGEST_DATA, _LARGEST_DATA
    if key == "step" and "transform" in path and "timeUnit" not in path:
        return _SMALLEST_QUANTILE, 1
    return _RANGES.get(key, (-LARGEST_SIZE, LARGEST_SIZE))


def _check_steps(key: str, value: object, path: tuple[str, ...]) -> None:
    """Refuse steps in the units of the data: it says how many there are."""
    if (
        (key in _STEPS_OF_DATA and path[-1:] in (("bin",), ("bins",)))
        or (key == "tickCount" and isinstance(value, str | Mapping))
        or (key == "bins" and isinstance(value, Mapping))
    ):
        raise ChartRefusedError(f"{_place((*path, key))} cannot be given in a chart. {_NO_STEPS}")


def _within(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The charts in a chart, one level deep."""
    found: list[Mapping[str, Any]] = []
    for key in ("layer", "hconcat", "vconcat", "concat", "spec"):
        inner = spec.get(key)
        found += [one for one in (inner if isinstance(inner, list | tuple) else [inner]) if isinstance(one, Mapping)]
    return found


def _views(spec: Mapping[str, Any]) -> int:
    """How many charts a specification draws, those within others included."""
    repeated = spec.get("repeat")
    lists = repeated.values() if isinstance(repeated, Mapping) else [repeated]
    times = math.prod(len(names) for names in lists if isinstance(names, list | tuple) and names)
    return times * max(1, sum(map(_views, _within(spec))))


def _folded(spec: Mapping[str, Any]) -> int:
    """How many rows the folds of a specification make of each row, at most."""
    transforms = spec.get("transform")
    folds = [
        one.get("fold") for one in (transforms if isinstance(transforms, list | tuple) else ()) if isinstance(one, dict)
    ]
    own = math.prod(len(names) for names in folds if isinstance(names, list | tuple) and names)
    return own * max(map(_folded, _within(spec)), default=1)


def plain_title(text: str) -> str:
    """A text, such as the name of a column, as the title of a part of a chart."""
    title = _UNTITLED.sub(" ", text)[:LONGEST_TEXT]
    return "Image" if title.strip() == "image" else title


def check_mark(mark: object) -> None:
    """Refuse what is no mark of a chart.

    Raises:
        ChartRefusedError: names the marks that there are.
    """
    if mark not in MARKS:
        raise ChartRefusedError(f"There is no mark {str(mark)[:60]!r}. Use one of: {', '.join(MARKS)}.")


def _names_channels(path: tuple[str, ...]) -> bool:
    """Whether the keys of an object are channels: of scales that are shared or not."""
    return len(path) > 1 and path[-2] == "resolve"


def _check_text(text: str, path: tuple[str, ...]) -> None:
    key = path[-1]
    if len(text) > LONGEST_TEXT:
        raise ChartRefusedError(f"{_place(path)} is longer than {LONGEST_TEXT:,} characters.")
    if not _fits(text, key, path):
        if key in FIELDS:
            raise ChartRefusedError(
                f"{_place(path)} cannot be {text[:60]!r} in a chart: a column that is charted has a name without "
                "backslashes, line breaks and loose quotes. Give it another one in the SQL, with AS."
            )
        hint = " Colors are names, #rrggbb or rgb(…)." if _is_color(path) else ""
        if _SHAPES[key] is _NOTHING:
            hint = " A chart has no expressions: filter in the SQL, or by an object such as {'field': 'n', 'gt': 0}."
        raise ChartRefusedError(f"{_place(path)} cannot be {text[:60]!r} in a chart.{hint}")


def _fits(text: str, key: str, path: tuple[str, ...]) -> bool:
    if _is_color(path):
        shape = _COLOR
    elif key == "range" and "scale" in path:
        shape = _RANGE
    elif path[-2:] == ("field", "repeat"):
        shape = _WORD
    elif key == "value" and "text" in path:
        shape = _ANY
    else:
        shape = _SHAPES[key]
    return shape.fullmatch(text) is not None


def _channel(path: tuple[str, ...]) -> str | None:
    """The channel that something is said of; an end belongs to its beginning, and conditions to themselves."""
    if _CONDITIONS & set(path):
        return None
    return next((part.rstrip("2") for part in reversed(path) if part in CHANNELS), None)


def _has_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list | tuple) and any(map(_has_text, value)))


def _is_color(path: tuple[str, ...]) -> bool:
    """Whether something is a colour: by its own key, or as the value of a channel of colours."""
    return path[-1] in _COLORS or (path[-1] in ("value", "condition") and any(key in _COLORS for key in path))


def _place(path: tuple[str, ...]) -> str:
    return ".".join(path)[:100]
