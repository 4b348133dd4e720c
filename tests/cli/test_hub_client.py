"""A list is asked for until it is as long as wanted, or the hub has no more."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from otbridge.cli.hub_client import HubClient

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES: list[list[int]] = [[1, 2], [], [3], [], [4, 5]]
"""What a hub finds in its time, page by page; the cursor is the number of the next one."""


class _Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        page = int(asked.get("cursor", ["0"])[0])
        found = PAGES[page][: int(asked["limit"][0])]
        is_last = page + 1 == len(PAGES)
        answer = {"traces": found, "next_cursor": None if is_last else str(page + 1)}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub() -> Iterator[HubClient]:
    server = HTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with HubClient(f"http://127.0.0.1:{server.server_port}") as client:
        yield client
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("limit", "expected", "cursor"),
    [(1, [1], "1"), (2, [1, 2], "1"), (3, [1, 2, 3], "3"), (99, [1, 2, 3, 4, 5], None)],
)
def test_pages_that_end_early_are_put_together(
    hub: HubClient, limit: int, expected: list[int], cursor: str | None
) -> None:
    found = hub.get_page("/api/v1/traces", "traces", limit, service=None)
    assert found == {"traces": expected, "next_cursor": cursor}
