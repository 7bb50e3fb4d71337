"""A server that follows a script: it does on purpose what the real one must never do."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from cidadao_client import v1
from cidadao_client.v1 import investigation_service_pb2_grpc as service

_KINDS = {
    "heartbeat": v1.EVENT_KIND_HEARTBEAT,
    "finished": v1.EVENT_KIND_FINISHED,
    "progress": v1.EVENT_KIND_PROGRESS,
}


def event_of(text: str) -> v1.ProgressEvent:
    """The event that `3`, `heartbeat 3` or `finished 3` stands for in the conformance file."""
    kind, _, sequence = text.rpartition(" ")
    return v1.ProgressEvent(sequence=int(sequence), kind=_KINDS[kind or "progress"])


def text_of(event: v1.ProgressEvent) -> str:
    name = next(name for name, kind in _KINDS.items() if kind == event.kind)
    return str(event.sequence) if name == "progress" else f"{name} {event.sequence}"


class ScriptedServer(service.InvestigationServiceServicer):
    """Plays `streams` to watchers and `answers` to starts, one after another, and keeps what it was asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.streams: list[dict[str, Any]] = []
        self.job = v1.Investigation()
        self.answers: list[str] = []
        self.retry_seconds: float | None = None
        self.after: list[int] = []
        self.starts: list[v1.StartInvestigationRequest] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self._released = threading.Event()
        self._server = grpc.server(ThreadPoolExecutor(4))
        service.add_InvestigationServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"http://127.0.0.1:{self.port}"

    def with_tls(self) -> bytes:
        """Listens with TLS too, as `https://localhost`; gives the certificate to trust."""
        key, certificate = self.directory / "key.pem", self.directory / "certificate.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
                *("-keyout", str(key), "-out", str(certificate), "-days", "2"),
                *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            ],
            check=True,
            capture_output=True,
        )
        pair = (key.read_bytes(), certificate.read_bytes())
        port = self._server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
        self.address = f"https://localhost:{port}"
        return pair[1]

    def __enter__(self) -> ScriptedServer:
        self._server.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._released.set()
        self._server.stop(None).wait()

    def StartInvestigation(self, request: v1.StartInvestigationRequest, context: Any) -> v1.Investigation:
        self.metadata.append({item.key: item.value for item in context.invocation_metadata()})
        # The last answer is given again and again.
        answer = self.answers[min(len(self.starts), len(self.answers) - 1)]
        self.starts.append(request)
        if answer == "HANG":
            self._released.wait(10)
        elif answer != "OK":
            self._refuse(context, answer)
        return v1.Investigation(investigation_id="1", request_id=request.request_id)

    def GetInvestigation(self, request: v1.GetInvestigationRequest, context: Any) -> v1.Investigation:  # noqa: ARG002
        return self.job

    def WatchInvestigation(self, request: v1.WatchInvestigationRequest, context: Any) -> Iterator[v1.ProgressEvent]:
        self.after.append(request.after_sequence)
        if len(self.after) > len(self.streams):
            self._refuse(context, "FAILED_PRECONDITION")
        stream = self.streams[len(self.after) - 1]
        for text in stream["send"]:
            yield event_of(text)
        if stream["end"] != "OK":
            self._refuse(context, stream["end"])

    def _refuse(self, context: Any, code: str) -> NoReturn:
        details = [error_details_pb2.ErrorInfo(reason="SCRIPTED", domain="cidadao.ai")]
        if self.retry_seconds is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromMilliseconds(int(self.retry_seconds * 1000))
            details.append(retry)
        status = status_pb2.Status(code=getattr(grpc.StatusCode, code).value[0], message="as the script says")
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(getattr(grpc.StatusCode, code), status.message)
        raise AssertionError("abort raises")
