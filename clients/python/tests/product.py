"""The real binary: found, fed with a sample, started, killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

CLIENTS = Path(__file__).resolve().parents[2]
# Rows of the sample: enough for an investigation to take half a second, so that a kill lands inside it.
ROWS = 5_000


def binary() -> Path:
    """The binary that CIDADAO_BIN names, or the one that `cargo build` leaves."""
    if named := os.environ.get("CIDADAO_BIN"):
        return Path(named).resolve()
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1", "--offline"]
    metadata = subprocess.run(command, cwd=CLIENTS.parent, check=True, capture_output=True).stdout
    return Path(json.loads(metadata)["target_directory"]) / "debug" / "cidadao"


def free_port() -> int:
    """A port below those that the system gives to connections (from 32,768): none takes it before a server does."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


class Server:
    """A server over a data directory of its own; it keeps its ports when it is started again."""

    def __init__(self, directory: Path, rows: int = ROWS, environment: Mapping[str, str] | None = None) -> None:
        """Takes in a sample of so many rows, but starts nothing yet."""
        self.data = directory / "data"
        self.port, self.http_port, self.metrics_port = (free_port() for _ in range(3))
        self.environment = {**os.environ, "CIDADAO_LOG": "warn", **(environment or {})}
        month = directory / "month"
        self.run("sample", "--rows", str(rows), "--seed", "1", "--out", str(month))
        self.run("import", str(month))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Runs another command over the same data directory and gives what it prints."""
        done = subprocess.run(
            self._command(*arguments), env=self.environment, input=stdin, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command(
                *("serve", "--lease-seconds", "2"),
                *("--grpc-addr", f"127.0.0.1:{self.port}", "--http-addr", f"127.0.0.1:{self.http_port}"),
                *("--metrics-addr", f"127.0.0.1:{self.metrics_port}"),
            ),
            env=self.environment,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        for port in (self.port, self.http_port):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert self.process.poll() is None, "the server ended at once"
                    assert time.monotonic() < deadline, "the server does not listen"
                    time.sleep(0.02)

    def end(self, how: signal.Signals) -> None:
        """Ends it and waits. After SIGKILL nothing is told to anybody; SIGTERM lets it say goodbye."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def restart(self, how: signal.Signals) -> None:
        self.end(how)
        self.start()

    def _command(self, *arguments: str) -> list[str]:
        return [str(binary()), "--data-dir", str(self.data), *arguments]
