"""Every route of ADK's API server, tested with whatever its description allows and forbids: none ever breaks."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    status_code_conformance,
)
from starlette.applications import Starlette
from starlette.testclient import TestClient

from colloquy.api.routes import ADK, mounted_adk
from colloquy.runtime.application import current
from tests.support.applications import new_session
from tests.support.servers import ROOT

SETTINGS = ROOT / "schemathesis.toml"

EXAMPLES = 4
"""For each route, besides those generated from its description."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
]
IDS = {"app_name": "assistant", "appName": "assistant", "user_id": "local", "userId": "local"}


@pytest.fixture(scope="module", params=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def described(application, request):
    """The description of the routes, and the app to test."""
    app = Starlette(routes=[mounted_adk()])
    with TestClient(app) as client:
        description = client.get(f"{ADK}/openapi.json").json()
    schema = schemathesis.openapi.from_dict(
        {**description, "servers": [{"url": ADK}]}, config=SchemathesisConfig.from_path(SETTINGS)
    )
    schema.app = app
    if request.param is GenerationMode.POSITIVE:
        schema.hook(map_path_parameters)
        schema.hook(map_body)
    return request.param, schema


@pytest.fixture(scope="module")
def client(application):
    with TestClient(Starlette(routes=[mounted_adk()]), raise_server_exceptions=False) as client:
        yield client


def map_path_parameters(context, path_parameters):
    """Replaces two of three generated names with those of an existing session."""
    return with_real(path_parameters, path_parameters)


def map_body(context, body):
    if context.operation.path.startswith("/run") and isinstance(body, dict):
        return with_real(body, ("appName", "userId", "sessionId"))
    return body


def with_real(values, names):
    if not values or len(str(next(iter(values.values())))) % 3 == 1:
        return values
    session_id = new_session(current()).session_id
    ids = {**IDS, "session_id": session_id, "sessionId": session_id}
    return {**values, **{name: ids[name] for name in names if name in ids}}


BOUNDED = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def test_every_route_conforms_to_its_description(described):
    mode, schema = described
    for operation in (result.ok() for result in schema.get_all_operations()):
        if operation.body or mode is GenerationMode.POSITIVE:  # any text is a valid name

            @BOUNDED
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case):
                case.call_and_validate(checks=CHECKS)

            ask()


RESPONSE = {"functionResponse": {"id": "1", "name": "pay", "response": {}}}


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([{"executableCode": {"code": "1", "language": 5}}], 422),
        ([{"text": "hello"}, {"functionCall": {"name": "pay", "args": {}}}], 400),
        ([{"text": "hello"}, RESPONSE], 400),
        ([], 422),
    ],
)
def test_messages_that_no_agent_could_receive_are_refused(client, parts, status):
    asked = {**IDS, "sessionId": new_session(current()).session_id, "newMessage": {"role": "user", "parts": parts}}
    assert client.post(f"{ADK}/run", json=asked).status_code == status
