"""Results over HTTP: their metadata, and their data as files."""

import csv
import io
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from google.genai import types
from pyarrow import parquet
from starlette.applications import Starlette
from starlette.testclient import TestClient

from colloquy.api.charts import pictures as chart_pictures
from colloquy.api.http import files
from colloquy.api.http.files import csv_pieces
from colloquy.api.http.security import security_headers
from colloquy.api.routes import routes
from session_store.chart_specs import SCHEMA
from session_store.models import ResultKind, SessionKey
from tests.support.applications import new_session
from tests.support.results import BARS, MONTHS, new_chart, new_result, parquet_bytes


@pytest.fixture
def key(application):
    return new_session(application)


@pytest.fixture(scope="module")
def client(application):
    with TestClient(Starlette(routes=routes(), middleware=[security_headers])) as client:
        yield client


def path(result, form):
    return f"/api/v1/results/{result.id}.{form}"


def rows_of(answer):
    return list(csv.reader(io.StringIO(answer.text)))


def is_problem(answer, status):
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (answer.json()["status"], answer.json()["type"]) == (status, "about:blank")
    return answer.json()["detail"]


class TestTables:
    def test_are_csv_with_a_header(self, client, application, key):
        answer = client.get(path(new_result(application, key), "csv"))
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert rows_of(answer)[:2] == [["month", "revenue"], ["2026-01-01", "1200.5"]]
        assert answer.content[:1] == b'"'

    def test_are_exact_as_parquet(self, client, application, key):
        answer = client.get(path(new_result(application, key), "parquet"))
        assert parquet.read_table(io.BytesIO(answer.content)).equals(MONTHS)

    def test_contain_every_row(self, client, application, key):
        many = pa.table({"n": range(100_000)})
        assert client.get(path(new_result(application, key, many), "csv")).text.count("\n") == 100_001

    def test_without_rows_have_their_header(self, client, application, key):
        assert rows_of(client.get(path(new_result(application, key, MONTHS.slice(0, 0)), "csv"))) == [
            ["month", "revenue"]
        ]

    def test_are_not_available_as_pictures(self, client, application, key):
        assert (
            is_problem(client.get(path(new_result(application, key), "png")), 404)
            == "This table is not available as png."
        )


class TestNames:
    @pytest.mark.parametrize(
        ("title", "name"),
        [
            ("Umsatz für März", "Umsatz%20f%C3%BCr%20M%C3%A4rz.csv"),
            ("../../etc/passwd", "etc%20passwd.csv"),
            ('a"b\r\nSet-Cookie: c', "a%20b%20Set-Cookie%20c.csv"),
            ("  ", "table.csv"),
            ("x" * 300, "x" * 80 + ".csv"),
        ],
    )
    def test_are_the_titles_without_invalid_characters(self, client, application, key, title, name):
        header = client.get(path(new_result(application, key, title=title), "csv")).headers["content-disposition"]
        assert header.startswith('attachment; filename="')
        assert header.endswith(f"filename*=UTF-8''{name}")
        assert not re.search(r"[\r\n\x80-\U0010ffff]", header)


