"""A real browser on a page of another origin: EventSource, and the TypeScript client over gRPC-Web."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from conftest import FEW_DETECTORS, require
from product import CLIENTS, Server

TYPESCRIPT = CLIENTS / "typescript"
PACKAGES = ("@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web")
# Milliseconds: a debug build on a busy machine is slow.
PATIENCE = 60_000


def modules() -> str:
    """An import map for the packages that the client imports, from what each of them exports."""
    imports = {"@cidadao/client/web": "/client/web.js"}
    for package in PACKAGES:
        manifest = json.loads((TYPESCRIPT / "node_modules" / package / "package.json").read_text())
        for name, target in manifest["exports"].items():
            imports[package + name.removeprefix(".")] = f"/modules/{package}/{target['import'].removeprefix('./')}"
    return json.dumps({"imports": imports})


class Pages(SimpleHTTPRequestHandler):
    """Serves the pages, the built client at /client and its packages at /modules."""

    def translate_path(self, path: str) -> str:
        for prefix, directory in (
            ("/client/", TYPESCRIPT / "dist"),
            ("/modules/", TYPESCRIPT / "node_modules"),
        ):
            if path.startswith(prefix):
                return str(directory / path.removeprefix(prefix).partition("?")[0])
        return super().translate_path(path)

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/client.html":
            return super().do_GET()
        page = Path(self.directory, "client.html").read_text().replace("/* modules */", modules()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
        return None

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def serve_pages(directory: Path) -> Iterator[str]:
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=str(directory)))
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{site.server_port}"
    site.shutdown()
    site.server_close()
    thread.join()


@pytest.fixture(scope="module")
def origin(pages: Path) -> Iterator[str]:
    yield from serve_pages(pages)


@pytest.fixture(scope="module")
def stranger(pages: Path) -> Iterator[str]:
    """An origin that nobody allowed anything."""
    yield from serve_pages(pages)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, origin: str) -> Iterator[Server]:
    """A server without credentials: EventSource can send none."""
    server = Server(tmp_path_factory.mktemp("browser"), environment={"CIDADAO_CORS_ORIGINS": origin})
    try:
        server.start()
        yield server
    finally:
        server.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = (os.environ.get("CIDADAO_BROWSER", ""), "chromium", "chromium-browser", "google-chrome")
    path = next((path for name in names if name and (path := shutil.which(name))), None)
    require(path is not None, "Chromium")
    with sync_playwright() as playwright:
        # The sandbox needs namespaces that containers lack; it opens these pages alone.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


def start(server: Server) -> str:
    response = httpx.post(f"{server.http}/api/v1/investigations/start", json=FEW_DETECTORS, timeout=30)
    assert response.status_code == 200, response.text
    return f"{server.http}/api/v1/investigations/{response.json()['investigation_id']}"


def test_event_source_misses_nothing_while_the_server_is_restarted(server: Server, origin: str, page: Page) -> None:
    investigation = start(server)
    page.goto(f"{origin}/events.html?events={investigation}/events")
    page.wait_for_function("window.followed.ids.length >= 3")
    server.restart(signal.SIGKILL)
    page.wait_for_function("window.followed.done")
    followed = page.evaluate("window.followed")
    assert followed["ids"] == list(range(1, len(followed["ids"]) + 1))
    assert followed["opened"] >= 2, "the browser did not have to reconnect"
    status = httpx.get(f"{investigation}/status").json()
    assert int(status["last_sequence"]) == len(followed["ids"])
    assert page.locator("#events li").count() == len(followed["ids"])


def test_the_typescript_client_works_over_grpc_web(server: Server, origin: str, page: Page) -> None:
    require((TYPESCRIPT / "dist/web.js").exists(), "the built TypeScript client")
    page.goto(f"{origin}/client.html?server={server.http}")
    page.wait_for_function("window.outcome")
    outcome = page.evaluate("window.outcome")
    assert "error" not in outcome, outcome
    assert outcome["sequences"] == list(range(1, len(outcome["sequences"]) + 1))
    assert outcome["refused"] == {"name": "InvalidArgumentError", "reason": "INVALID_FIELD", "fields": ["query"]}
    path = f"{server.http}/api/v1/investigations/{outcome['id']}/results"
    results = httpx.get(path, params={"page_size": 1000}, timeout=30).json()
    assert outcome["findings"] == int(results["total_findings"]) > 0


def test_another_origin_is_told_nothing(server: Server, stranger: str, page: Page) -> None:
    investigation = start(server)
    page.goto(f"{stranger}/events.html?events={investigation}/events")
    read = page.evaluate("(url) => fetch(url).then(() => 'read', () => 'refused')", f"{investigation}/status")
    assert read == "refused"
    assert page.evaluate("window.followed.ids") == []
