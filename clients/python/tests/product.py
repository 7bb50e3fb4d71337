"""The real binary: found, fed with a sample, started, killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
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
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Server:
    """A server over a data directory of its own; it keeps its port when it is started again."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "data"
        self.port = free_port()
        self.metrics_port = free_port()
        month = directory / "month"
        self._run("sample", "--rows", str(ROWS), "--seed", "1", "--out", str(month))
        self._run("import", str(month))
        self.process = self._start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _command(self, *arguments: str) -> list[str]:
        return [str(binary()), "--data-dir", str(self.data), *arguments]

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(self._command(*arguments), check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            self._command(
                *("serve", "--lease-seconds", "2"),
                *("--grpc-addr", f"127.0.0.1:{self.port}", "--metrics-addr", f"127.0.0.1:{self.metrics_port}"),
            ),
            env={**os.environ, "CIDADAO_LOG": "warn"},
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return process
            except OSError:
                assert process.poll() is None, "the server ended at once"
                assert time.monotonic() < deadline, "the server does not listen"
                time.sleep(0.02)

    def end(self, how: signal.Signals) -> None:
        """Ends it and waits. After SIGKILL nothing is told to anybody; SIGTERM lets it say goodbye."""
        self.process.send_signal(how)
        self.process.wait()

    def restart(self, how: signal.Signals) -> None:
        self.end(how)
        self.process = self._start()
