"""Charts contain only what is allowed: no address, expression, parameter or foreign data survives in any place."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
import vl_convert

from colloquy.agents.data.charts import chart_spec, checked_spec
from colloquy.agents.data.errors import ChartInvalidError
from session_store.chart_specs import SCHEMA

ROWS = pa.table({"month": ["Jan", "Feb"], "sales": [1.5, -2.0], "a.b": [1, 2], "image": ["https://x.example/", "y"]})
IMAGES = pa.table({"image": ["https://x.example/"]})
X = {"field": "month", "type": "nominal"}
Y = {"field": "sales", "type": "quantitative"}
BARS: dict[str, Any] = {"mark": "bar", "encoding": {"x": X, "y": Y}}
URL = "url(https://evil.example/x)"


def with_x(**more: Any) -> dict[str, Any]:
    return {"mark": "bar", "encoding": {"x": {**X, **more}, "y": Y}}


def with_color(color: Any, **more: Any) -> dict[str, Any]:
    return {"mark": "bar", "encoding": {"x": X, "y": Y, "color": color}, **more}


GOOD: list[dict[str, Any]] = [
    BARS,
    {**BARS, "title": {"text": "Sales: 'north' & south", "subtitle": ["A", "B"], "anchor": "start", "color": "#333"}},
    {**BARS, "width": 400, "height": {"step": 20}, "background": "white", "view": {"stroke": None}},
    {
        "mark": {"type": "line", "point": {"filled": True, "size": 40}, "strokeDash": [4, 2]},
        "encoding": {"x": X, "y": Y},
    },
    {"mark": {"type": "area", "interpolate": "monotone", "color": "rgb(10, 20, 30)"}, "encoding": {"x": X, "y": Y}},
    {"mark": {"type": "arc", "innerRadius": 40}, "encoding": {"theta": Y, "color": X}},
    {"mark": "boxplot", "encoding": {"y": Y}},
    with_x(axis={"labelAngle": -45, "title": None, "labelColor": "rgba(1,2,3,0.5)"}, sort=["Feb", "Jan"]),
    with_x(sort="-y", title="Month of O'Neill (50 %)"),
    with_x(sort={"field": "sales", "op": "sum", "order": "descending"}),
    with_color({**X, "scale": {"domain": ["Jan", "Feb"], "range": ["#16a34a", "red"]}, "legend": {"orient": "bottom"}}),
    with_color({**X, "scale": {"scheme": "tableau10"}}),
    with_color({"condition": {"test": {"field": "sales", "lt": 0}, "value": "red"}, "value": "steelblue"}),
    with_color({"value": "hsl(120, 50%, 50%)"}),
    {
        **BARS,
        "transform": [
            {"filter": {"or": [{"field": "sales", "gt": 0}, {"not": {"field": "month", "oneOf": ["Jan", "O'Neill"]}}]}}
        ],
    },
    {
        "transform": [{"window": [{"op": "sum", "field": "sales", "as": "running total"}], "frame": [None, 0]}],
        "mark": "line",
        "encoding": {"x": X, "y": {"field": "running total", "type": "quantitative"}},
    },
    {
        "transform": [{"fold": ["sales", "a.b"], "as": ["What", "Number"]}],
        "mark": "bar",
        "encoding": {
            "x": X,
            "y": {"field": "Number", "type": "quantitative", "axis": {"format": "$,.2f"}},
            "color": {"field": "What"},
        },
    },
    {"layer": [BARS, {"mark": {"type": "rule", "color": "red"}, "encoding": {"y": {"datum": 1}}}]},
    {
        "layer": [
            BARS,
            {"mark": {"type": "text", "dy": -5}, "encoding": {"x": X, "y": Y, "text": {**Y, "format": ".1f"}}},
        ]
    },
    {"hconcat": [BARS, BARS], "spacing": 10, "resolve": {"scale": {"color": "independent"}}},
    {"facet": {"column": X}, "spec": {"mark": "bar", "encoding": {"y": Y}}},
    {"repeat": ["sales", "a.b"], "spec": {"mark": "bar", "encoding": {"x": {"field": {"repeat": "repeat"}}}}},
    {
        "mark": "bar",
        "encoding": {"x": {"bin": {"maxbins": 20}, **Y}, "y": {"aggregate": "count", "stack": "normalize"}},
    },
    {
        "transform": [
            {"filter": {"field": "sales", "range": [-1e9, 1e9]}},
            {"quantile": "sales", "step": 0.05, "as": ["p", "v"]},
            {"filter": {"field": "v", "gte": 2_000_000}},
        ],
        "mark": {"type": "line", "strokeDash": [2, 0.5, 0, 4]},
        "encoding": {
            "x": {"field": "p", "type": "quantitative", "axis": {"tickCount": 5, "values": [0, 5_000_000]}},
            "y": {"field": "v", "type": "quantitative", "scale": {"domain": [0, 10_000_000], "nice": 10}},
            "size": {"value": 400},
        },
    },
    with_x(timeUnit={"unit": "minutes", "step": 15}, scale={"type": "time", "nice": {"interval": "day", "step": 7}}),
    {"mark": {"type": "bar", "tooltip": {"content": "encoding"}}, "encoding": {"x": X, "y": Y, "tooltip": [X, Y]}},
    {
        "mark": {
            "type": "bar",
            "color": {"gradient": "linear", "stops": [{"offset": 0, "color": "red"}, {"offset": 1, "color": "#fff"}]},
        },
        "encoding": {"x": X, "y": Y},
    },
]

CALL = "warn(datum.sales)"


def filtered(predicate: dict[str, Any]) -> dict[str, Any]:
    return {**BARS, "transform": [{"filter": predicate}]}


EXPRESSION = {"expr": "warn('x')"}
HOSTILE: dict[str, dict[str, Any]] = {
    # addresses
    "a colour of a mark": {"mark": {"type": "bar", "color": URL}, "encoding": {"x": X}},
    "a fill of a mark": {"mark": {"type": "bar", "fill": URL}, "encoding": {"x": X}},
    "a stroke in capitals": {"mark": {"type": "bar", "stroke": "URL(#x)"}, "encoding": {"x": X}},
    "a colour after another": {"mark": {"type": "bar", "color": f"red {URL}"}, "encoding": {"x": X}},
    "a colour of a line's points": {"mark": {"type": "line", "point": {"fill": URL}}, "encoding": {"x": X}},
    "an image set": {"mark": {"type": "bar", "color": "image-set('https://x.example' 1x)"}, "encoding": {"x": X}},
    "a variable": {"mark": {"type": "bar", "color": "var(--x)"}, "encoding": {"x": X}},
    "a background": {**BARS, "background": URL},
    "a view": {**BARS, "view": {"fill": URL}},
    "a title's colour": {**BARS, "title": {"text": "x", "color": URL}},
    "a value of a channel": with_color({"value": URL}),
    "a value in a condition": with_color({"condition": {"test": {"field": "sales", "lt": 0}, "value": URL}}),
    "a constant as a colour": with_color({"datum": URL, "scale": None}),
    "data as colours": with_color({**X, "scale": None}),
    "data as colours by identity": with_color({**X, "scale": {"type": "identity"}}),
    "a range of data": with_color({**X, "scale": {"range": {"field": "image"}}}),
    "a range of addresses": with_color({**X, "scale": {"range": ["red", URL]}}),
    "a legend": with_color({**X, "legend": {"symbolFillColor": URL}}),
    "an axis": with_x(axis={"gridColor": URL}),
    "a stop of a gradient": {
        "mark": {"type": "bar", "color": {"gradient": "linear", "stops": [{"offset": 0, "color": URL}]}},
        "encoding": {"x": X},
    },
    "a shape": {"mark": {"type": "point", "shape": URL}, "encoding": {"x": X}},
    "a font": {"mark": {"type": "text", "font": URL}, "encoding": {"x": X}},
    "a link of a mark": {"mark": {"type": "bar", "href": "https://x.example"}, "encoding": {"x": X}},
    "a link of a channel": {"mark": "bar", "encoding": {"x": X, "href": {"field": "month"}}},
    "an image": {"mark": "image", "encoding": {"x": X, "url": {"field": "image"}}},
    "an image with options": {"mark": {"type": "image", "url": "https://x.example"}, "encoding": {"x": X}},
    "a column shown as an image": with_x(title="image"),
    "a tooltip of all data": {"mark": {"type": "bar", "tooltip": {"content": "data"}}, "encoding": {"x": X}},
    "data": {**BARS, "data": {"url": "https://x.example/x.csv"}},
    "named data": {**BARS, "datasets": {"rows": []}},
    "looked up data": {**BARS, "transform": [{"lookup": "month", "from": {"data": {"url": "x"}, "key": "k"}}]},
    "options of the embedding page": {**BARS, "usermeta": {"embedOptions": {"loader": {}}}},
    # texts that become expressions when a time unit is compared
    "a time compared": filtered({"field": "month", "timeUnit": "year", "equal": CALL}),
    "times compared": filtered({"field": "month", "timeUnit": {"unit": "month"}, "oneOf": [1, CALL]}),
    "a time not compared": filtered({"not": {"field": "month", "timeUnit": "year", "range": [2020, CALL]}}),
    "a condition on a time": with_color(
        {"condition": {"test": {"field": "month", "timeUnit": "day", "lt": CALL}, "value": "red"}}
    ),
    "an order of times": with_x(timeUnit="year", type="ordinal", sort=[CALL]),
    "values of an axis of time": with_x(timeUnit="year", type="temporal", axis={"values": [CALL]}),
    "values of a legend of time": with_color(
        {**X, "timeUnit": "year", "type": "ordinal", "legend": {"values": [CALL]}}
    ),
    "a range of time": with_x(timeUnit="year", type="temporal", scale={"domain": [2020, CALL]}),
    "a range of time in a layer": {
        "encoding": {"x": {**X, "timeUnit": "year", "type": "temporal"}},
        "layer": [{"mark": "bar", "encoding": {"x": {**X, "type": "temporal", "scale": {"domain": [CALL, 2020]}}}}],
    },
    "the end of a time": {
        "mark": "bar",
        "encoding": {"x": {**X, "timeUnit": "year", "type": "temporal"}, "x2": {"datum": CALL}},
    },
    # expressions
    "a filter": {**BARS, "transform": [{"filter": "warn(1)"}]},
    "a filter in and": {**BARS, "transform": [{"filter": {"and": ["warn(1)", {"field": "sales", "gt": 0}]}}]},
    "a filter in not": {**BARS, "transform": [{"filter": {"not": "warn(1)"}}]},
    "a filter in or in not": {**BARS, "transform": [{"filter": {"not": {"or": [{"and": ["warn(1)"]}]}}}]},
    "a bound of a filter": {**BARS, "transform": [{"filter": {"field": "sales", "gt": EXPRESSION}}]},
    "a filter by a parameter": {**BARS, "transform": [{"filter": {"param": "p"}}]},
    "a calculation": {**BARS, "transform": [{"calculate": "warn(1)", "as": "z"}]},
    "a label": with_x(axis={"labelExpr": "warn(1)"}),
    "a label of a legend": with_color({**X, "legend": {"labelExpr": "warn(1)"}}),
    "a heading": {"mark": "bar", "encoding": {"y": Y, "column": {**X, "header": {"labelExpr": "warn(1)"}}}},
    "a test of a condition": with_color({"condition": {"test": "warn(1)", "value": "red"}}),
    "a condition on a parameter": with_color({"condition": {"param": "p", "value": "red"}}),
    "a parameter": {**BARS, "params": [{"name": "p", "expr": "warn(1)"}]},
    "a selection": {**BARS, "params": [{"name": "p", "select": "interval"}]},
    "a property of a mark": {"mark": {"type": "bar", "opacity": EXPRESSION}, "encoding": {"x": X}},
    "a title": {**BARS, "title": EXPRESSION},
    "a text of a title": {**BARS, "title": {"text": EXPRESSION}},
    "a signal": {**BARS, "title": {"text": {"signal": "warn(1)"}}},
    "a width": {**BARS, "width": {"signal": "warn(1)"}},
    "a domain": with_x(scale={"domain": EXPRESSION}),
    "an end of a domain": with_x(scale={"domainMax": EXPRESSION}),
    "a domain of a selection": with_x(scale={"domain": {"param": "p"}}),
    "a value of an axis": with_x(axis={"values": EXPRESSION}),
    "a format that ends the expression": with_x(axis={"format": '"), warn("'}),
    "a format of a time that ends it": with_x(axis={"format": "'), warn('", "formatType": "time"}),
    "a format by a function": with_x(axis={"formatType": "warn"}),
    "a title that ends a key": with_x(title='a\\", warn(1), "b'),
    "a name that a transform gives": {**BARS, "transform": [{"fold": ["sales"], "as": ["a']+warn(1)", "b"]}]},
    "a group that is no column": {**BARS, "transform": [{"aggregate": [], "groupby": ["nation"]}]},
    "a style": {"mark": {"type": "bar", "style": "x"}, "encoding": {"x": X}},
    "a configuration": {**BARS, "config": {"background": URL}},
    "a configuration with signals": {**BARS, "config": {"signals": [{"name": "x", "update": "warn(1)"}]}},
    "marks of Vega": {**BARS, "marks": [{"type": "image"}]},
    "signals of Vega": {**BARS, "signals": [{"name": "x", "update": "warn(1)"}]},
    # sizes
    "a canvas without end": {**BARS, "width": 10_000_000},
    "a title without end": {**BARS, "title": "x" * 100_000},
    "many values": with_x(scale={"domain": ["a"] * 10_000}),
    "a number that is none": {**BARS, "height": float("inf")},
    # steps: a browser that draws a billion of them shows nothing else
    "a tiny bin": with_x(bin={"step": 1e-9}),
    "steps of bins": with_x(bin={"steps": [1e-9]}),
    "a base of bins": with_x(bin={"base": 1.0000001}),
    "a tiny bin in a transform": {**BARS, "transform": [{"bin": {"step": 1e-9}, "field": "sales", "as": "b"}]},
    "bins of a scale": with_x(scale={"bins": {"step": 1}}),
    "many bins": with_x(bin={"maxbins": 1e12}),
    "many ticks": with_x(axis={"tickCount": 100_000_000}),
    "a tick each second": with_x(axis={"tickCount": "second"}),
    "a tick each millisecond": with_color({**X, "legend": {"tickCount": {"interval": "millisecond", "step": 1}}}),
    "a tiny step of time": with_x(timeUnit={"unit": "seconds", "step": 1e-9}),
    "a base of a scale": with_x(scale={"type": "log", "base": 1.0000001}),
    "a wide step": {**BARS, "width": {"step": 1e9}},
    "many points of a density": {**BARS, "transform": [{"density": "sales", "steps": 1e9}]},
    "at least so many": {**BARS, "transform": [{"density": "sales", "minsteps": 1e9}]},
    "a high order": {**BARS, "transform": [{"regression": "sales", "on": "a\\.b", "method": "poly", "order": 1e6}]},
    "many quantiles": {**BARS, "transform": [{"quantile": "sales", "step": 1e-9}]},
    "a row for each of all": {**BARS, "transform": [{"impute": "sales", "key": "month", "groupby": ["a\\.b"]}]},
    "a row for each of all in a channel": with_x(impute={"value": 0}),
    "folds of folds": {**BARS, "transform": [{"fold": ["sales"] * 20}, {"fold": ["sales"] * 20}]},
    "folds in layers": {
        "transform": [{"fold": ["sales"] * 20}],
        "layer": [{**BARS, "transform": [{"fold": ["sales"] * 20}]}],
    },
    "many charts": {"repeat": {"row": ["sales"] * 20, "column": ["sales"] * 20}, "spec": BARS},
    "many charts beside each other": {"hconcat": [BARS] * 60},
    "tiny dashes": {"mark": {"type": "line", "strokeDash": [1e-9, 1e-9]}, "encoding": {"x": X, "y": Y}},
    "tiny dashes of a grid": with_x(axis={"gridDash": [1e-9]}),
    "tiny dashes of a channel": {"mark": "line", "encoding": {"x": X, "strokeDash": {"value": [1e-9, 1]}}},
    "tiny dashes of a scale": {
        "mark": "line",
        "encoding": {"x": X, "strokeDash": {"field": "month", "scale": {"range": [[1e-9, 1]]}}},
    },
    "huge letters": with_x(axis={"labelFontSize": 1e308}),
    "a huge title": {**BARS, "title": {"text": "x", "fontSize": 1e308}},
    "huge points": {"mark": {"type": "point", "size": 1e12}, "encoding": {"x": X}},
    "huge points by a scale": {"mark": "point", "encoding": {"x": X, "size": {**Y, "scale": {"range": [0, 1e12]}}}},
    "a wide line": {"mark": {"type": "line", "strokeWidth": 1e12}, "encoding": {"x": X}},
    "a domain without an end": with_x(scale={"domain": [0, 1e308]}),
}


def nested(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The specification, and versions with it in every place where another may be nested."""
    yield spec
    yield {"layer": [BARS, spec]}
    yield {"hconcat": [{"vconcat": [spec]}]}
    yield {"facet": {"row": X}, "spec": {"layer": [{"layer": [spec]}]}}
    yield {"repeat": ["sales"], "spec": spec}


