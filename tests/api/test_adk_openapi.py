"""Every route of ADK's API server, asked whatever its description allows and forbids: it never breaks."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.routes import ADK, mounted_adk
from runtime.workbench import current
from tests.support.workbenches import new_session

EXAMPLES = 4
"""For each route, besides those that its description makes up."""

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
IDS = {"app_name": "assistant", "appName": "assistant", "user_id": "local", "userId": "local"}


@pytest.fixture(scope="module")
def described(workbench):
    """The description of the routes, and the app to ask."""
    app = Starlette(routes=[mounted_adk()])
    with TestClient(app) as client:
        description = client.get(f"{ADK}/openapi.json").json()
    schema = schemathesis.openapi.from_dict({**description, "servers": [{"url": ADK}]})
    schema.app = app
    schema.hook(map_path_parameters)
    schema.hook(map_body)
    return schema


def map_path_parameters(context, path_parameters):
    """In place of two of three made-up names, those of a session that is there."""
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


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_route_keeps_to_its_description(described, mode):
    for operation in (result.ok() for result in described.get_all_operations()):
        if operation.body or mode is GenerationMode.POSITIVE:  # any text is a name

            @BOUNDED
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case):
                case.call_and_validate(checks=CHECKS)

            ask()


def test_a_number_in_place_of_a_name_is_refused(described):
    message = {"role": "user", "parts": [{"executableCode": {"code": "1", "language": 5}}]}
    asked = {"appName": "assistant", "userId": "local", "sessionId": "s", "newMessage": message}
    with TestClient(described.app, raise_server_exceptions=False) as client:
        assert [client.post(f"{ADK}{path}", json=asked).status_code for path in ("/run", "/run_sse")] == [422, 422]
