"""A hub with keys in a real browser: signing in, and a page that sends with a public key."""

from __future__ import annotations

import http.server
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.hub.access.conftest import new_key
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.chromium import Browser

PAGE = """<!doctype html>
<title>shop</title>
<script type="module">
import {{ init }} from "{hub}/otbridge.js";
const bridge = init({{ service: "payments", url: "{hub}", token: "{key}" }});
bridge.info("from the page");
await bridge.span("checkout", () => bridge.info("inside"));
globalThis.flushed = await bridge.flush();
</script>
"""


@contextmanager
def served(page: list[str]) -> Iterator[str]:
    """A web server with one page, which may be put there later."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page[0].encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_person_signs_in_and_a_page_sends_with_a_public_key(
    tmp_path: Path, browser: Browser
) -> None:
    """The keys are in no address and no script's reach, and the page's name is the key's."""
    page = [""]
    with served(page) as shop:
        ingest = new_key(tmp_path, "ingest", "--service", "shop-web", "--origin", shop)
        read = new_key(tmp_path, "read")
        with HubProcess(tmp_path) as hub:
            page[0] = PAGE.format(hub=hub.url, key=ingest["key"])
            seen = browser.run("sign_in.mjs", hub.url, "otb_read_wrong", read["key"], shop)
            headers = {"authorization": f"Bearer {read['key']}"}
            logs: list[Any] = []
            deadline = time.monotonic() + 5
            while len(logs) < 2 and time.monotonic() < deadline:
                logs = hub.http.get("/api/v1/logs", headers=headers).json()["logs"]
    assert seen["title"] == "Sign in · otbridge hub"
    assert "does not know this key" in seen["problem"]
    assert (seen["status"], seen["live"], seen["cookies"]) == (200, "hello", "")
    assert seen["address"] == f"{hub.url}/traces?q=kept"
    assert seen["stolen"] == "TypeError"  # kept from reading, by the browser
    assert {log["service"] for log in logs} == {"shop-web"}
    assert {log["body"] for log in logs} == {"from the page", "inside"}
    assert logs[0]["resource"]["client.service.name"] == "payments"
    assert not any(key["key"] in url for key in (ingest, read) for url in seen["urls"])
