"""Workspaces, feedback, settings, models and the server's health over HTTP."""

import sqlite3

import pytest
from pydantic import SecretStr

from session_store.models import GENERAL, SAMPLE_SHOP
from tests.support.applications import finish, new_session

WORKSPACES = "/api/v1/workspaces"


def made(client, name, parent_id=None):
    answer = client.post(WORKSPACES, json={"name": name, "parent_id": parent_id})
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{WORKSPACES}/{answer.json()['id']}"
    return answer.json()


def is_problem(answer, status):
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    return answer.json()["detail"]


class TestWorkspaces:
    def test_are_listed_as_a_tree(self, client):
        region = made(client, "Region")
        city = made(client, "City", region["id"])
        listed = client.get(WORKSPACES).json()["workspaces"]
        tree = client.get(f"{WORKSPACES}/tree").json()["workspaces"]
        assert {GENERAL, SAMPLE_SHOP, region["id"], city["id"]} <= {workspace["id"] for workspace in listed}
        [node] = [node for node in tree if node["id"] == region["id"]]
        assert [below["name"] for below in node["children"]] == ["City"]

    def test_have_a_count_of_conversations(self, client, application):
        workspace = made(client, "Busy")
        new_session(application, workspace_id=workspace["id"])
        assert client.get(f"{WORKSPACES}/{workspace['id']}").json()["conversations"] == 1

    def test_are_renamed_and_moved(self, client):
        above, below = made(client, "Above"), made(client, "Below")
        url = f"{WORKSPACES}/{below['id']}"
        assert client.patch(url, json={"name": "Beneath"}).json()["name"] == "Beneath"
        moved = client.patch(url, json={"parent_id": above["id"]}).json()
        assert (moved["name"], moved["parent_id"]) == ("Beneath", above["id"])
        assert client.patch(url, json={"parent_id": None}).json()["parent_id"] is None
        assert "cannot be moved into" in is_problem(client.patch(url, json={"parent_id": below["id"]}), 409)
        assert is_problem(client.patch(url, json={"parent_id": "nowhere"}), 404)
        assert is_problem(client.patch(url, json={"colour": "red"}), 422)

    def test_are_not_changed_by_clients_with_an_outdated_version(self, client):
        workspace = made(client, "Shared")
        url = f"{WORKSPACES}/{workspace['id']}"
        tag = client.get(url).headers["etag"]
        assert client.get(url, headers={"If-None-Match": tag}).status_code == 304
        renamed = client.patch(url, json={"name": "Mine"}, headers={"If-Match": tag})
        assert renamed.headers["etag"] != tag
        assert is_problem(client.patch(url, json={"name": "Yours"}, headers={"If-Match": tag}), 412)
        assert is_problem(client.delete(url, headers={"If-Match": tag}), 412)

    def test_are_deleted_with_their_conversations(self, client, application):
        workspace = made(client, "Passing")
        key = new_session(application, workspace_id=workspace["id"])
        assert client.delete(f"{WORKSPACES}/{workspace['id']}").status_code == 204
        assert is_problem(client.get(f"{WORKSPACES}/{workspace['id']}"), 404)
        assert application.store.sessions.get(key.session_id) is None
        assert "cannot be deleted" in is_problem(client.delete(f"{WORKSPACES}/{GENERAL}"), 409)

    def test_need_a_name(self, client):
        assert is_problem(client.post(WORKSPACES, json={"name": ""}), 422)
        assert is_problem(client.post(WORKSPACES, json={"name": "  "}), 422)
        assert is_problem(client.post(WORKSPACES, content=b"{", headers={"Content-Type": "application/json"}), 422)


