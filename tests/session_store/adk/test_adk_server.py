"""``adk api_server`` with a ``duckdb:`` URI, as documented."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import tenacity

ROOT = Path(__file__).parents[3]
AGENT = """
from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmResponse
from google.genai import types


class Echo(BaseLlm):
    async def generate_content_async(self, llm_request, stream=False):
        said = [part.text for content in llm_request.contents for part in content.parts if content.role == "user"]
        part = types.Part(text=f"{len(said)}: {said[-1]}")
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


root_agent = LlmAgent(name="echo", model=Echo(model="echo"))
"""
SERVICES = """
services:
  - scheme: duckdb
    type: session
    class: session_store.DuckDBSessionService
"""


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    folder = tmp_path / "agents"
    (folder / "echo").mkdir(parents=True)
    (folder / "echo" / "__init__.py").write_text("from . import agent\n")
    (folder / "echo" / "agent.py").write_text(AGENT)
    (folder / "services.yaml").write_text(SERVICES)
    return folder


@contextmanager
def served(agents: Path, database: Path) -> Iterator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uri = f"duckdb:///{database.as_posix()}"
    command = [sys.executable, "-m", "google.adk.cli", "api_server", "--host", "127.0.0.1", "--port", str(port)]
    log = agents.parent / "server.log"
    with (
        log.open("a") as output,
        subprocess.Popen(
            [*command, "--session_service_uri", uri, str(agents)], cwd=ROOT, stdout=output, stderr=output
        ) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        try:
            wait_for(client, server, log)
            yield client
        finally:
            server.terminate()
            server.wait()


@tenacity.retry(
    stop=tenacity.stop_after_delay(60),
    wait=tenacity.wait_fixed(0.1),
    retry=tenacity.retry_if_exception_type(httpx.TransportError),
    reraise=True,
)
def wait_for(client: httpx.Client, server: subprocess.Popen, log: Path) -> None:
    assert server.poll() is None, log.read_text()
    client.get("/list-apps").raise_for_status()


def run(client: httpx.Client, text: str) -> str:
    message = {"role": "user", "parts": [{"text": text}]}
    names = {"appName": "echo", "userId": "ann", "sessionId": "one"}
    answer = client.post("/run", json={**names, "newMessage": message}).raise_for_status().json()
    return answer[-1]["content"]["parts"][0]["text"]


@pytest.mark.slow
def test_a_conversation_continues_after_a_server_restart(agents, tmp_path):
    database = tmp_path / "chats.duckdb"
    with served(agents, database) as client:
        client.post("/apps/echo/users/ann/sessions/one", json={"mood": "good"}).raise_for_status()
        assert run(client, "hello") == "1: hello"
    assert database.exists()

    with served(agents, database) as client:
        assert run(client, "still there?") == "2: still there?"
        session = client.get("/apps/echo/users/ann/sessions/one").raise_for_status().json()
        assert session["state"]["mood"] == "good"
        spoken = [event["content"]["parts"][0]["text"] for event in session["events"] if event.get("content")]
        assert spoken == ["hello", "1: hello", "still there?", "2: still there?"]
        listed = client.get("/apps/echo/users/ann/sessions").raise_for_status().json()
        assert [item["id"] for item in listed] == ["one"]
