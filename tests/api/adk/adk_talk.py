"""A client of ADK's API server, and a conversation it has with the agent ``clerk`` in the folder ``desk``."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

import httpx

from tests.runtime.desk import PLAIN

MODEL = "clerk = LlmAgent(name='clerk', model=ScriptedModel(), tools=tools)"
OBEDIENT = """
class Obedient(ScriptedModel):
    async def generate_content_async(self, llm_request, stream=False):
        said = llm_request.contents[-1].parts[-1].text or ""
        if said.startswith("raise "):
            raise eval(said.removeprefix("raise "))
        async for response in super().generate_content_async(llm_request, stream):
            if stream or not response.partial:
                yield response


"""
DESK = PLAIN.replace("clerk = ", f"{OBEDIENT}clerk = ").replace("ScriptedModel()", "Obedient()")
"""The folder's agent, on a model that, like real ones, streams only on request."""

UUID = re.compile(r"(?:adk-|e-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r'"(timestamp|lastUpdateTime|createTime)":[0-9.e+-]+')
FOLDER = re.compile(r"file://\S*/artifacts")


class AdkClient:
    """Talks to one server as one user, and records the answers."""

    def __init__(self, url: str, user: str = "ann", app: str = "desk") -> None:
        # Connections must not be reused after a server closes one because of an internal error.
        self.http = httpx.Client(base_url=url, timeout=60, trust_env=False, headers={"Connection": "close"})
        self.user, self.app = user, app
        self.answers: list[tuple[str, int, str]] = []

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request and record the answer, without what differs between runs."""
        json_type = {"Content-Type": "application/json"} if body is not None else {}
        content = None if body is None else json.dumps(body)
        response = self.http.request(method, path, content=content, headers=json_type)
        self.answers.append(
            (f"{method} {path} {_plain(json.dumps(body))}", response.status_code, _plain(_told(response)))
        )
        return response

    def sessions(self, method: str, path: str = "", body: Any = None) -> httpx.Response:
        """A request about the user's sessions."""
        return self.ask(method, f"/apps/{self.app}/users/{self.user}/sessions{path}", body)

    def run(self, session: str, text: str, **more: Any) -> list[dict[str, Any]]:
        """The events of the agent's answer."""
        return self.send("/run", session, {"text": text}, **more).json()

    def stream(self, session: str, text: str, **more: Any) -> list[dict[str, Any]]:
        """The same events, streamed."""
        return events_of(self.send("/run_sse", session, {"text": text}, **more).text)

    def respond(
        self, session: str, call: dict[str, Any], response: dict[str, Any], path: str = "/run"
    ) -> httpx.Response:
        """Send the result of a function call."""
        answer = {"id": call["id"], "name": call["name"], "response": response}
        return self.send(path, session, {"functionResponse": answer})

    def send(self, path: str, session: str, part: dict[str, Any], **more: Any) -> httpx.Response:
        """A message with one part."""
        message = {"role": "user", "parts": [part]}
        names = {"appName": self.app, "userId": self.user, "sessionId": session}
        return self.ask("POST", path, {**names, "newMessage": message, **more})


def _told(response: httpx.Response) -> str:
    """A server's answer, without the echo of a refused request: Colloquy does not send one."""
    detail = response.json()["detail"] if response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY else None
    if not isinstance(detail, list):
        return response.text
    return json.dumps([{name: one[name] for name in ("type", "loc", "msg")} for one in detail])


def _plain(text: str) -> str:
    seen: dict[str, str] = {}
    text = UUID.sub(lambda found: seen.setdefault(found[0], f"<{len(seen)}>"), text)
    return FOLDER.sub("file://", TIME.sub(r'"\1":0', text))


def events_of(stream: str) -> list[dict[str, Any]]:
    """The events in a response of ``/run_sse``."""
    return [json.loads(line.removeprefix("data:")) for line in stream.splitlines() if line.startswith("data:")]


def texts(events: list[dict[str, Any]], *, partial: bool = False) -> list[str]:
    """The texts of the partial events, or of the complete ones."""
    parts = [part for event in events if event.get("partial", False) is partial for part in event["content"]["parts"]]
    return [part["text"] for part in parts if "text" in part]


def calls(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The function calls in events."""
    parts = [part for event in events for part in event.get("content", {}).get("parts", [])]
    return [part["functionCall"] for part in parts if "functionCall" in part]


def talk(client: AdkClient) -> None:
    """Everything that an ADK client does, in a conversation that runs the same on any server."""
    client.ask("GET", "/apps/desk/app-info")
    _open_sessions(client)
    _speak(client)
    _call_tools(client)
    _keep_files(client)
    client.sessions("GET", "/one")
    for method in ("DELETE", "GET", "DELETE", "POST"):
        client.sessions(method, "/one")
    client.ask("GET", "/apps/desk/users/nobody/sessions")


def _open_sessions(client: AdkClient) -> None:
    client.sessions("POST")
    client.sessions("POST", body={"sessionId": "one", "state": {"mood": "good", "user:name": "Ann", "app:version": 1}})
    client.sessions("POST", body={"sessionId": "one"})
    client.sessions("POST", "/two", {"old way": True})
    client.sessions("POST", "/two", {})
    said = {"author": "clerk", "content": {"role": "model", "parts": [{"text": "said before"}]}}
    client.sessions("POST", body={"sessionId": "three", "events": [said]})
    client.sessions("POST", body={"sessionId": "four", "events": [said | {"longRunningToolIds": ["a"]}]})
    for path in ("/one", "/none", ""):
        client.sessions("GET", path)
    client.sessions("PATCH", "/one", {"stateDelta": {"mood": "fine", "user:name": "Anna"}})
    client.sessions("PATCH", "/none", {"stateDelta": {}})
    client.sessions("PATCH", "/one", {})


def _speak(client: AdkClient) -> None:
    for session in ("one", "none"):
        client.run(session, "hello")
        client.stream(session, "count 3", streaming=True)
        client.stream(session, "count 3")
    client.run("three", "history")
    client.run("one", "with state", stateDelta={"mood": "better", "temp:now": 1})
    client.sessions("GET", "/one")
    client.ask("POST", "/run", {"appName": "desk"})


def _call_tools(client: AdkClient) -> None:
    client.run("two", "call look_up {}")
    for approved in (True, False):
        _, asking = calls(client.run("two", 'call pay {"amount": 5}'))
        client.respond("two", asking, {"confirmed": approved}, "/run_sse")
    client.sessions("GET", "/two")
    [order] = calls(client.run("two", "call order {}"))
    client.respond("two", order, {"status": "arrived"})
    [ticket] = calls(client.run("two", "call ticket {}"))
    client.respond("two", ticket, {"closed": True})


def _keep_files(client: AdkClient) -> None:
    folder = "/one/artifacts"
    for name in ("notes/a.txt", "../b.txt"):
        client.sessions("POST", folder, {"filename": name, "artifact": {"text": "hello"}})
    data = {"data": "AAEC", "mimeType": "application/octet-stream"}
    client.sessions("POST", folder, {"filename": "c.bin", "artifact": {"inlineData": data}})
    for path in ("", "/notes/a.txt", "/c.bin", "/none", "/none/versions"):
        client.sessions("GET", folder + path)
    for version in ("", "/0", "/9", "/x", "/latest", "/metadata", "/0/metadata"):
        client.sessions("GET", f"{folder}/notes/a.txt/versions{version}")
    client.sessions("DELETE", f"{folder}/c.bin")
    client.sessions("GET", folder)
