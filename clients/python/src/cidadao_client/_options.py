"""How to connect, who is asking, and how patiently."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import grpc

DEFAULT_TIMEOUT: Final = 30.0
"""Seconds that a call may take, its retries included, unless it says otherwise."""
LONG_TIMEOUT: Final = 120.0
"""The same for what reads much: reports, results and searches."""

# Findings carry their evidence: a page of a thousand is larger than the 4 MiB that gRPC expects.
_MAX_MESSAGE_BYTES: Final = 64 << 20
# A server that was away is found again soon: gRPC by itself waits up to two minutes between tries.
_CHANNEL_OPTIONS: Final[tuple[tuple[str, int | str], ...]] = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A peer that vanished without a word is noticed while a stream waits for its next event.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Retries are made here, where their number is bounded for the whole call.
    ("grpc.enable_retries", 0),
    ("grpc.primary_user_agent", "cidadao-client-python"),
)


@dataclass(frozen=True)
class ApiKey:
    """An API key, sent as metadata ``x-api-key``."""

    key: str = field(repr=False)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What is sent with each call."""
        return (("x-api-key", self.key),)


@dataclass(frozen=True)
class BearerToken:
    """A bearer token, sent as metadata ``authorization``."""

    token: str | Callable[[], str] = field(repr=False)
    """The token, or a function that gives the current one: it is asked before each attempt of a call."""

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What is sent with each call."""
        token = self.token if isinstance(self.token, str) else self.token()
        return (("authorization", f"Bearer {token}"),)


Credentials = ApiKey | BearerToken


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how slowly to try again what was not available."""

    attempts: int = 8
    """Times that a call is tried at most; 1 means no retries."""
    reconnects: int = 30
    """Times in a row that a stream is reopened without anything coming out of it, before it is given up."""
    initial_delay: float = 0.1
    """Seconds before the first retry."""
    multiplier: float = 2.0
    """Growth of the delay from one retry to the next."""
    max_delay: float = 5.0
    """Seconds that the delay grows to at most; a longer delay that the server asks for is kept to."""

    def delay(self, failures: int, asked: float | None) -> float:
        """Seconds to wait after this many failures in a row, of which the server asked for `asked`.

        The delay is spread at random, so that clients that lost the same server do not return together.
        """
        # Beyond a thousand doublings a float overflows; the limit has been reached long before.
        grown = min(self.max_delay, self.initial_delay * self.multiplier ** min(failures - 1, 64))
        return max(grown * random.uniform(0.5, 1.0), (asked or 0.0) * random.uniform(1.0, 1.2))


@dataclass(frozen=True)
class Endpoint:
    """Where a server listens, read from ``http://host:port`` or ``https://host:port``."""

    target: str
    options: tuple[tuple[str, int | str], ...]
    tls: grpc.ChannelCredentials | None

    @classmethod
    def parse(cls, address: str, ca: bytes | None) -> Endpoint:
        """Reads an address; ValueError says what is wrong with it."""
        url = urlsplit(address)
        if url.scheme not in ("http", "https") or not url.hostname or url.path not in ("", "/") or url.query:
            raise ValueError(f"address must be http://host:port or https://host:port, got {address!r}")
        if url.scheme == "http" and ca is not None:
            raise ValueError("a certificate authority needs an https:// address")
        host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
        port = url.port or (443 if url.scheme == "https" else 80)
        tls = grpc.ssl_channel_credentials(ca) if url.scheme == "https" else None
        return cls(f"{host}:{port}", _CHANNEL_OPTIONS, tls)
