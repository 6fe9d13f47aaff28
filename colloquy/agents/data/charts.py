"""Charts as Vega-Lite specifications over the rows of a query. A specification contains no data and no URLs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from colloquy.agents.data.errors import ChartInvalidError
from session_store.chart_specs import FIELDS, ChartRefusedError, allowed_spec, check_mark, plain_title

CHANNELS: Final = (
    "x",
    "y",
    "color",
    "theta",
    "size",
    "row",
    "column",
    "tooltip",
    "xOffset",
    "detail",
    "opacity",
    "order",
)
_TYPES: Final = ("quantitative", "temporal", "nominal", "ordinal")
_AGGREGATES: Final = ("sum", "mean", "average", "median", "min", "max", "count", "distinct")


def chart_spec(
    title: str, table: pa.Table, mark: str | Mapping[str, Any], encoding: Mapping[str, Any]
) -> dict[str, Any]:
    """Build a Vega-Lite specification with a single layer.

    ``encoding`` maps each channel to a column's name, or to Vega-Lite's object with ``field`` in it. Missing types are
    derived from the columns.

    Raises:
        ChartInvalidError: names the mark, channel or column that does not exist, and those that do.
    """
    mark = mark if isinstance(mark, Mapping) else {"type": str(mark)}
    try:
        check_mark(mark.get("type"))
    except ChartRefusedError as error:
        raise ChartInvalidError(str(error)) from error
    if not encoding:
        raise ChartInvalidError("A chart needs encodings, for instance {'x': 'month', 'y': 'revenue'}.")
    spec = {
        "title": plain_title(title),
        "mark": {**mark, "tooltip": True},
        "encoding": {channel: _channel(channel, wanted, table) for channel, wanted in encoding.items()},
    }
    return checked_spec(spec, table)


def checked_spec(spec: Mapping[str, Any], table: pa.Table) -> dict[str, Any]:
    """Check and complete a specification that a model wrote: valid, and only over the columns of this table.

    Raises:
        ChartInvalidError: says what is wrong.
    """
    try:
        allowed = allowed_spec(spec)
    except ChartRefusedError as error:
        raise ChartInvalidError(str(error)) from error
    made = _made_fields(allowed)
    for key, value in _entries(allowed):
        if key == "field" and isinstance(value, dict):  # one of the fields that a chart is repeated for
            made.add(str(value.get("repeat")))
    for key, value in _entries(allowed):
        for name in value if isinstance(value, list) else [value]:
            if key in FIELDS and isinstance(name, str) and name not in made:
                _check_column(_bare(name), table)
    complete: dict[str, Any] = _titled(allowed)
    if complete.keys() & {"mark", "layer"}:  # charts beside each other have their own widths
        complete.setdefault("width", "container")
    _check_schema(complete)
    return complete


def _bare(field: str) -> str:
    """The name of a column, without Vega-Lite's escapes of dots, brackets and quotes."""
    return re.sub(r"\\(.)", r"\1", field)


def _titled(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Add a title for each column whose name is unfit as a title: Vega-Lite would use the name."""
    if isinstance(value, list):
        return [_titled(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    titled = {key: _titled(inner) for key, inner in value.items()}
    name = value.get("field")
    if isinstance(name, str) and value.keys() & {"type", "aggregate", "bin", "timeUnit"}:
        bare = _bare(name)
        if plain_title(bare) != bare:
            titled.setdefault("title", plain_title(bare))
    return titled


def _channel(channel: str, wanted: object, table: pa.Table) -> dict[str, Any]:
    if channel not in CHANNELS:
        raise ChartInvalidError(f"There is no channel {channel!r}. Use some of: {', '.join(CHANNELS)}.")
    given: dict[str, Any] = {"field": wanted} if isinstance(wanted, str) else dict(_object(channel, wanted))
    if given.get("aggregate") not in (None, *_AGGREGATES):
        raise ChartInvalidError(f"There is no aggregate {given['aggregate']!r}. Use one of: {', '.join(_AGGREGATES)}.")
    if given.get("type") not in (None, *_TYPES):
        raise ChartInvalidError(f"There is no type {given['type']!r}. Use one of: {', '.join(_TYPES)}.")
    name = given.get("field")
    if isinstance(name, str):
        column = _check_column(name, table)
        given.setdefault("type", "quantitative" if "aggregate" in given else _type_of(column.type))
        given.setdefault("title", plain_title(name))
        # Vega-Lite reads dots, brackets and quotes in a name as a path into an object.
        given["field"] = re.sub(r"""([.\[\]'"])""", r"\\\1", name)
        if channel == "x" and given["type"] in ("nominal", "ordinal"):
            given.setdefault("sort", None)  # in the query's order
    return given


def _object(channel: str, wanted: object) -> Mapping[str, Any]:
    if isinstance(wanted, Mapping):
        return wanted
    raise ChartInvalidError(f"The encoding of {channel!r} is a column's name or an object with 'field' in it.")


def _check_column(name: str, table: pa.Table) -> pa.ChunkedArray:
    if table.column_names.count(name) != 1:
        raise ChartInvalidError(
            f"The query's result has no column {name!r}. It has: {', '.join(map(str, table.column_names))}."
        )
    return table.column(name)


def _type_of(kind: pa.DataType) -> str:
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        return "temporal"
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return "quantitative" if is_number else "nominal"


def _entries(value: object) -> Iterator[tuple[str, Any]]:
    """All keys and values of nested objects."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key), item
            yield from _entries(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _entries(item)


def _made_fields(spec: Mapping[str, Any]) -> set[str]:
    """The names of fields that the specification's own transforms create."""
    made: set[str] = set()
    for key, value in _entries(spec):
        if key == "as":
            made.update(value if isinstance(value, list) else [value])
        elif key == "fold":
            made.update(("key", "value"))
    return made


def _check_schema(spec: dict[str, Any]) -> None:
    import altair as alt  # noqa: PLC0415 - takes half a second, and most turns draw nothing
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415

    try:
        alt.Chart.from_dict({**spec, "data": {"name": "rows"}}, validate=True)
    except ValidationError as error:
        where = ".".join(map(str, error.absolute_path))
        raise ChartInvalidError(_invalid(f"{error.message}{f' (at {where})' if where else ''}")) from error
    except (TypeError, ValueError, KeyError) as error:
        raise ChartInvalidError(_invalid(str(error))) from error


def _invalid(reason: str) -> str:
    return f"This is not a valid Vega-Lite specification: {' '.join(reason.split())[:400]}"
