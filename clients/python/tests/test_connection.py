"""What is sent with a call, and what cannot be connected to."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from conftest import Connect
from google.api import annotations_pb2
from product import free_port
from script import ScriptedServer

from cidadao_client import ApiKey, BearerToken, RetryPolicy, errors, v1


def test_an_api_key_is_sent(scripted: ScriptedServer, connect: Connect) -> None:
    scripted.answers = ["OK"]
    connect(scripted.address, credentials=ApiKey("secret")).call("start_investigation", "contratos")
    assert scripted.metadata[0]["x-api-key"] == "secret"
    assert "authorization" not in scripted.metadata[0]
    assert str(scripted.metadata[0]["user-agent"]).startswith("cidadao-client-python")
    assert "secret" not in repr(ApiKey("secret")) + repr(BearerToken("secret"))


def test_each_attempt_sends_the_current_token(scripted: ScriptedServer, connect: Connect) -> None:
    scripted.answers = ["UNAVAILABLE", "OK"]
    tokens = iter(["first", "second"])
    client = connect(
        scripted.address, credentials=BearerToken(lambda: next(tokens)), retry=RetryPolicy(initial_delay=0.001)
    )
    client.call("start_investigation", "contratos")
    assert [metadata["authorization"] for metadata in scripted.metadata] == ["Bearer first", "Bearer second"]


def test_tls_with_an_authority_of_ones_own(tmp_path: Path, connect: Connect) -> None:
    server = ScriptedServer(tmp_path)
    authority = server.with_tls()
    server.answers = ["OK"]
    with server:
        client = connect(server.address, ca=authority, credentials=BearerToken("token"))
        client.call("start_investigation", "contratos")
        assert server.metadata[0]["authorization"] == "Bearer token"
        stranger = connect(server.address, retry=RetryPolicy(attempts=1))
        with pytest.raises(errors.Unavailable):
            stranger.call("start_investigation", "contratos", timeout=5)
        assert len(server.starts) == 1, "nothing is sent to a server that is not trusted"


def test_nobody_listens(connect: Connect) -> None:
    client = connect(f"http://127.0.0.1:{free_port()}", retry=RetryPolicy(attempts=3, initial_delay=0.01, reconnects=2))
    begun = time.monotonic()
    with pytest.raises(errors.Unavailable):
        client.call("get_health")
    with pytest.raises(errors.Unavailable):
        client.first("watch_investigation", "1")
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "address", ["localhost:50051", "grpc://localhost", "http://", "http://host/path", "http://h?q"]
)
def test_a_malformed_address_is_refused(address: str, connect: Connect) -> None:
    with pytest.raises(ValueError, match="address must be"):
        connect(address)


def test_an_authority_without_tls_is_refused(connect: Connect) -> None:
    with pytest.raises(ValueError, match="https"):
        connect("http://localhost:50051", ca=b"")


def test_the_descriptors_of_google_are_those_of_everybody() -> None:
    [start] = [
        method
        for method in v1.investigation_service_pb2.DESCRIPTOR.services_by_name["InvestigationService"].methods
        if method.name == "StartInvestigation"
    ]
    assert start.GetOptions().Extensions[annotations_pb2.http].post == "/api/v1/investigations/start"


def test_delays_grow_to_a_limit_and_are_spread() -> None:
    policy = RetryPolicy(initial_delay=1, multiplier=2, max_delay=8)
    for failures, most in ((1, 1), (2, 2), (4, 8), (5, 8), (10_000, 8)):
        delays = {policy.delay(failures, None) for _ in range(20)}
        assert most / 2 <= min(delays) < max(delays) <= most
    assert policy.delay(1, 30) >= 30
