"""The clients against the real server."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import time
import uuid
from datetime import timezone
from pathlib import Path

import pytest
from conftest import Connect
from product import CLIENTS, Server

from cidadao_client import AsyncClient, errors, v1


def test_a_killed_server_costs_no_event_and_doubles_none(server: Server, connect: Connect) -> None:
    client = connect(server.address)
    # Not answered from an earlier run.
    options = v1.InvestigationOptions(allow_cached=False)
    investigation_id = client.call("start_investigation", "contratos", options=options).investigation_id
    events: list[v1.ProgressEvent] = []

    def follow(event: v1.ProgressEvent) -> None:
        events.append(event)
        # The kill costs the job an attempt; who is asked to stop takes leave of its watchers first.
        if how := {4: signal.SIGKILL, 6: signal.SIGTERM}.get(event.sequence):
            server.restart(how)

    client.each("watch_investigation", follow, investigation_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert client.call("get_investigation", investigation_id).attempt > 1, "the kill came in the middle"
    assert events[-1].kind == v1.EVENT_KIND_FINISHED
    assert events[-1].state == v1.JOB_STATE_COMPLETED

    # The same events again, from the middle and from the end.
    again: list[v1.ProgressEvent] = []
    client.each("watch_investigation", again.append, investigation_id, after_sequence=4)
    assert again == events[4:]
    client.each("watch_investigation", again.append, investigation_id, after_sequence=len(events))
    assert again == events[4:]
    with pytest.raises(errors.OutOfRange) as ahead:
        client.first("watch_investigation", investigation_id, after_sequence=len(events) + 1)
    assert ahead.value.metadata["last_sequence"] == str(len(events))

    # Every finding, whatever the pages.
    whole = client.call("get_investigation_results", investigation_id, page_size=1000)
    assert whole.total_findings == len(whole.findings) > 20
    assert not whole.next_page_token
    findings: list[v1.Finding] = []
    client.each("findings", findings.append, investigation_id, page_size=7)
    assert findings == list(whole.findings)
    severe: list[v1.Finding] = []
    client.each("findings", severe.append, investigation_id, min_severity=v1.SEVERITY_HIGH)
    assert 0 < len(severe) < len(findings)
    assert {finding.severity for finding in severe} <= {v1.SEVERITY_HIGH, v1.SEVERITY_CRITICAL}

    report = client.call("get_investigation_report", investigation_id, format="html", language="en")
    assert report.content_type.startswith("text/html")
    assert investigation_id in report.report_content


def test_a_request_id_makes_one_job(server: Server, connect: Connect) -> None:
    client = connect(server.address)
    request_id = str(uuid.uuid4())
    filters = v1.ContractFilters(min_value=1e6, modalidades=[v1.MODALITY_DISPENSA_LICITACAO])
    first = client.call("start_investigation", "dispensas", filters=filters, request_id=request_id)
    assert first.filters == filters
    again = client.call("start_investigation", "dispensas", filters=filters, request_id=request_id)
    assert again.investigation_id == first.investigation_id
    with pytest.raises(errors.AlreadyExists) as reused:
        client.call("start_investigation", "convites", request_id=request_id)
    assert reused.value.reason == "REQUEST_ID_REUSED"
    other = client.call("start_investigation", "dispensas", filters=filters)
    assert other.investigation_id != first.investigation_id

    for investigation in (other, first):
        cancelled = client.call("cancel_investigation", investigation.investigation_id)
        assert cancelled.investigation_id == investigation.investigation_id
    assert client.call("get_investigation", first.investigation_id).query == "dispensas"
    listed: list[str] = []
    client.each("investigations", lambda item: listed.append(item.investigation_id), page_size=1)
    assert listed[:2] == [other.investigation_id, first.investigation_id], "newest first"
    page = client.call("list_investigations", page_size=1)
    assert [item.investigation_id for item in page.investigations] == listed[:1]


def test_a_batch_has_a_result_for_each_request(server: Server, connect: Connect) -> None:
    client = connect(server.address)
    requests = [v1.StartInvestigationRequest(query="dispensas"), v1.StartInvestigationRequest(query="")]
    started, refused = client.call("batch_start_investigations", requests)
    assert started.query == "dispensas"
    assert len(started.request_id) == 36
    assert isinstance(refused, errors.InvalidArgument)
    assert [violation.field for violation in refused.field_violations] == ["query"]
    assert not requests[0].request_id, "the request of the caller is as it was"

    followed: list[v1.WatchInvestigationsResponse] = []

    class CaughtUp(Exception):
        pass

    def follow(message: v1.WatchInvestigationsResponse) -> None:
        followed.append(message)
        if message.caught_up:
            raise CaughtUp

    begun = started.create_time.ToDatetime(timezone.utc)
    with pytest.raises(CaughtUp):
        client.each("watch_investigations", follow, ended_after=begun)
    client.call("cancel_investigation", started.investigation_id)
    assert started.investigation_id in {message.investigation.investigation_id for message in followed}


def test_an_analysis(server: Server, connect: Connect) -> None:
    client = connect(server.address)
    period = v1.TimeRange(start_date="2024-01-01", end_date="2024-12-31")
    analysis = client.call("start_analysis", v1.ANALYSIS_TYPE_SPENDING_TRENDS, time_range=period)
    events: list[v1.ProgressEvent] = []
    client.each("watch_analysis", events.append, analysis.analysis_id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    client.each("watch_analysis", events.append, analysis.analysis_id, after_sequence=events[-1].sequence)
    assert events[-1].kind == v1.EVENT_KIND_FINISHED
    assert client.call("get_analysis", analysis.analysis_id).status == v1.JOB_STATE_COMPLETED
    results = client.call("get_analysis_results", analysis.analysis_id)
    assert results.contracts > 0
    assert results.by_month


def test_contracts(server: Server, connect: Connect) -> None:
    client = connect(server.address)
    filters = v1.ContractFilters(min_value=5e5)
    page = client.call("search_contracts", filters=filters, page_size=10)
    assert len(page.contracts) == 10 < page.total_contracts
    contracts: list[v1.Contract] = []
    client.each("contracts", contracts.append, filters=filters, page_size=1000)
    assert len({contract.contract_id for contract in contracts}) == page.total_contracts
    assert contracts[:10] == list(page.contracts)
    assert client.first("contracts", filters=filters) == contracts[0]
    one = client.call("get_contract", contracts[0].contract_id)
    assert one.current_value == contracts[0].current_value


def test_health(server: Server, connect: Connect) -> None:
    client = connect(server.address)
    health = client.call("get_health")
    assert health.status == v1.HEALTH_STATE_HEALTHY
    assert health.version
    watched = client.first("watch_health")
    assert [part.name for part in watched.dependencies] == [part.name for part in health.dependencies]


def test_a_task_that_is_cancelled_leaves_its_stream(server: Server) -> None:
    async def follow() -> None:
        async with AsyncClient(server.address) as client:
            async for _ in client.watch_health():
                pass

    begun = time.monotonic()
    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(asyncio.wait_for(follow(), 0.3))
    assert time.monotonic() - begun < 5, "it is not reopened"


@pytest.mark.parametrize("index", [0, 1])
def test_the_examples_of_the_readme_run(index: int, server: Server, tmp_path: Path) -> None:
    readme = (CLIENTS / "python" / "README.md").read_text()
    examples = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    script = tmp_path / "example.py"
    assert "http://localhost:50051" in examples[index]
    script.write_text(examples[index].replace("http://localhost:50051", server.address))
    done = subprocess.run([sys.executable, str(script)], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    if index == 0:
        assert any(line.startswith("100%") for line in lines), done.stdout
        assert lines[-1] == "['query']"
    else:
        assert lines[-1].endswith("reais"), done.stdout
