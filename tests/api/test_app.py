"""What applies to the whole API: its description, its page, its errors, and access."""

import re

import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette

from colloquy.api import app
from colloquy.api.app import create_api
from colloquy.api.http.body_limits import Limits
from colloquy.api.routes import routes

PROBLEM = "application/problem+json"


class TestPage:
    def test_shows_the_api_without_loading_external_resources(self, client):
        page = client.get("/api/docs").text
        addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
        assert "/api/openapi.json" in page
        assert addresses == [
            "/api/docs/assets/swagger-ui.css",
            "data:,",
            "/api/docs/assets/swagger-ui-bundle.js",
        ]
        for address in addresses:
            assert address == "data:," or client.get(address).is_success

    def test_names_paths_as_clients_request_them(self, client):
        schema = client.get("/api/openapi.json").json()
        assert "servers" not in schema
        assert "/api/v1/conversations/{conversation_id}" in schema["paths"]
        assert all(path.startswith("/api/v1/") for path in schema["paths"])

    def test_describes_its_errors(self, client):
        schema = client.get("/api/openapi.json").json()
        assert set(schema["components"]["schemas"]["Problem"]["required"]) == {"title", "status", "detail"}


@pytest.fixture(scope="module")
def whole(application):
    """Everything served beside the pages."""
    with TestClient(Starlette(routes=routes()), raise_server_exceptions=False) as client:
        yield client


class TestAtTheRoot:
    """Clients may request turns and sessions without the prefix of the API."""

    def test_a_turn_runs_and_its_session_is_saved_listed_and_deleted(self, whole):
        turn = whole.post("/run_turn", json={"message": "count 2"}).json()
        assert (turn["status"], turn["text"]) == ("completed", "w0 w1 ")
        saved = whole.post("/sessions", json={"session_id": turn["session_id"]})
        assert (saved.status_code, saved.json()["saved"]) == (200, True)
        listed = whole.get(f"/sessions/{saved.json()['agent_id']}").json()["items"]
        assert turn["session_id"] in [one["session_id"] for one in listed]
        assert whole.delete(f"/sessions/{turn['session_id']}").status_code == 204
        missing = whole.delete(f"/sessions/{turn['session_id']}")
        assert (missing.status_code, missing.headers["content-type"]) == (404, PROBLEM)

    def test_limits_and_the_base_path_apply(self, application):
        with TestClient(Starlette(routes=routes("chats"))) as client:
            assert client.get("/chats/sessions/assistant").status_code == 200
            assert client.post("/chats/sessions", json=[[[]] * 300_000]).status_code == 413
            assert client.get("/sessions/assistant").status_code == 404


class TestErrors:
    @pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/v1/nothing", "/api/docs/assets/nothing"])
    def test_an_unknown_path_is_a_problem(self, client, path):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
        assert answer.json()["title"] == "Not Found"

    def test_a_wrong_method_is_a_problem_that_lists_the_allowed_ones(self, client):
        answer = client.post("/api/docs")
        assert (answer.status_code, answer.headers["content-type"]) == (405, PROBLEM)
        assert "GET" in answer.headers["allow"]

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            ("/api/v1/conversations/some", "GET, PATCH, DELETE, OPTIONS"),
            ("/api/v1/conversations/some/labels", "GET, PUT, OPTIONS"),
            ("/api/v1/runtime/active", "GET, PUT, OPTIONS"),
            ("/api/v1/sessions/some", "GET, DELETE, OPTIONS"),
            ("/sessions/some", "GET, DELETE, OPTIONS"),
            ("/adk/apps/a/users/u/sessions/s", "GET, POST, PATCH, DELETE, OPTIONS"),
        ],
    )
    def test_all_methods_of_a_path_are_listed(self, whole, path, allowed):
        refused, asked = whole.put(path.replace("active", "sessions/x")), whole.options(path)
        assert (asked.status_code, asked.headers["allow"]) == (204, allowed)
        if "PUT" not in allowed:
            assert (refused.status_code, refused.headers["allow"]) == (405, allowed)

    def test_an_unknown_path_has_no_methods(self, whole):
        assert [whole.options(path).status_code for path in ("/api/v1/nothing", "/adk/nothing")] == [404, 404]

    @pytest.mark.parametrize("announced", [True, False])
    def test_an_oversized_body_is_a_problem(self, monkeypatch, announced):
        monkeypatch.setattr(app, "USUAL", Limits(1000))
        content = b"x" * 2000 if announced else iter([b"x" * 500] * 4)
        headers = {"Content-Type": "application/json"}
        answer = TestClient(app.create_api()).post("/v1/sessions", content=content, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)
        assert answer.json()["detail"].startswith("The request is too large")

    def test_an_unexpected_error_reveals_no_internals(self):
        api = create_api()

        @api.get("/broken")
        def broken() -> None:
            raise RuntimeError("secret")

        answer = TestClient(api, raise_server_exceptions=False).get("/broken")
        assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
        assert "secret" not in answer.text
