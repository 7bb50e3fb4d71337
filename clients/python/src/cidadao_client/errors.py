"""What a call may raise: one class for each kind of refusal, with the details that the server gave."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

# Trailer in which gRPC sends google.rpc.Status.
_DETAILS_KEY = "grpc-status-details-bin"


class CidadaoError(Exception):
    """Everything that this package raises by itself."""


class SequenceError(CidadaoError):
    """A stream of events left one out or repeated one: its log is not to be trusted.

    It is never healed by asking again, because what was delivered may be wrong already.
    """

    def __init__(self, expected: int, received: int) -> None:
        """The sequence that had to come and the one that came."""
        super().__init__(f"event {received} came where event {expected} was due")
        self.expected: Final = expected
        self.received: Final = received


@dataclass(frozen=True)
class FieldViolation:
    """A field of a request that breaks a rule."""

    field: str
    """Path of the field, for example ``filters.min_value``."""
    description: str
    """The rule, and the value that broke it."""


class RpcError(CidadaoError):
    """The status that a call ended with. Its subclasses say which kind it is."""

    def __init__(self, code: grpc.StatusCode, message: str, details: list[Message] | None = None) -> None:
        """A status in parts; `details` are messages of google.rpc, each kind at most once."""
        super().__init__(message)
        self.code: Final = code
        """The gRPC status code."""
        self.message: Final = message
        """What happened, in words."""
        self.reason: str = ""
        """Stable reason in UPPER_SNAKE_CASE, for example ``INVESTIGATION_NOT_FOUND``; empty if none came."""
        self.domain: str = ""
        """Who defines the reason: ``cidadao.ai``."""
        self.metadata: Mapping[str, str] = {}
        """Everything variable in the message, by name."""
        self.field_violations: tuple[FieldViolation, ...] = ()
        """Fields that break a rule."""
        self.retry_delay: float | None = None
        """Seconds after which to try again; None if the server did not say."""
        self.request_id: str = ""
        """Id under which the server logged the cause of an internal error."""
        for detail in details or ():
            match detail:
                case error_details_pb2.ErrorInfo():
                    self.reason, self.domain, self.metadata = detail.reason, detail.domain, dict(detail.metadata)
                case error_details_pb2.BadRequest():
                    self.field_violations = tuple(
                        FieldViolation(violation.field, violation.description) for violation in detail.field_violations
                    )
                case error_details_pb2.RetryInfo():
                    self.retry_delay = detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9
                case error_details_pb2.RequestInfo():
                    self.request_id = detail.request_id

    def __str__(self) -> str:
        """The code, the message, and each field that broke a rule."""
        lines = [f"{self.code.name}: {self.message}"]
        lines += [f"  {violation.field}: {violation.description}" for violation in self.field_violations]
        return "\n".join(lines)


class InvalidArgument(RpcError):
    """The request breaks rules; `field_violations` names each field."""


class NotFound(RpcError):
    """There is nothing with this id."""


class AlreadyExists(RpcError):
    """The request id was used for another request."""


class FailedPrecondition(RpcError):
    """Not in this state: the job has not ended yet, or not with what is asked for."""


class OutOfRange(RpcError):
    """A sequence that the log has not reached."""


class Unauthenticated(RpcError):
    """No credentials, or none that are known."""


class PermissionDenied(RpcError):
    """The credentials do not allow this call."""


class ResourceExhausted(RpcError):
    """Too many calls, or too large a message."""


class Aborted(RpcError):
    """Another call was in the way."""


class Unavailable(RpcError):
    """The server cannot be reached or cannot work now; try again after `retry_delay`."""


class DeadlineExceeded(RpcError):
    """The time of the call ran out; whether it had an effect is not known."""


class Cancelled(RpcError):
    """The call was given up, here or on the way."""


class Unimplemented(RpcError):
    """The server does not know this call: it is older than this client."""


class Internal(RpcError):
    """A defect; the log of the server has its cause under `request_id`."""


_KINDS: Final[Mapping[grpc.StatusCode, type[RpcError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.OUT_OF_RANGE: OutOfRange,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
    grpc.StatusCode.INTERNAL: Internal,
    grpc.StatusCode.UNKNOWN: Internal,
    grpc.StatusCode.DATA_LOSS: Internal,
}

# What is worth reopening a stream for: a server that stops, a connection that was cut, whatever stands
# in between. A defect is among them because another replica may not have it.
RESUMABLE: Final = (Unavailable, Internal, Aborted, Cancelled)


def of_status(code: grpc.StatusCode, message: str, details: list[Message] | None = None) -> RpcError:
    """The error of the class that goes with a code."""
    return _KINDS.get(code, RpcError)(code, message, details)


def of_call(error: grpc.RpcError) -> RpcError:
    """The typed error for what grpc raised."""
    call = cast(grpc.Call, error)
    details: list[Message] = []
    for key, value in call.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            with suppress(DecodeError):
                details = _unpack(status_pb2.Status.FromString(value))
    return of_status(call.code(), call.details() or "", details)


def of_message(status: status_pb2.Status) -> RpcError:
    """The typed error for a google.rpc.Status, as answers that hold several results carry it."""
    code = next((code for code in grpc.StatusCode if code.value[0] == status.code), grpc.StatusCode.UNKNOWN)
    return of_status(code, status.message, _unpack(status))


def _unpack(status: status_pb2.Status) -> list[Message]:
    """The details that are known here; others, and what cannot be read, are left out: the code stands."""
    found: list[Message] = []
    for detail in status.details:
        for kind in (
            error_details_pb2.ErrorInfo,
            error_details_pb2.BadRequest,
            error_details_pb2.RetryInfo,
            error_details_pb2.RequestInfo,
        ):
            message = kind()
            with suppress(DecodeError):
                if detail.Unpack(message):
                    found.append(message)
    return found
