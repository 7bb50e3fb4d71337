"""Analyses over REST."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import httpx

Ended = Callable[..., dict[str, Any]]


def test_start_analysis_valid_request(client: httpx.Client) -> None:
    response = client.post(
        "/api/v1/analysis/start",
        json={
            "analysis_type": "spending_trends",
            "data_source": "contracts",
            "time_range": {"start_date": "2024-01-01", "end_date": "2024-12-31"},
            "filters": {"min_value": 10000, "categories": ["technology", "services"]},
        },
    )
    assert response.status_code == 200, response.text
    data = response.json()
    assert data["analysis_id"]
    assert data["status"] == "started"
    estimated = datetime.fromisoformat(data["estimated_completion"].replace("Z", "+00:00"))
    assert estimated.tzinfo == timezone.utc


def test_start_analysis_invalid_date_range(client: httpx.Client) -> None:
    response = client.post(
        "/api/v1/analysis/start",
        json={
            "analysis_type": "spending_trends",
            "data_source": "contracts",
            "time_range": {"start_date": "2024-12-31", "end_date": "2024-01-01"},
        },
    )
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].startswith("validation_error")
    assert response.json()["errors"][0]["field"].startswith("time_range")


def test_get_analysis_status(client: httpx.Client, until_ended: Ended) -> None:
    started = client.post(
        "/api/v1/analysis/start",
        json={
            "analysis_type": "spending_trends",
            "data_source": "contracts",
            "time_range": {"start_date": "2024-01-01", "end_date": "2024-03-31"},
        },
    )
    analysis_id = started.json()["analysis_id"]
    path = f"/api/v1/analysis/{analysis_id}"
    response = client.get(f"{path}/status")
    assert response.status_code == 200
    assert response.json()["analysis_id"] == analysis_id
    assert response.json()["status"] in ("pending", "running", "completed")
    assert 0 <= response.json()["progress"] <= 1
    assert until_ended(client, f"{path}/status")["progress"] == 1
    results = client.get(f"{path}/results").json()
    assert results["by_month"]
    # 64-bit integers are strings, as everywhere in the JSON mapping of protobuf.
    assert int(results["contracts"]) > 0


def test_analysis_performance(client: httpx.Client) -> None:
    begun = time.monotonic()
    response = client.post(
        "/api/v1/analysis/start",
        json={
            "analysis_type": "quick_scan",
            "data_source": "contracts",
            "time_range": {"start_date": "2024-01-01", "end_date": "2024-01-31"},
        },
    )
    took = time.monotonic() - begun
    assert response.status_code == 200, response.text
    assert took < 2, f"took {took:.2f} s"
