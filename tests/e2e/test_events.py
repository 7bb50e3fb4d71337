"""The events of a running investigation, as curl shows them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import httpx
import pytest

from conftest import FEW_DETECTORS, Guarded, require


@dataclass
class Event:
    """One event of a stream, and when it came."""

    id: int | None
    name: str
    data: dict[str, Any]
    at: float


@contextmanager
def curl(guarded: Guarded, path: str, *arguments: str) -> Iterator[IO[str]]:
    """The output of `curl -N`, which is ended with the block."""
    require(shutil.which("curl") is not None, "curl")
    command = ["curl", "-sSN", "--fail-with-body", "-H", f"X-API-Key: {guarded.key}", *arguments]
    process = subprocess.Popen([*command, guarded.server.http + path], stdout=subprocess.PIPE, text=True, bufsize=1)
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def events(lines: IO[str]) -> Iterator[Event]:
    """Parses Server-Sent Events as the HTML standard says; signs of life are comments."""
    fields: dict[str, str] = {}
    for line in lines:
        text = line.rstrip("\n")
        if text and not text.startswith(":"):
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
        elif not text and "data" in fields:
            last = fields.get("id")
            yield Event(
                int(last) if last else None,
                fields.get("event", "message"),
                json.loads(fields["data"]),
                time.monotonic(),
            )
            fields = {}


def start(client: httpx.Client) -> str:
    response = client.post("/api/v1/investigations/start", json=FEW_DETECTORS)
    assert response.status_code == 200, response.text
    return f"/api/v1/investigations/{response.json()['investigation_id']}"


def whole(seen: list[Event]) -> None:
    """Checks that nothing is missing or doubled, from the first event to the last."""
    assert [event.id for event in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].name == "finished"
    for event in seen:
        assert int(event.data["sequence"]) == event.id


def test_curl_shows_events_as_they_happen(guarded: Guarded, key_client: httpx.Client) -> None:
    path = start(key_client)
    seen: list[Event] = []
    state_when_first = None
    with curl(guarded, f"{path}/events") as output:
        for event in events(output):
            seen.append(event)
            if state_when_first is None:
                state_when_first = key_client.get(f"{path}/status").json()["status"]
    whole(seen)
    assert state_when_first in ("pending", "running"), "the first event came when all was over"
    # They are as far apart here as they were there: nothing holds them back on the way.
    happened = [seconds_of(event.data["event_time"]) for event in seen]
    took_there, took_here = happened[-1] - happened[0], seen[-1].at - seen[0].at
    assert took_here > took_there / 2, f"{took_there:.2f} s of events came within {took_here:.2f} s"


def seconds_of(text: str) -> float:
    """Seconds of an RFC 3339 time, of which protobuf writes 0, 3, 6 or 9 digits."""
    whole_seconds, _, rest = text.removesuffix("Z").partition(".")
    parsed = time.strptime(whole_seconds, "%Y-%m-%dT%H:%M:%S")
    return time.mktime(parsed) + float(f"0.{rest or 0}")


@pytest.mark.parametrize("how", ["header", "query"])
def test_reconnecting_misses_none_and_doubles_none(guarded: Guarded, key_client: httpx.Client, how: str) -> None:
    path = start(key_client)
    seen: list[Event] = []
    while not seen or seen[-1].name != "finished":
        last = seen[-1].id if seen else 0
        if how == "header":
            stream = curl(guarded, f"{path}/events", *(("-H", f"Last-Event-ID: {last}") if seen else ()))
        else:
            stream = curl(guarded, f"{path}/events?after_sequence={last}")
        with stream as output:
            # Hangs up after two events, again and again.
            for event in events(output):
                seen.append(event)
                if len(seen) % 2 == 0:
                    break
        assert seen, "the stream brought nothing"
        assert seen[-1].id != last, "the stream brought nothing"
    whole(seen)


def test_events_go_on_after_the_server_was_killed(guarded: Guarded, key_client: httpx.Client) -> None:
    path = start(key_client)
    seen: list[Event] = []
    for signal_at in (4, 6, None):
        last = ("-H", f"Last-Event-ID: {seen[-1].id}") if seen else ()
        with curl(guarded, f"{path}/events", *last) as output:
            for event in events(output):
                seen.append(event)
                if event.id == signal_at:
                    guarded.server.restart(signal.SIGKILL if signal_at == 4 else signal.SIGTERM)
                    # What else had come over the old connection is asked for again.
                    break
    whole(seen)
    assert key_client.get(f"{path}/status").json()["attempt"] >= 2, "the kill did not come in the middle"


def test_lines_of_json(guarded: Guarded, key_client: httpx.Client) -> None:
    path = start(key_client)
    with curl(guarded, f"{path}/events", "-H", "Accept: application/x-ndjson") as output:
        # Empty ones are signs of life.
        lines = [json.loads(line)["result"] for line in output if line.strip()]
    assert [int(line["sequence"]) for line in lines] == list(range(1, len(lines) + 1))
    assert lines[-1]["kind"] == "finished"
    with curl(guarded, f"{path}/events") as output:
        assert [event.data for event in events(output)] == lines


def test_a_sequence_that_the_log_has_not_reached(guarded: Guarded, key_client: httpx.Client) -> None:
    path = start(key_client)
    with curl(guarded, f"{path}/events", "-H", "Last-Event-ID: 1000000") as output:
        problem = json.loads(output.read())
    assert problem["status"] == 400, problem


@pytest.fixture(scope="module")
def key_client(guarded: Guarded) -> Iterator[httpx.Client]:
    """The same caller as curl's."""
    with httpx.Client(base_url=guarded.server.http, timeout=30, headers=guarded.headers) as client:
        yield client