class TestCharts:
    def test_are_png(self, client, application, key):
        answer = client.get(path(new_chart(application, key), "png"))
        assert (answer.headers["content-type"], answer.content[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
        assert answer.headers["content-disposition"].endswith("Revenue%20by%20month.png")

    def test_are_svg_that_contains_the_data(self, client, application, key):
        answer = client.get(path(new_chart(application, key), "svg"))
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert "2026-02-01" in answer.text

    def test_are_available_as_rows(self, client, application, key):
        assert len(rows_of(client.get(path(new_chart(application, key), "csv")))) == 4

    @pytest.mark.parametrize(
        "spec",
        [
            {**BARS, "data": {"url": "http://elsewhere.example/x.csv"}},
            {**BARS, "usermeta": {}},
            {**BARS, "mark": {"type": "image"}},
            {**BARS, "mark": {"type": "bar", "href": "http://elsewhere.example"}},
            {**BARS, "mark": {"type": "bar", "color": "url(https://elsewhere.example)"}},
            {**BARS, "transform": [{"filter": {"not": "datum.revenue > 0"}}]},
        ],
    )
    def test_that_were_not_checked_are_not_drawn(self, client, application, key, spec):
        assert is_problem(client.get(path(new_chart(application, key, spec=spec), "svg")), 409)

    def test_that_take_too_long_are_aborted(self, client, application, key, monkeypatch):
        monkeypatch.setattr(chart_pictures, "SECONDS", 0.001)
        assert "not be drawn within" in is_problem(client.get(path(new_chart(application, key), "svg")), 409)

    @pytest.mark.parametrize(
        ("printed", "told"),
        [
            (
                "  at x\nRuntimeError: no font in /opt/colloquy/.venv/lib/python3.11/site-packages/a.ttf: x",
                "no font in a.ttf: x",
            ),
            ("TypeError at file:///srv/app/js/vega.js:10:3", "TypeError at vega.js:10:3"),
            (r"OSError: C:\Users\ana\colloquy\x.py", "OSError: x.py"),
            ("panicked at /root/.cargo/src/main.rs:7:1", "panicked at main.rs:7:1"),
            ("Error: invalid format: %m/%d", "invalid format: %m/%d"),
        ],
    )
    def test_that_fail_give_the_reason_without_local_paths(self, printed, told):
        assert chart_pictures.reason_of(printed.encode()).endswith(told)

    def test_draw_dates_as_written(self, client, application, key):
        days = pa.table({"month": [date(2026, 1, 1), date(2026, 2, 1)], "revenue": [Decimal("1.50"), Decimal(2)]})
        spec = {"mark": "line", "encoding": {"x": {"field": "month", "type": "temporal"}, "y": {"field": "revenue"}}}
        picture = client.get(path(new_chart(application, key, days, spec=spec), "svg")).text
        assert "Jan 01" in picture or "2026" in picture
        assert "Dec" not in picture


class TestFiles:
    async def test_are_those_made_by_the_agent(self, client, application, key):
        result = await self.made(application, key, "report.html", b"<script>alert(1)</script>")
        answer = client.get(f"/api/v1/results/{result.id}/file")
        assert answer.content == b"<script>alert(1)</script>"
        assert (
            answer.headers["content-disposition"]
            == "attachment; filename=\"report.html\"; filename*=UTF-8''report.html"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_have_no_rows(self, client, application, key):
        result = await self.made(application, key, "report.html", b"x")
        assert is_problem(client.get(path(result, "csv")), 404)

    @staticmethod
    async def made(application, key, name, content):
        version = await application.artifacts.save_artifact(
            app_name=key.app_name,
            user_id=key.user_id,
            session_id=key.session_id,
            filename=name,
            artifact=types.Part.from_bytes(data=content, mime_type="text/html"),
        )
        facts = {"file_name": name, "file_version": version, "mime_type": "text/html", "size": len(content)}
        return new_result(application, key, None, kind=ResultKind.FILE, sql=None, **facts)


class TestAccess:
    def test_unknown_results_are_not_found(self, client):
        assert "does not exist" in is_problem(client.get("/api/v1/results/nothing.csv"), 404)

    def test_results_of_deleted_sessions_are_gone_until_these_are_restored(self, client, application, key):
        result = new_result(application, key)
        application.delete_sessions([key])
        assert is_problem(client.get(path(result, "csv")), 404)
        application.restore_sessions([key])
        assert client.get(path(result, "csv")).is_success

    def test_deleted_results_are_gone(self, client, application, key):
        result = new_result(application, key)
        application.store.results.delete(result.id)
        assert is_problem(client.get(path(result, "parquet")), 404)

    def test_results_of_another_user_are_not_found(self, client, application):
        other = SessionKey("assistant", "somebody else", "theirs")
        application.store.sessions.create(other)
        assert is_problem(client.get(path(new_result(application, other), "csv")), 404)

    def test_results_are_read_only(self, client, application, key):
        result = new_result(application, key)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert client.request(method, path(result, "csv")).status_code == 405

    def test_results_are_cached_by_browsers(self, client, application, key):
        result = new_result(application, key)
        tag = client.get(path(result, "csv")).headers["etag"]
        assert client.get(path(result, "csv"), headers={"If-None-Match": tag}).status_code == 304
        assert client.get(path(result, "csv"), headers={"If-None-Match": f'"other", W/{tag}'}).status_code == 304
        assert client.get(path(result, "parquet"), headers={"If-None-Match": tag}).status_code == 200
        application.store.results.delete(result.id)
        assert client.get(path(result, "csv"), headers={"If-None-Match": tag}).status_code == 404


def test_a_result_describes_itself(client, application, key):
    result = new_chart(application, key)
    facts = client.get(path(result, "json")).json()
    assert (facts["session_id"], facts["kind"], facts["rows"]) == (key.session_id, "chart", 3)
    assert (facts["sql"], facts["spec"]) == (result.sql, {"$schema": SCHEMA, **BARS})
    colored = {**BARS, "mark": {"type": "bar", "color": "url(https://elsewhere.example)"}}
    assert client.get(path(new_chart(application, key, spec=colored), "json")).json()["spec"] is None


class TestCsvText:
    @staticmethod
    def cells(*values, kind=None):
        text = b"".join(csv_pieces(parquet_bytes(pa.table({"c": pa.array(values, kind)})))).decode()
        return [row[0] if row else "" for row in csv.reader(io.StringIO(text))][1:]

    @pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "\tx", "\rx", "+cmd|' /C calc'!A0", "-2+3+cmd|'x'!A0"])
    def test_formulas_stay_text_in_spreadsheets(self, text):
        assert self.cells(text) == [f"'{text}"]

    @pytest.mark.parametrize("text", ["-5", "+49 (170) 123-4", "-1,234.50", "a=b", "it's", "", "2026-01-01"])
    def test_other_texts_are_untouched(self, text):
        assert self.cells(text, "x") == [text, "x"]

    def test_formulas_in_column_names_stay_text(self):
        assert b"".join(csv_pieces(parquet_bytes(pa.table({"=1": [1]})))) == b'"\'=1"\n1\n'

    def test_values_of_all_types_are_written(self):
        assert self.cells(Decimal("1.10"), None) == ["1.10", ""]
        assert self.cells(datetime(2026, 1, 1, 3, tzinfo=UTC)) == ["2026-01-01 03:00:00.000000Z"]
        assert self.cells({"a": ["x", "ü"]}) == ['{"a": ["x", "ü"]}']
        assert self.cells(b"\xff\x00") == ["ff00"]
        assert self.cells("=1", "=1", kind=pa.dictionary(pa.int32(), pa.string())) == ["'=1", "'=1"]

    def test_dates_beyond_the_range_of_python_are_written_at_any_depth(self):
        long_ago = pa.scalar(-1_000_000, pa.date32()).cast(pa.string()).as_py()
        days = pa.array([-1_000_000, None], pa.int32()).cast(pa.date32())
        table = pa.table(
            {"days": [days], "facts": pa.StructArray.from_arrays([days[:1]], ["day"])},
            pa.schema({"days": pa.list_(pa.date32()), "facts": pa.struct({"day": pa.date32()})}),
        )
        [_, row] = csv.reader(io.StringIO(b"".join(csv_pieces(parquet_bytes(table))).decode()))
        assert [json.loads(cell) for cell in row] == [[long_ago, None], {"day": long_ago}]

    @pytest.mark.parametrize(
        "column",
        [
            pa.array([[None] * 50] * 20),
            pa.array([{"a": [True] * 49}] * 20),
            pa.array([[(1, "a")] * 17] * 20, pa.map_(pa.int32(), pa.string())),
            pa.array(["a" * 500] * 20).dictionary_encode(),
        ],
        ids=lambda column: str(column.type),
    )
    def test_values_are_written_in_small_batches_that_let_others_run(self, monkeypatch, column):
        monkeypatch.setattr(files, "MOST_VALUES", 100)
        monkeypatch.setattr(files, "MOST_BYTES", 1_200)
        pieces = list(csv_pieces(parquet_bytes(pa.table({"c": column}))))
        assert len(pieces) == 1 + 10
        assert len(b"".join(pieces).splitlines()) == 1 + 20

    def test_column_names_may_repeat(self):
        twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["n", "n"])
        assert b"".join(csv_pieces(parquet_bytes(twice))) == b'"n","n"\n1,2\n'


class TestLists:
    def test_of_a_conversation_are_paged_newest_first(self, client, application, key):
        made = [new_result(application, key, title=f"Table {number}").id for number in range(3)]
        url = f"/api/v1/conversations/{key.session_id}/results"
        first = client.get(url, params={"limit": 2}).json()
        rest = client.get(url, params={"limit": 2, "cursor": first["next"]}).json()
        assert [result["id"] for result in first["items"] + rest["items"]] == made[::-1]
        assert rest["next"] is None
        assert first["items"][0]["created_at"].endswith("Z")

    def test_of_an_unknown_conversation_or_cursor_are_problems(self, client, key):
        assert is_problem(client.get("/api/v1/conversations/nothing/results"), 404)
        assert is_problem(client.get(f"/api/v1/conversations/{key.session_id}/results?cursor=x"), 404)
        assert is_problem(client.get(f"/api/v1/conversations/{key.session_id}/results?limit=0"), 422)