@pytest.mark.parametrize("spec", GOOD, ids=range(len(GOOD)))
def test_an_allowed_chart_is_unchanged(spec):
    given = copy.deepcopy(spec)
    checked = checked_spec(spec, ROWS)
    assert spec == given
    assert checked == {
        "$schema": SCHEMA,
        **({"width": "container"} if {"mark", "layer"} & given.keys() else {}),
        **given,
    }


@pytest.mark.parametrize("name", HOSTILE)
def test_anything_else_is_rejected_in_every_place(name):
    for spec in nested(HOSTILE[name]):
        with pytest.raises(ChartInvalidError):
            checked_spec(spec, ROWS)


@pytest.mark.parametrize("key", ["color", "x", "axis"])
def test_anything_else_is_rejected_in_mark_and_encoding(key):
    hostile = {"color": {"value": URL}, "x": {"field": "month", "axis": {"labelExpr": "1"}}, "axis": {"field": "month"}}
    with pytest.raises(ChartInvalidError):
        chart_spec("x", ROWS, "bar", {"y": "sales", key: hostile[key]})
    with pytest.raises(ChartInvalidError):
        chart_spec("x", ROWS, {"type": "bar", "fill": URL}, {"y": "sales"})


def test_charts_are_always_drawn_as_vega_lite():
    for other in ("https://vega.github.io/schema/vega/v6.json", "javascript:alert(1)", 7):
        assert checked_spec({**BARS, "$schema": other}, ROWS)["$schema"] == SCHEMA


