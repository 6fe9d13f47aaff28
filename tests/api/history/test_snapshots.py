"""Snapshots over HTTP."""

import io
import zipfile

import duckdb

from tests.support.applications import finish, new_session


def test_a_snapshot_is_made_listed_downloaded_in_parts_and_deleted(client, application, tmp_path):
    finish(application, application.turns.submit(new_session(application), "hello"))
    made = client.post("/api/v1/snapshots", json={})
    assert made.status_code == 201
    name = made.json()["name"]
    assert made.json() in client.get("/api/v1/snapshots").json()["items"]

    whole = client.get(f"/api/v1/snapshots/{name}")
    assert whole.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert len(whole.content) == made.json()["size"]
    part = client.get(f"/api/v1/snapshots/{name}", headers={"Range": "bytes=8-11"})
    assert (part.status_code, part.content) == (206, whole.content[8:12])
    (tmp_path / "copy.duckdb").write_bytes(whole.content)
    with duckdb.connect(str(tmp_path / "copy.duckdb"), read_only=True) as copy:
        assert ("hello",) in copy.execute("select text from history.messages").fetchall()

    assert client.delete(f"/api/v1/snapshots/{name}").status_code == 204
    assert client.get(f"/api/v1/snapshots/{name}").status_code == 404
    assert client.delete(f"/api/v1/snapshots/{name}").status_code == 404


def test_parquet_is_downloaded_as_an_archive(client):
    name = client.post("/api/v1/snapshots", json={"form": "parquet"}).json()["name"]
    with zipfile.ZipFile(io.BytesIO(client.get(f"/api/v1/snapshots/{name}").content)) as archive:
        assert "messages.parquet" in archive.namelist()


def test_only_snapshots_can_be_downloaded(client, application):
    secret = application.settings.data_dir / "snapshots" / "notes.txt"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("mine")
    for name in ("notes.txt", "..%2Fcolloquy.duckdb", "history-2026-01-01-000000.duckdb", "%00"):
        assert client.get(f"/api/v1/snapshots/{name}").status_code == 404
    assert client.post("/api/v1/snapshots", json={"form": "csv"}).status_code == 422
