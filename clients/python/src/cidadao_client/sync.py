"""The client that blocks. Generated from aio.py by clients/generate.sh: edit that one."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, TypeVar

import grpc

from . import errors, v1
from ._options import DEFAULT_TIMEOUT, LONG_TIMEOUT, Credentials, Endpoint, RetryPolicy
from ._progress import Progress
from .v1.analysis_service_pb2_grpc import AnalysisServiceStub
from .v1.contract_service_pb2_grpc import ContractServiceStub
from .v1.detector_service_pb2_grpc import DetectorServiceStub
from .v1.health_service_pb2_grpc import HealthServiceStub
from .v1.investigation_service_pb2_grpc import InvestigationServiceStub

_Answer = TypeVar("_Answer")
_Item = TypeVar("_Item")


class _Page(Protocol):
    """An answer that is one page of many."""

    next_page_token: str


_PageT = TypeVar("_PageT", bound=_Page)


class Client:
    """A connection to a server, made when it is first needed and again when it was lost.

    Every call may raise a subclass of :class:`errors.RpcError`. A call that finds the server unavailable
    is tried again within its timeout, which covers all attempts together; that is safe for each of them,
    starts included: they carry a request id, under which the server makes one job and no second one.

    Safe to be shared by any number of threads.
    """

    def __init__(
        self,
        address: str,
        *,
        credentials: Credentials | None = None,
        ca: bytes | None = None,
        retry: RetryPolicy | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        long_timeout: float = LONG_TIMEOUT,
    ) -> None:
        """Prepares a connection; nothing is sent yet.

        :param address: ``http://host:port``, or ``https://host:port`` for TLS.
        :param credentials: an API key or a bearer token. They are sent as they are: use TLS beyond loopback.
        :param ca: certificate authorities to trust in place of the usual ones, as PEM.
        :param retry: how often and how slowly to try again.
        :param timeout: seconds that a call may take, unless it says otherwise.
        :param long_timeout: the same for reports, results and searches.
        :raises ValueError: if the address is malformed, or `ca` is given without TLS.
        """
        endpoint = Endpoint.parse(address, ca)
        if endpoint.tls is None:
            self._channel = grpc.insecure_channel(endpoint.target, endpoint.options)
        else:
            self._channel = grpc.secure_channel(endpoint.target, endpoint.tls, endpoint.options)
        self._credentials = credentials
        self._retry = retry or RetryPolicy()
        self._timeout = timeout
        self._long_timeout = long_timeout
        self._closed = False
        self._investigations = InvestigationServiceStub(self._channel)
        self._analyses = AnalysisServiceStub(self._channel)
        self._contracts = ContractServiceStub(self._channel)
        self._detectors = DetectorServiceStub(self._channel)
        self._health = HealthServiceStub(self._channel)

    def __enter__(self) -> Client:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connection."""
        self.close()

    def close(self) -> None:
        """Closes the connection; calls under way end with :class:`errors.Cancelled`."""
        self._closed = True
        self._channel.close()

    # Investigations

    def start_investigation(
        self,
        query: str,
        *,
        investigation_type: v1.InvestigationType.ValueType = v1.INVESTIGATION_TYPE_UNSPECIFIED,
        filters: v1.ContractFilters | None = None,
        options: v1.InvestigationOptions | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.Investigation:
        """Stores an investigation and answers at once; the work runs behind it.

        :param query: the question in Portuguese, 1 to 2,000 characters.
        :param investigation_type: which detectors to run; all of them if not given.
        :param filters: conditions on the contracts; they win over what the query says.
        :param options: what to run and to write.
        :param request_id: a UUID: the same id and content give the same investigation. Made here if not
            given; give one to be able to ask again after this process was lost.
        :param timeout: seconds, all attempts included.
        :raises errors.InvalidArgument: with `field_violations`.
        :raises errors.AlreadyExists: if `request_id` was used for another request.
        """
        request = v1.StartInvestigationRequest(
            query=query,
            investigation_type=investigation_type,
            filters=filters,
            options=options,
            request_id=request_id or str(uuid.uuid4()),
        )
        return self._call(self._investigations.StartInvestigation, request, timeout)

    def batch_start_investigations(
        self, requests: Sequence[v1.StartInvestigationRequest], *, timeout: float | None = None
    ) -> list[v1.Investigation | errors.RpcError]:
        """Starts up to 100 investigations; gives for each, in order, the investigation or why it was refused.

        :param requests: a request without `request_id` gets one, in a copy.
        :raises errors.InvalidArgument: if there are none, or too many.
        """
        identified = []
        for request in requests:
            copy = v1.StartInvestigationRequest()
            copy.CopyFrom(request)
            copy.request_id = request.request_id or str(uuid.uuid4())
            identified.append(copy)
        batch = v1.BatchStartInvestigationsRequest(requests=identified)
        answer = self._call(self._investigations.BatchStartInvestigations, batch, timeout, long=True)
        return [
            errors.of_message(result.error) if result.HasField("error") else result.investigation
            for result in answer.results
        ]

    def get_investigation(self, investigation_id: str, *, timeout: float | None = None) -> v1.Investigation:
        """Reads the state of an investigation. :class:`errors.NotFound` if there is none with this id."""
        request = v1.GetInvestigationRequest(investigation_id=investigation_id)
        return self._call(self._investigations.GetInvestigation, request, timeout)

    def list_investigations(
        self,
        *,
        status: v1.JobState.ValueType = v1.JOB_STATE_UNSPECIFIED,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> v1.ListInvestigationsResponse:
        """Reads one page of investigations, newest first; :meth:`investigations` reads them all.

        :param status: only those in this state.
        :param page_size: 1 to 1,000; 50 if zero.
        :param page_token: `next_page_token` of the page before.
        """
        request = v1.ListInvestigationsRequest(status=status, page_size=page_size, page_token=page_token)
        return self._call(self._investigations.ListInvestigations, request, timeout)

    def investigations(
        self, *, status: v1.JobState.ValueType = v1.JOB_STATE_UNSPECIFIED, page_size: int = 0
    ) -> Generator[v1.Investigation, None, None]:
        """Every investigation, newest first, read page by page as they are asked for."""

        def read(token: str) -> v1.ListInvestigationsResponse:
            return self.list_investigations(status=status, page_size=page_size, page_token=token)

        return self._items(read, lambda page: page.investigations)

    def cancel_investigation(self, investigation_id: str, *, timeout: float | None = None) -> v1.Investigation:
        """Asks an investigation to stop. Asking again, or for one that has ended, changes nothing."""
        request = v1.CancelInvestigationRequest(investigation_id=investigation_id)
        return self._call(self._investigations.CancelInvestigation, request, timeout)

    def watch_investigation(
        self, investigation_id: str, *, after_sequence: int = 0, heartbeats: bool = False
    ) -> Generator[v1.ProgressEvent, None, None]:
        """Every event of an investigation after a sequence, each once and in order, to the last one.

        A connection that breaks, or a server that stops, is waited for, and the stream goes on where it
        was. A loop that is left early ends the stream.

        :param after_sequence: last sequence already seen; 0 replays from the start.
        :param heartbeats: hand over the server's signs of life too; they repeat the sequence before them.
        :raises errors.NotFound: if there is no investigation with this id.
        :raises errors.OutOfRange: if `after_sequence` is ahead of the log.
        :raises errors.SequenceError: if an event is missing or comes twice.
        :raises errors.RpcError: what the last of `RetryPolicy.reconnects` tries in a row ended with.
        """
        progress = Progress(after_sequence)

        def open_stream() -> Any:
            request = v1.WatchInvestigationRequest(investigation_id=investigation_id, after_sequence=progress.sequence)
            return self._investigations.WatchInvestigation(request, metadata=self._metadata())

        def is_end() -> bool:
            return progress.is_end_of(self.get_investigation(investigation_id))

        return self._events(open_stream, is_end, progress, heartbeats)

    def watch_investigations(
        self,
        *,
        status: Sequence[v1.JobState.ValueType] = (),
        investigation_type: v1.InvestigationType.ValueType = v1.INVESTIGATION_TYPE_UNSPECIFIED,
        ended_after: datetime | None = None,
        heartbeats: bool = False,
    ) -> Generator[v1.WatchInvestigationsResponse, None, None]:
        """All investigations of the caller as they are, then each again whenever it changes, without end.

        A stream that breaks is reopened where it was: those that are active come again, with their
        latest state, and so does `caught_up`.

        :param status: only those in one of these states; empty means all.
        :param investigation_type: only those of this type.
        :param ended_after: also those that ended after this time, at most 30 days ago; with a time zone.
        :param heartbeats: hand over the server's signs of life too.
        :raises errors.RpcError: what the last of `RetryPolicy.reconnects` tries in a row ended with.
        """
        request = v1.WatchInvestigationsRequest(status=status, investigation_type=investigation_type)
        if ended_after is not None:
            request.ended_after.FromDatetime(ended_after)

        def open_stream() -> Any:
            return self._investigations.WatchInvestigations(request, metadata=self._metadata())

        def accept(message: v1.WatchInvestigationsResponse) -> bool:
            if message.HasField("event_time"):
                request.ended_after.CopyFrom(message.event_time)
            return heartbeats or not message.heartbeat

        return self._chosen(self._messages(open_stream), accept)

    def get_investigation_results(
        self,
        investigation_id: str,
        *,
        min_severity: v1.Severity.ValueType = v1.SEVERITY_UNSPECIFIED,
        types: Sequence[str] = (),
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> v1.GetInvestigationResultsResponse:
        """Reads the summary and one page of findings, most severe first; :meth:`findings` reads them all.

        :param min_severity: only findings of at least this severity.
        :param types: only findings of these detectors.
        :param page_size: 1 to 1,000; 100 if zero.
        :param page_token: `next_page_token` of the page before.
        :raises errors.FailedPrecondition: until the investigation has ended.
        """
        request = v1.GetInvestigationResultsRequest(
            investigation_id=investigation_id,
            min_severity=min_severity,
            types=types,
            page_size=page_size,
            page_token=page_token,
        )
        return self._call(self._investigations.GetInvestigationResults, request, timeout, long=True)

    def findings(
        self,
        investigation_id: str,
        *,
        min_severity: v1.Severity.ValueType = v1.SEVERITY_UNSPECIFIED,
        types: Sequence[str] = (),
        page_size: int = 0,
    ) -> Generator[v1.Finding, None, None]:
        """Every finding, most severe first, read page by page as they are asked for.

        Parameters and errors are those of :meth:`get_investigation_results`.
        """

        def read(token: str) -> v1.GetInvestigationResultsResponse:
            return self.get_investigation_results(
                investigation_id, min_severity=min_severity, types=types, page_size=page_size, page_token=token
            )

        return self._items(read, lambda page: page.findings)

    def get_investigation_report(
        self, investigation_id: str, *, format: str = "", language: str = "", timeout: float | None = None
    ) -> v1.InvestigationReport:
        """Renders the report.

        :param format: ``md`` (default), ``html``, ``json`` or ``csv``.
        :param language: ``pt`` (default) or ``en``.
        :raises errors.FailedPrecondition: until the investigation has completed.
        """
        request = v1.GetInvestigationReportRequest(investigation_id=investigation_id, format=format, language=language)
        return self._call(self._investigations.GetInvestigationReport, request, timeout, long=True)

    # Analyses

    def start_analysis(
        self,
        analysis_type: v1.AnalysisType.ValueType,
        *,
        data_source: v1.DataSource.ValueType = v1.DATA_SOURCE_UNSPECIFIED,
        time_range: v1.TimeRange | None = None,
        filters: v1.ContractFilters | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> v1.StartAnalysisResponse:
        """Stores an analysis and answers at once; the work runs behind it.

        :param analysis_type: what to compute.
        :param data_source: what to read; contracts if not given.
        :param time_range: days of signature.
        :param filters: conditions on the contracts.
        :param request_id: as in :meth:`start_investigation`.
        :param timeout: seconds, all attempts included.
        :raises errors.InvalidArgument: with `field_violations`.
        :raises errors.AlreadyExists: if `request_id` was used for another request.
        """
        request = v1.StartAnalysisRequest(
            analysis_type=analysis_type,
            data_source=data_source,
            time_range=time_range,
            filters=filters,
            request_id=request_id or str(uuid.uuid4()),
        )
        return self._call(self._analyses.StartAnalysis, request, timeout)

    def get_analysis(self, analysis_id: str, *, timeout: float | None = None) -> v1.Analysis:
        """Reads the state of an analysis. :class:`errors.NotFound` if there is none with this id."""
        return self._call(self._analyses.GetAnalysis, v1.GetAnalysisRequest(analysis_id=analysis_id), timeout)

    def watch_analysis(
        self, analysis_id: str, *, after_sequence: int = 0, heartbeats: bool = False
    ) -> Generator[v1.ProgressEvent, None, None]:
        """Every event of an analysis, as :meth:`watch_investigation` gives those of an investigation."""
        progress = Progress(after_sequence)

        def open_stream() -> Any:
            request = v1.WatchAnalysisRequest(analysis_id=analysis_id, after_sequence=progress.sequence)
            return self._analyses.WatchAnalysis(request, metadata=self._metadata())

        def is_end() -> bool:
            return progress.is_end_of(self.get_analysis(analysis_id))

        return self._events(open_stream, is_end, progress, heartbeats)

    def get_analysis_results(self, analysis_id: str, *, timeout: float | None = None) -> v1.AnalysisResults:
        """Reads the figures. :class:`errors.FailedPrecondition` until the analysis has completed."""
        request = v1.GetAnalysisResultsRequest(analysis_id=analysis_id)
        return self._call(self._analyses.GetAnalysisResults, request, timeout, long=True)

    # Findings

    def review_finding(
        self, finding_id: str, state: v1.ReviewState.ValueType, reason: str = "", *, timeout: float | None = None
    ) -> v1.FindingReview:
        """Says what became of a finding that was checked; kept by its id, whatever the run.

        :param state: what is said of it.
        :param reason: why; required for `REVIEW_STATE_DISMISSED`.
        :raises errors.NotFound: if no completed investigation of the caller has made it.
        """
        request = v1.ReviewFindingRequest(finding_id=finding_id, state=state, reason=reason)
        return self._call(self._investigations.ReviewFinding, request, timeout)

    def explain_finding(self, finding_id: str, *, timeout: float | None = None) -> v1.FindingExplanation:
        """Computes a finding once more, from the version of the lake that it was made on."""
        request = v1.ExplainFindingRequest(finding_id=finding_id)
        return self._call(self._investigations.ExplainFinding, request, timeout, long=True)

    # Contracts

    def search_contracts(
        self,
        query: str = "",
        *,
        filters: v1.ContractFilters | None = None,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> v1.SearchContractsResponse:
        """Reads one page of contracts, by value from the largest; :meth:`contracts` reads them all.

        :param query: words that the object must hold, case and accents folded; at most 200 characters.
        :param filters: conditions on the contracts.
        :param page_size: 1 to 1,000; 50 if zero.
        :param page_token: `next_page_token` of the page before.
        """
        request = v1.SearchContractsRequest(query=query, filters=filters, page_size=page_size, page_token=page_token)
        return self._call(self._contracts.SearchContracts, request, timeout, long=True)

    def contracts(
        self, query: str = "", *, filters: v1.ContractFilters | None = None, page_size: int = 0
    ) -> Generator[v1.Contract, None, None]:
        """Every contract that matches, by value from the largest, read page by page as they are asked for."""

        def read(token: str) -> v1.SearchContractsResponse:
            return self.search_contracts(query, filters=filters, page_size=page_size, page_token=token)

        return self._items(read, lambda page: page.contracts)

    def get_contract(self, contract_id: str, *, timeout: float | None = None) -> v1.Contract:
        """Reads a contract with its items and amendments. :class:`errors.NotFound` if there is none."""
        return self._call(self._contracts.GetContract, v1.GetContractRequest(contract_id=contract_id), timeout)

    # Detectors

    def list_detectors(
        self, *, page_size: int = 0, page_token: str = "", timeout: float | None = None
    ) -> v1.ListDetectorsResponse:
        """Reads one page of the catalogue of detectors, in the order in which they run; :meth:`detectors` reads it all.

        :param page_size: 1 to 1,000; 50 if zero.
        :param page_token: `next_page_token` of the page before.
        """
        request = v1.ListDetectorsRequest(page_size=page_size, page_token=page_token)
        return self._call(self._detectors.ListDetectors, request, timeout)

    def detectors(self, *, page_size: int = 0) -> Generator[v1.Detector, None, None]:
        """Every detector, in the order in which they run, read page by page as they are asked for."""

        def read(token: str) -> v1.ListDetectorsResponse:
            return self.list_detectors(page_size=page_size, page_token=token)

        return self._items(read, lambda page: page.detectors)

    def get_detector(self, detector_id: str, *, timeout: float | None = None) -> v1.Detector:
        """Reads what a detector means, rests on and counts. :class:`errors.NotFound` if there is none."""
        return self._call(self._detectors.GetDetector, v1.GetDetectorRequest(detector_id=detector_id), timeout)

    # Health

    def get_health(self, *, timeout: float | None = None) -> v1.Health:
        """Probes every dependency of the server and reports each."""
        return self._call(self._health.GetHealth, v1.GetHealthRequest(), timeout)

    def watch_health(self) -> Generator[v1.Health, None, None]:
        """The health of the server now, and again whenever it changes; reopened when it breaks, without end.

        :raises errors.RpcError: what the last of `RetryPolicy.reconnects` tries in a row ended with.
        """

        def open_stream() -> Any:
            return self._health.WatchHealth(v1.WatchHealthRequest(), metadata=self._metadata())

        return self._messages(open_stream)

    # How calls are made

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return self._credentials.metadata() if self._credentials else ()

    def _call(
        self, method: Callable[..., _Answer], request: Any, timeout: float | None, *, long: bool = False
    ) -> _Answer:
        """Makes a call, and again while the server is unavailable and there is time."""
        if timeout is None:
            timeout = self._long_timeout if long else self._timeout
        deadline = time.monotonic() + timeout
        failures = 0
        while True:
            try:
                left = max(0.0, deadline - time.monotonic())
                return method(request, timeout=left, metadata=self._metadata())
            except grpc.RpcError as raised:
                error = errors.of_call(raised)
                failures += 1
                delay = self._retry.delay(failures, error.retry_delay)
                again = isinstance(error, errors.Unavailable) and failures < self._retry.attempts
                if not again or time.monotonic() + delay >= deadline:
                    raise error from raised
            time.sleep(delay)

    def _items(
        self, read: Callable[[str], _PageT], items: Callable[[_PageT], Sequence[_Item]]
    ) -> Generator[_Item, None, None]:
        """The items of every page."""
        token = ""
        while True:
            page = read(token)
            for item in items(page):
                yield item
            token = page.next_page_token
            if not token:
                return

    def _events(
        self,
        open_stream: Callable[[], Any],
        is_end: Callable[[], bool],
        progress: Progress,
        heartbeats: bool,
    ) -> Generator[v1.ProgressEvent, None, None]:
        """The events of a job, over as many streams as it takes."""
        with closing(self._messages(open_stream, is_end)) as messages:
            for event in messages:
                progress.accept(event)
                if heartbeats or event.kind != v1.EVENT_KIND_HEARTBEAT:
                    yield event
                if progress.finished:
                    return

    def _chosen(
        self, messages: Generator[_Item, None, None], accept: Callable[[_Item], bool]
    ) -> Generator[_Item, None, None]:
        """The messages that are accepted."""
        with closing(messages):
            for message in messages:
                if accept(message):
                    yield message

    def _messages(
        self, open_stream: Callable[[], Any], is_end: Callable[[], bool] | None = None
    ) -> Generator[Any, None, None]:
        """The messages of a stream that is opened again whenever it breaks.

        `is_end` is asked when the server closes the stream without an error: it does so at the end of a
        log, but something on the way may do so at any time.
        """
        failures = 0
        while True:
            stream = open_stream()
            try:
                for message in stream:
                    failures = 0
                    yield message
                if is_end and is_end():
                    return
                error = errors.of_status(grpc.StatusCode.UNAVAILABLE, "the stream ended before its last message")
            except grpc.RpcError as raised:
                error = errors.of_call(raised)
                error.__cause__ = raised
            except errors.RpcError as raised:
                error = raised
            finally:
                stream.cancel()
            failures += 1
            if self._closed or failures > self._retry.reconnects or not isinstance(error, errors.RESUMABLE):
                raise error
            time.sleep(self._retry.delay(failures, error.retry_delay))