@pytest.mark.parametrize("name", ["it's", '5" pipe', "a[b].c", 'x"]+warn(1)+datum["', "image"])
def test_column_names_cannot_break_out_of_expressions_or_become_images(name):
    rows = pa.table({name: [1], "image_": ["https://x.example/"]})
    for mark in ("bar", "line"):
        spec = chart_spec('Of \\ "all"', rows, mark, {"x": name, "y": "image_"})
        assert "\\" not in spec["title"] + spec["encoding"]["x"]["title"]
        assert spec["encoding"]["x"]["title"] != "image"
        drawn = vl_convert.vegalite_to_vega(json.dumps({**spec, "data": {"values": rows.to_pylist()}}))
        assert "warn" not in re.sub(r'"(?:[^"\\]|\\.)*"', "", " ".join(_expressions(drawn)))
    bare = checked_spec({"mark": "bar", "encoding": {"x": {"field": "image", "type": "nominal"}}}, IMAGES)
    assert bare["encoding"]["x"]["title"] == "Image"


def _expressions(vega: Any) -> Iterator[str]:
    """What is evaluated while a chart is drawn."""
    for entry in vega if isinstance(vega, list) else [vega]:
        for key, value in entry.items() if isinstance(entry, dict) else ():
            if isinstance(value, str) and key in ("signal", "update", "expr", "test", "init"):
                yield value
            yield from _expressions(value)


