"""Requests made up from the OpenAPI document: whatever is asked, the answer is one that it declares."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Guarded
from product import Server

# An operation, per run.
EXAMPLES = 100
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# Made-up requests take ids from answers, and the key that they are sent with is one that can be revoked.
REVOCATION = "RevokeApiKey"
METHODS = ("get", "head", "post", "put", "patch", "delete")


def new_key(server: Server) -> str:
    key: str = json.loads(server.run("keys", "create", "--name", "tests", "--role", "admin", "--output", "json"))["key"]
    return key


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A server over few rows, as hundreds of investigations are started on it."""
    server = Server(tmp_path_factory.mktemp("small"), rows=200, environment={"CIDADAO_AUTH": "required"})
    try:
        key = new_key(server)
        server.start()
        yield Guarded(server, key)
    finally:
        server.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def document(small: Guarded) -> dict[str, Any]:
    response = httpx.get(f"{small.server.http}/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    assert document["openapi"].startswith("3.1.")
    shared = document["components"]["responses"]
    for _, _, operation in operations(document):
        responses = operation["responses"]
        # It would declare every status there is, and the tests could not fail.
        responses.pop("default", None)
        for status, response in responses.items():
            if "$ref" in response:
                responses[status] = shared[response["$ref"].rpartition("/")[2]]
    return document


@pytest.fixture(scope="module")
def investigation(small: Guarded) -> str:
    """The id of an investigation that has ended with results."""
    with httpx.Client(base_url=small.server.http, headers=small.headers, timeout=30) as client:
        started = client.post("/api/v1/investigations/start", json={"query": "contratos"})
        assert started.status_code == 200, started.text
        investigation_id: str = started.json()["investigation_id"]
        with client.stream("GET", f"/api/v1/investigations/{investigation_id}/events") as events:
            events.read()
    return investigation_id


def streams(operation: dict[str, Any]) -> bool:
    """Whether an operation answers with a stream, which may have no end."""
    return any("text/event-stream" in response.get("content", {}) for response in operation["responses"].values())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def run(guarded: Guarded, document: dict[str, Any], directory: Path, configuration: str, *arguments: str) -> None:
    """Tries every operation but the streams."""
    # The key that is sent with each request does; nobody need sign up.
    (directory / "schemathesis.toml").write_text(f"{configuration}[auth]\nauto-signup = false\n")
    (directory / "openapi.json").write_text(json.dumps(document))
    streaming = [operation["operationId"] for _, _, operation in operations(document) if streams(operation)]
    assert streaming, "there are streams"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", "--url", guarded.server.http),
        *("--header", f"X-API-Key: {guarded.key}", "--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES)),
        *("--phases", "examples,coverage,fuzzing", "--generation-deterministic", "--request-timeout", "30"),
        *("--no-color", "--continue-on-failure", *arguments),
        *(argument for one in streaming for argument in ("--exclude-operation-id", one)),
    ]
    done = subprocess.run(command, cwd=directory, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]


def test_every_answer_is_declared(small: Guarded, document: dict[str, Any], tmp_path: Path) -> None:
    run(small, document, tmp_path, "", "--exclude-operation-id", REVOCATION)
    # Had the key been lost on the way, every answer after that would have been the same.
    assert httpx.get(f"{small.server.http}/api/v1/investigations", headers=small.headers).status_code == 200


def test_every_answer_to_a_revocation_is_declared(small: Guarded, document: dict[str, Any], tmp_path: Path) -> None:
    run(Guarded(small.server, new_key(small.server)), document, tmp_path, "", "--include-operation-id", REVOCATION)


def test_every_answer_about_an_investigation_is_declared(
    small: Guarded, document: dict[str, Any], investigation: str, tmp_path: Path
) -> None:
    # Ids that are made up lead to nothing: here all the rest of a request is.
    configuration = f'[parameters]\n"path.investigation_id" = "{investigation}"\n'
    run(small, document, tmp_path, configuration, "--include-path-regex", "{investigation_id}")


def check_stream(small: Guarded, investigation: str, operation: Any, responses: dict[str, Any]) -> None:
    """Opens a stream with whatever may be asked; only how it begins is looked at."""

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(), known=st.booleans())
    def check(case: schemathesis.Case, known: bool) -> None:
        if known and "investigation_id" in case.path_parameters:
            case.path_parameters["investigation_id"] = investigation
        arguments = case.as_transport_kwargs(base_url=small.server.http)
        arguments["headers"] = {**arguments["headers"], **small.headers}
        with requests.request(**arguments, stream=True, timeout=30) as response:
            told = f"{response.status_code} for {case.as_curl_command()}"
            assert response.status_code < 500, told
            assert str(response.status_code) in responses, told
            media = response.headers.get("content-type", "").partition(";")[0]
            assert media in responses[str(response.status_code)].get("content", {"": None}), told

    check()


def test_every_stream_is_declared(small: Guarded, document: dict[str, Any], investigation: str) -> None:
    schema = schemathesis.openapi.from_dict(document)
    for path, method, declared in operations(document):
        if streams(declared):
            check_stream(small, investigation, schema[path][method], declared["responses"])