class TestConnections:
    @pytest.fixture
    def shop_file(self, tmp_path):
        path = tmp_path / "shop.db"
        with sqlite3.connect(path) as connection:
            connection.execute("create table orders (id integer)")
        connection.close()
        return path

    def test_are_set_tested_and_removed(self, client, shop_file):
        url = f"{WORKSPACES}/{made(client, 'Shop')['id']}/connection"
        carried = client.put(url, json={"kind": "sqlite", "address": str(shop_file), "name": "Orders"}).json()
        assert carried["connection"]["kind"] == "sqlite"
        assert carried["connection"]["name"] == "Orders"
        assert client.post(f"{url}/test").json()["found"]
        assert client.delete(url).json()["connection"] is None
        assert "no data connection" in is_problem(client.post(f"{url}/test"), 409)

    def test_that_stopped_working_report_it(self, client, shop_file):
        url = f"{WORKSPACES}/{made(client, 'Gone')['id']}"
        there = {"kind": "sqlite", "address": str(shop_file)}
        assert client.put(f"{url}/connection", json=there).json()["connection"]["problem"] is None
        shop_file.unlink()
        assert str(shop_file) in client.get(url).json()["connection"]["problem"]

    def test_can_be_tested_before_they_are_saved(self, client, shop_file, tmp_path):
        there = {"kind": "sqlite", "address": str(shop_file)}
        assert client.post("/api/v1/connections/test", json=there).json()["found"]
        missing = {"kind": "sqlite", "address": str(tmp_path / "missing.db")}
        assert is_problem(client.post("/api/v1/connections/test", json=missing), 409)

    def test_never_show_a_password(self, client, application):
        workspace = made(client, "Remote")
        url = f"{WORKSPACES}/{workspace['id']}"
        address = "postgresql://ana:s3cret-word@127.0.0.1:1/sales?sslpassword=other-word"
        described = {"kind": "postgres", "address": address}
        refused = client.put(f"{url}/connection", json=described)
        assert "save_anyway" in is_problem(refused, 409)
        assert client.get(url).json()["connection"] is None
        answers = [client.put(f"{url}/connection?save_anyway=true", json=described), refused]
        assert "127.0.0.1" in answers[0].json()["connection"]["problem"]
        answers += [client.get(url), client.get(WORKSPACES), client.get(f"{WORKSPACES}/tree")]
        answers.append(client.post(f"{url}/connection/test"))
        assert not any(word in answer.text for answer in answers for word in ("s3cret-word", "other-word"))
        assert "ana:•••@" in answers[2].json()["connection"]["address"]
        kept = application.workspaces.connection(application.store.workspaces.get(workspace["id"]))
        assert kept.address == SecretStr(address)

    def test_of_an_unknown_kind_are_refused(self, client):
        assert is_problem(client.put(f"{WORKSPACES}/{GENERAL}/connection", json={"kind": "oracle"}), 422)


class TestFeedback:
    @pytest.fixture
    def answer(self, application):
        key = new_session(application)
        finish(application, application.turns.submit(key, "Hello"))
        event = application.store.events.list(key)[-1].event
        return f"/api/v1/conversations/{key.session_id}/messages/{event.id}/feedback"

    def test_is_given_changed_and_removed(self, client, answer):
        assert client.get(answer).json()["score"] is None
        given = client.put(answer, json={"score": 1, "comment": "Just right"}).json()
        assert (given["score"], given["comment"]) == (1, "Just right")
        assert given["at"].endswith("Z")
        assert client.put(answer, json={"score": -1}).json()["score"] == -1
        assert client.delete(answer).status_code == 204
        assert client.get(answer).json() == {
            "message_id": given["message_id"],
            "score": None,
            "comment": "",
            "at": None,
        }

    def test_needs_an_existing_answer_and_a_valid_score(self, client, application, answer):
        key = new_session(application)
        nothing = f"/api/v1/conversations/{key.session_id}/messages/nothing/feedback"
        assert is_problem(client.put(nothing, json={"score": 1}), 404)
        assert is_problem(client.put(answer, json={"score": 2}), 422)
        assert is_problem(client.put(answer.replace(key.session_id, "x"), json={"stars": 5}), 422)


def test_settings_omit_keys_addresses_and_folders(client, application):
    shown = client.get("/api/v1/settings")
    assert shown.json()["user"] == application.settings.user
    assert shown.json()["default_agent"] == "assistant"
    assert not any(word in shown.text for word in ("key", "url", "dir", str(application.settings.data_dir)))


def test_models_are_listed(client, application):
    listed = client.get("/api/v1/models").json()["models"]
    assert [model["id"] for model in listed] == [model.id for model in application.models.list()]


def test_the_server_reports_its_health(client):
    assert client.get("/api/v1/health").json() == {"status": "ok"}
    assert client.get("/api/v1/ready").json()["status"] == "ready"
