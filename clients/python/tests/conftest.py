from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from driver import Asyncio, Blocking, Driver
from product import Server
from script import ScriptedServer

Connect = Callable[..., Driver]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("product"))
    try:
        server.start()
        yield server
    finally:
        server.end(signal.SIGKILL)


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[ScriptedServer]:
    with ScriptedServer(tmp_path) as server:
        yield server


@pytest.fixture(params=[Blocking, Asyncio])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes a client, blocking in one run of the test and for asyncio in the other."""
    made: list[Driver] = []

    def connect(address: str, **options: Any) -> Driver:
        made.append(request.param(address, **options))
        return made[-1]

    yield connect
    for client in made:
        client.close()
