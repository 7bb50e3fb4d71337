"""Credentials over REST: logging in, API keys, and what happens without."""

from __future__ import annotations

import httpx
import pytest

from conftest import PASSWORD, Guarded

LISTED = "/api/v1/investigations"


@pytest.mark.parametrize("name", [{"username": "testuser"}, {"email": "testuser@example.org"}])
def test_login_gives_a_token_that_is_taken(anonymous: httpx.Client, name: dict[str, str]) -> None:
    login = anonymous.post("/api/v1/auth/login", json={**name, "password": PASSWORD})
    assert login.status_code == 200, login.text
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    assert anonymous.get(LISTED, headers=headers).status_code == 200


def test_a_key_is_taken(anonymous: httpx.Client, guarded: Guarded) -> None:
    assert anonymous.get(LISTED, headers=guarded.headers).status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": "test-api-key"}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}]
)
def test_without_good_credentials_nothing_is_told(anonymous: httpx.Client, headers: dict[str, str]) -> None:
    for response in (
        anonymous.get(LISTED, headers=headers),
        anonymous.get(f"{LISTED}/00000000-0000-4000-8000-000000000000/status", headers=headers),
        anonymous.post(f"{LISTED}/start", headers=headers, json={"query": "contratos"}),
    ):
        assert response.status_code == 401, response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert "WWW-Authenticate" in response.headers


def test_a_wrong_password_and_an_unknown_user_are_told_alike(anonymous: httpx.Client) -> None:
    answers = [
        anonymous.post("/api/v1/auth/login", json={"username": name, "password": "wrong password"})
        for name in ("testuser", "nobody")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    known, unknown = ({**answer.json(), "request_id": None} for answer in answers)
    assert known == unknown


def test_health_is_told_to_everybody(anonymous: httpx.Client) -> None:
    response = anonymous.get("/metrics/health")
    assert response.status_code == 200
    health = response.json()
    assert health["status"] == "healthy"
    assert health["checks"] == {"database": True, "redis": True, "agents": True}
    assert health["timestamp"] > 1_700_000_000