@pytest.mark.parametrize("name", ['a\\", warn(1), "b', "x\\", "two\nlines", "two\u2028lines"])
def test_columns_with_names_that_vega_cannot_quote_are_not_charted(name):
    with pytest.raises(ChartInvalidError, match="Give it another one in the SQL, with AS"):
        chart_spec("Sales", pa.table({name: [1], "n": [1]}), "bar", {"x": name, "y": "n"})
    for field in (name, name.replace("\\", "\\\\"), "a\\b", "it's"):
        with pytest.raises(ChartInvalidError):
            checked_spec({"mark": "bar", "encoding": {"x": {"field": field}}}, pa.table({name: [1], "it's": [1]}))


def test_weekdays_and_months_are_sorted_chronologically():
    spec = with_x(timeUnit="month", type="ordinal", sort=["February", "Jan"])
    assert checked_spec(spec, ROWS)["encoding"]["x"]["sort"] == ["February", "Jan"]
    regions = {"field": "month", "scale": {"domain": ["north & south", "west"]}, "sort": ["west"]}
    assert checked_spec({**spec, "encoding": {**spec["encoding"], "color": regions}}, ROWS)


def test_a_refusal_says_what_to_do():
    with pytest.raises(ChartInvalidError, match="filter in the SQL, or by an object"):
        checked_spec(HOSTILE["a filter in not"], ROWS)
    with pytest.raises(ChartInvalidError, match="Colors are names, #rrggbb or rgb"):
        checked_spec(HOSTILE["a background"], ROWS)
    deep: dict[str, Any] = BARS
    for _ in range(3_000):
        deep = {"layer": [deep]}
    with pytest.raises(ChartInvalidError, match="too large"):
        checked_spec(deep, ROWS)
    assert json.dumps(checked_spec(BARS, ROWS))
