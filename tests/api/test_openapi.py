"""Every route of the API, tested with whatever its description allows and forbids.

None ever breaks or returns what is not described. Two of three requests name existing things.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from colloquy.api.routes import API
from colloquy.api.sessions.messages import NewMessage, NewToolCall
from colloquy.api.sessions.recording import record
from colloquy.runtime.application import current
from session_store.models import SAMPLE_SHOP
from tests.support.applications import new_session
from tests.support.results import new_chart, new_result
from tests.support.servers import ROOT

SETTINGS = ROOT / "schemathesis.toml"

EXAMPLES = 5
"""For each route, besides those generated from its description."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
]

TOLD = [
    NewMessage(role="user", content="How many?"),
    NewMessage(role="assistant", content="One.", tool_calls=[NewToolCall(name="count", args={"of": "owls"}, result=1)]),
]


@pytest.fixture(scope="module")
def description(api):
    """The description of the routes, read only where they are asked: what follows from it takes seconds to find."""
    schema = schemathesis.openapi.from_asgi(f"{API}/openapi.json", api, config=SchemathesisConfig.from_path(SETTINGS))
    schema.hook(map_path_parameters)
    schema.hook(map_body)
    return schema


def names_something_real(value):
    return isinstance(value, str) and len(value) % 3 != 1


def map_path_parameters(context, path_parameters):
    """Replaces generated ids with those of a recent conversation."""
    if path_parameters and names_something_real(next(iter(path_parameters.values()))):
        path_parameters = {**path_parameters, **real(context.operation.path, path_parameters)}
    return path_parameters


def map_body(context, body):
    """Does the same for ids in the body of a request. A body that the description forbids stays as it is."""
    if isinstance(body, dict) and allows(context.operation, body):
        made_up = [name for name in body if names_something_real(body[name])]
        body = {**body, **real(context.operation.path, made_up)} if made_up else body
    return body


def allows(operation, body):
    [described] = operation.definition.raw["requestBody"]["content"].values()
    components = operation.schema.raw_schema["components"]
    return Draft202012Validator({**described["schema"], "components": components}).is_valid(body)


def real(path, names):
    """Ids of existing things, for those of the names that stand for one."""
    application = current()
    key = new_session(application, workspace_id=SAMPLE_SHOP)
    asked, answered = record(application.store.sessions.get(key.session_id), TOLD)
    ids = {
        "agent_id": key.app_name,
        "agentId": key.app_name,
        "connection_id": SAMPLE_SHOP,
        "conversation_id": key.session_id,
        "message_id": answered.id,
        "model": "scripted/two",
        "session_id": key.session_id,
        "turn_id": asked.turn_id,
        "workspaceId": SAMPLE_SHOP,
    }
    if "workspace_id" in names:
        ids["workspace_id"] = application.workspaces.create("Owls").id
    if "id" in names:
        make = new_chart if len(key.session_id) % 2 else new_result
        ids["id"] = make(application, key).id if "/results/" in path else key.session_id
    return {name: value for name, value in ids.items() if name in names}


BOUNDED = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def ask(case):
    case.call_and_validate(checks=CHECKS)


def test_every_route_conforms_to_its_description(description, application, subtests):
    asked = []
    for found in get_all_tests(schema=description, test_func=ask, settings=BOUNDED, given_kwargs={}):
        operation, ask_whatever_is_described = found.ok()
        asked.append(operation.label)
        with subtests.test(operation.label):
            ask_whatever_is_described()
        delete_sessions(application)
    assert set(asked) == set(routes_of(description))


def routes_of(description):
    paths = description.raw_schema["paths"]
    return [f"{method.upper()} {path}" for path in paths for method in paths[path]]


def delete_sessions(application):
    """Keeps exports and complete lists small."""
    sessions = application.store.sessions.list(application.settings.user, limit=10_000).items
    application.delete_sessions([session.key for session in sessions])
