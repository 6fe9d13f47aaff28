"""Query results of the SQL page as files: all rows, for as long as a page shows them."""

import csv
import gc
import io

import pytest
from pyarrow import parquet
from starlette.applications import Starlette
from starlette.testclient import TestClient

from colloquy.api.routes import routes
from colloquy.runtime.sql_queries import QueryRun


@pytest.fixture(scope="module")
def client(application):
    with TestClient(Starlette(routes=routes())) as client:
        yield client


def asked(application, sql):
    return QueryRun(application, sql).answer()


def test_all_rows_can_be_downloaded_as_csv(client, application):
    answer = asked(application, "select i as number, '=1+1' as text from range(1000) t(i)")
    got = client.get(f"/api/v1/queries/{answer.id}.csv")
    assert got.headers["content-type"] == "text/csv; charset=utf-8"
    assert (
        "Number, text.csv" in got.headers["content-disposition"] or "attachment" in got.headers["content-disposition"]
    )
    rows = list(csv.reader(io.StringIO(got.text)))
    assert len(rows) == 1001
    assert rows[1] == ["0", "'=1+1"]


def test_all_rows_can_be_downloaded_as_parquet(client, application):
    answer = asked(application, "select 1 as one, [1, 2] as list")
    got = client.get(f"/api/v1/queries/{answer.id}.parquet")
    assert parquet.read_table(io.BytesIO(got.content)).to_pylist() == [{"one": 1, "list": [1, 2]}]
    assert got.headers["content-disposition"].startswith('attachment; filename="List by one.parquet"')


def test_results_that_no_page_shows_are_gone(client, application):
    path = f"/api/v1/queries/{asked(application, 'select 1').id}.csv"
    gc.collect()
    got = client.get(path)
    assert (got.status_code, got.headers["content-type"]) == (404, "application/problem+json")
    assert "Run it again" in got.json()["detail"]
