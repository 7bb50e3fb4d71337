"""The cases of clients/conformance.json."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from conftest import Connect
from google.protobuf.json_format import ParseDict
from product import CLIENTS, Server
from script import ScriptedServer, text_of

from cidadao_client import RetryPolicy, errors, v1

CASES = json.loads((CLIENTS / "conformance.json").read_text())
# Delays that a test need not wait for.
QUICK = RetryPolicy(initial_delay=0.001, max_delay=0.01)


def cases(group: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in CASES[group]]


def kind_of(name: str) -> type[errors.CidadaoError]:
    """The class of `NOT_FOUND`: `NotFound`."""
    kind: type[errors.CidadaoError] = getattr(errors, name.title().replace("_", ""))
    return kind


@pytest.mark.parametrize("case", cases("watches"))
def test_watch(case: dict[str, Any], scripted: ScriptedServer, connect: Connect) -> None:
    scripted.streams = case["streams"]
    if "job" in case:
        ParseDict(case["job"], scripted.job)
    policy = replace(QUICK, reconnects=case.get("reconnects", QUICK.reconnects))
    client = connect(scripted.address, retry=policy)
    delivered: list[str] = []

    def watch() -> None:
        client.each(
            "watch_investigation",
            lambda event: delivered.append(text_of(event)),
            "1",
            after_sequence=case.get("after_sequence", 0),
            heartbeats=case.get("heartbeats", False),
        )

    expected = case.get("error")
    if expected is None:
        watch()
    elif expected["kind"] == "SEQUENCE":
        with pytest.raises(errors.SequenceError) as broken:
            watch()
        assert (broken.value.expected, broken.value.received) == (expected["expected"], expected["received"])
    else:
        with pytest.raises(kind_of(expected["kind"])) as raised:
            watch()
        assert isinstance(raised.value, errors.RpcError)
        assert raised.value.reason == "SCRIPTED"
    assert delivered == case["delivered"]
    assert scripted.after == [stream["after"] for stream in case["streams"]]


@pytest.mark.parametrize("case", cases("calls"))
def test_call(case: dict[str, Any], scripted: ScriptedServer, connect: Connect) -> None:
    scripted.answers = case["answers"]
    scripted.retry_seconds = case.get("retry_seconds")
    policy = replace(QUICK, attempts=case.get("attempts", QUICK.attempts))
    client = connect(scripted.address, retry=policy)
    begun = time.monotonic()

    def call() -> Any:
        return client.call("start_investigation", "contratos", timeout=case.get("timeout_seconds"))

    if "error" in case:
        with pytest.raises(kind_of(case["error"])) as raised:
            call()
        assert isinstance(raised.value, errors.RpcError)
        if case["error"] != "DEADLINE_EXCEEDED":
            assert raised.value.reason == "SCRIPTED"
            assert raised.value.retry_delay == case.get("retry_seconds")
    else:
        assert call().investigation_id == "1"
    took = time.monotonic() - begun
    assert case.get("takes_seconds", 0) <= took < 10
    assert len(scripted.starts) == case["requests"]
    ids = {start.request_id for start in scripted.starts}
    assert len(ids) == 1, "every attempt is the same request"
    assert len(ids.pop()) == 36


@pytest.mark.parametrize("case", cases("refusals"))
def test_refusal(case: dict[str, Any], server: Server, connect: Connect) -> None:
    request = getattr(v1, f"{case['method']}Request")()
    ParseDict(case["request"], request)
    named = {field.name: value for field, value in request.ListFields()}
    if case["method"].startswith("Start"):
        # What has no default must be given, be it empty.
        required = "query" if case["method"] == "StartInvestigation" else "analysis_type"
        named.setdefault(required, getattr(request, required))
    method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in case["method"])[1:]
    client = connect(server.address)
    call = client.first if method.startswith("watch_") else client.call
    with pytest.raises(kind_of(case["error"])) as raised:
        call(method, **named)
    error = raised.value
    assert isinstance(error, errors.RpcError)
    assert error.code.name == case["error"]
    assert (error.reason, error.domain) == (case["reason"], "cidadao.ai")
    assert [violation.field for violation in error.field_violations] == case.get("fields", [])
    assert all(violation.description and violation.field in str(error) for violation in error.field_violations)
    assert case.get("metadata", {}).items() <= error.metadata.items()
