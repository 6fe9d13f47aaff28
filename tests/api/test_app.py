"""What holds for the whole API: its description, its page, its errors, and who may ask."""

import re

import pytest
from fastapi.testclient import TestClient

from api import app
from api.app import create_api
from api.body_limits import Limits

PROBLEM = "application/problem+json"


class TestPage:
    def test_shows_the_api_without_anything_from_elsewhere(self, client):
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

    def test_names_paths_as_clients_ask_for_them(self, client):
        schema = client.get("/api/openapi.json").json()
        assert "servers" not in schema
        assert "/api/v1/conversations/{conversation_id}" in schema["paths"]
        assert all(path.startswith("/api/v1/") for path in schema["paths"])

    def test_describes_its_errors(self, client):
        schema = client.get("/api/openapi.json").json()
        assert set(schema["components"]["schemas"]["Problem"]["required"]) == {"title", "status", "detail"}


class TestErrors:
    @pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/v1/nothing", "/api/docs/assets/nothing"])
    def test_a_path_that_is_not_there_is_a_problem(self, client, path):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
        assert answer.json()["title"] == "Not Found"

    def test_a_method_that_does_not_fit_is_a_problem_that_says_which_do(self, client):
        answer = client.post("/api/docs")
        assert (answer.status_code, answer.headers["content-type"]) == (405, PROBLEM)
        assert "GET" in answer.headers["allow"]

    @pytest.mark.parametrize("announced", [True, False])
    def test_too_much_is_a_problem(self, monkeypatch, announced):
        monkeypatch.setattr(app, "USUAL", Limits(1000))
        content = b"x" * 2000 if announced else iter([b"x" * 500] * 4)
        headers = {"Content-Type": "application/json"}
        answer = TestClient(app.create_api()).post("/v1/sessions", content=content, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)
        assert answer.json()["detail"].startswith("The request is too large")

    def test_one_that_nobody_foresaw_says_nothing_of_the_inside(self):
        api = create_api()

        @api.get("/broken")
        def broken() -> None:
            raise RuntimeError("secret")

        answer = TestClient(api, raise_server_exceptions=False).get("/broken")
        assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
        assert "secret" not in answer.text
