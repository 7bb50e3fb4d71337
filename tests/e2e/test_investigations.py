"""An investigation over REST, from start to report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

Ended = Callable[..., dict[str, Any]]


def test_complete_investigation_flow(client: httpx.Client, until_ended: Ended) -> None:
    started = client.post(
        "/api/v1/investigations/start",
        json={
            "query": "contratos emergenciais sem licitação 2024",
            "investigation_type": "anomaly_detection",
            "options": {"include_historical_data": True, "detect_patterns": True, "generate_report": True},
        },
    )
    assert started.status_code == 200, started.text
    investigation_id = started.json()["investigation_id"]
    path = f"/api/v1/investigations/{investigation_id}"

    status = until_ended(client, f"{path}/status")
    assert status["status"] == "completed", status
    assert status["progress"] == 1

    response = client.get(f"{path}/results")
    assert response.status_code == 200, response.text
    results = response.json()
    assert results["investigation_id"] == investigation_id
    assert results["summary"]
    assert results["metadata"]
    assert results["findings"], "the emergency contract is in scope"
    for finding in results["findings"]:
        assert finding["type"]
        assert finding["description"]
        assert finding["severity"] in ("low", "medium", "high", "critical")
        assert finding["evidence"]["rows"]

    report = client.get(f"{path}/report")
    assert report.status_code == 200, report.text
    assert investigation_id in report.json()["report_content"]


def test_a_high_value_emergency_contract_is_found(client: httpx.Client, until_ended: Ended) -> None:
    started = client.post(
        "/api/v1/investigations/start",
        json={
            "query": "contratos emergenciais acima de 1 milhão",
            "investigation_type": "anomaly_detection",
            "filters": {"min_value": 1000000, "modalidades": ["dispensa_licitacao", "inexigibilidade"]},
        },
    )
    assert started.status_code == 200, started.text
    assert started.json()["filters"]["modalidades"] == ["dispensa_licitacao", "inexigibilidade"]
    path = f"/api/v1/investigations/{started.json()['investigation_id']}"
    assert until_ended(client, f"{path}/status")["status"] == "completed"

    findings = client.get(f"{path}/results", params={"page_size": 1000}).json()["findings"]
    found = [
        finding
        for finding in findings
        if "high_value" in finding["type"].lower() or finding["severity"] in ("high", "critical")
    ]
    ours = [
        finding
        for finding in found
        if any("limpeza urbana" in row["columns"].get("object", "") for row in finding["evidence"]["rows"])
    ]
    assert ours, f"not among {[(one['type'], one['severity']) for one in findings]}"
    flagged = next(one for one in ours if one["type"].startswith("high_value"))
    # An emergency of 30 days is the most severe case of this flag, and its text tells why, exactly.
    assert flagged["severity"] == "critical"
    assert "2.500.000,00" in flagged["description"]
    assert "30 dias" in flagged["description"]
    assert flagged["amount_at_stake"] == "2500000.00"


def test_what_is_not_there_and_what_is_not_ready(client: httpx.Client) -> None:
    missing = client.get("/api/v1/investigations/00000000-0000-4000-8000-000000000000/status")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.json()["status"] == 404
    assert missing.json()["request_id"]

    started = client.post(
        "/api/v1/investigations/start", json={"query": "contratos", "options": {"allow_cached": False}}
    )
    path = f"/api/v1/investigations/{started.json()['investigation_id']}"
    early = client.get(f"{path}/results")
    assert early.status_code == 409, early.text
    cancelled = client.post(f"{path}:cancel", json={})
    assert cancelled.status_code == 200, cancelled.text


def test_malformed_requests_are_told_from_those_that_break_a_rule(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    path = "/api/v1/investigations/start"
    torn = client.post(path, content='{"query": "contratos",', headers=headers)
    assert torn.status_code == 400, torn.text
    unknown = client.post(path, json={"query": "contratos", "no_such_field": 1})
    assert unknown.status_code == 400
    assert "no_such_field" in unknown.json()["detail"]
    empty = client.post(path, json={"query": "", "filters": {"min_value": -1}})
    assert empty.status_code == 422
    assert empty.json()["detail"].startswith("validation_error:")
    assert [error["field"] for error in empty.json()["errors"]] == ["query", "filters.min_value"]
    for error in empty.json()["errors"]:
        assert error["rule"]
        assert "value" in error
