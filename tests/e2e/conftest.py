"""What the tests share: servers, credentials, an HTTP client."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from emergency import write_month
from product import Server

PASSWORD = "testpassword123"
# An investigation that has events enough and is soon done, also by a debug build; run anew each time.
FEW_DETECTORS = {
    "query": "contratos",
    "options": {
        "allow_cached": False,
        "detectors": ["amendment_cap", "high_value_direct_award", "invalid_tax_id", "splitting_sum", "value_jump"],
    },
}
# Seconds for an investigation: it takes one or two, but a debug build on a busy machine is slow.
PATIENCE = 180


def require(present: bool, what: str) -> None:
    """Skips a test for want of a tool, or fails it where nothing may be skipped."""
    if present:
        return
    if os.environ.get("CIDADAO_REQUIRE_ALL") == "1":
        pytest.fail(f"{what} is not available, and CIDADAO_REQUIRE_ALL=1 makes this an error")
    pytest.skip(f"{what} is not available")


@dataclass(frozen=True)
class Guarded:
    """A server that asks for credentials, and some that it takes."""

    server: Server
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.key}


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A server with a user and an API key, over the sample and the emergency contract."""
    directory = tmp_path_factory.mktemp("guarded")
    server = Server(directory, environment={"CIDADAO_AUTH": "required"})
    try:
        server.run("import", str(write_month(directory / "emergency")))
        server.run(
            *("users", "create", "--username", "testuser", "--email", "testuser@example.org", "--password-stdin"),
            stdin=f"{PASSWORD}\n",
        )
        made = json.loads(server.run("keys", "create", "--name", "tests", "--output", "json"))
        server.start()
        yield Guarded(server, made["key"])
    finally:
        server.end(signal.SIGKILL)


@pytest.fixture(scope="session")
def pages() -> Path:
    return Path(__file__).parent / "pages"


@pytest.fixture(scope="session")
def anonymous(guarded: Guarded) -> Iterator[httpx.Client]:
    """Nobody's client."""
    with httpx.Client(base_url=guarded.server.http, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def client(guarded: Guarded, anonymous: httpx.Client) -> Iterator[httpx.Client]:
    """The client of a user who has logged in."""
    login = anonymous.post("/api/v1/auth/login", json={"username": "testuser", "password": PASSWORD})
    assert login.status_code == 200, login.text
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    with httpx.Client(base_url=guarded.server.http, timeout=30, headers=headers) as client:
        yield client


def ended(client: httpx.Client, path: str, patience: float = PATIENCE) -> dict[str, Any]:
    """Reads a status until its job has ended."""
    deadline = time.monotonic() + patience
    while True:
        response = client.get(path)
        assert response.status_code == 200, response.text
        status: dict[str, Any] = response.json()
        if status["status"] not in ("pending", "running"):
            return status
        assert time.monotonic() < deadline, f"it has not ended within {patience} s: {status}"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def until_ended() -> Callable[..., dict[str, Any]]:
    return ended
