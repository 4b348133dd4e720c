"""Who may talk to the hub: asked of a real one, as a browser or a stranger would."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.hub.security import Origins
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATHS = ["/", "/healthz", "/otbridge.js", "/api/v1/traces", "/v1/traces", "/v1/bridge", "/x"]

STRANGERS = [
    "http://evil.test",
    "https://evil.test",
    "http://localhost.evil.test",
    "http://127.0.0.1.evil.test",
    "http://evil.test:4318",
    "http://evil.test/http://localhost",
    "http://localhost@evil.test",
    "http://localhost:3000/path",
    "file://",
    "null",
    "chrome-extension://abcdef",
    "localhost",
    "http://",
    "http://[::1",
]
NEIGHBOURS = [
    "http://localhost:3000",
    "https://localhost",
    "http://LOCALHOST:3000",
    "http://127.0.0.1:8080",
    "http://[::1]:5173",
    "http://app.localhost:3000",
]


@pytest.fixture(scope="module")
def shop_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub with a name and a web shop of its own."""
    options = ["--allow-host", "hub.example", "--allow-origin", "https://shop.example"]
    with HubProcess(tmp_path_factory.mktemp("hub") / "data", *options) as running:
        yield running


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "localhost.evil.test",
        "127.0.0.1@evil.test",
        "127.0.0.1.evil.test",
        "127.0.0.2",
        "",
    ],
)
def test_a_name_that_is_not_the_hubs_own_is_421_everywhere(
    shared_hub: HubProcess, host: str, path: str
) -> None:
    answer = shared_hub.http.get(path, headers={"host": host})
    assert answer.status_code == 421
    said = answer.json()
    if path == "/v1/traces":  # OTLP's senders read a google.rpc.Status
        assert "name in the Host header" in said["message"]
    else:
        assert said["error"]["code"] == "unknown_host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:80", "[::1]:4318"])
def test_the_hub_answers_to_its_own_names(shared_hub: HubProcess, host: str) -> None:
    assert shared_hub.http.get("/healthz", headers={"host": host}).status_code == 200


def test_the_hub_answers_to_a_name_it_was_given(shop_hub: HubProcess) -> None:
    assert shop_hub.http.get("/healthz", headers={"host": "Hub.Example:80"}).status_code == 200


def test_a_hub_on_all_addresses_answers_to_each_and_to_no_strange_name(tmp_path: Path) -> None:
    with HubProcess(tmp_path, "--host", "0.0.0.0", "--insecure") as hub:

        def status(host: str) -> int:
            return hub.http.get("/healthz", headers={"host": host}).status_code

        assert status("192.0.2.7:4318") == 200
        assert status("[2001:db8::1]:4318") == 200
        assert status("evil.test") == 421
        assert status("192.0.2.7.evil.test") == 421


def raw(hub: HubProcess, head: str) -> str:
    """The status line that a hand-written request is answered with."""
    host, port = hub.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head.encode())
        return connection.recv(1000).decode().splitlines()[0]


def test_two_host_headers_are_400(shared_hub: HubProcess) -> None:
    head = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.test\r\n\r\n"
    assert " 400 " in raw(shared_hub, head)


def test_no_host_header_is_400(shared_hub: HubProcess) -> None:
    assert " 400 " in raw(shared_hub, "GET /healthz HTTP/1.0\r\n\r\n")


def test_an_absolute_address_does_not_stand_in_for_the_host(shared_hub: HubProcess) -> None:
    head = "GET http://localhost/healthz HTTP/1.1\r\nHost: evil.test\r\n\r\n"
    assert " 421 " in raw(shared_hub, head)


def test_a_websocket_under_another_name_is_403(shared_hub: HubProcess) -> None:
    head = (
        "GET /api/v1/live HTTP/1.1\r\nHost: evil.test\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert " 403 " in raw(shared_hub, head)


def test_a_websocket_where_there_is_none_is_403(shared_hub: HubProcess) -> None:
    head = (
        "GET /v1/traces HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert " 403 " in raw(shared_hub, head)


@pytest.mark.parametrize("origin", STRANGERS)
def test_pages_elsewhere_may_not_send(shared_hub: HubProcess, origin: str) -> None:
    headers = {"origin": origin, "content-type": "application/json"}
    answer = shared_hub.http.post("/v1/traces", content=b"{}", headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    asked = {"origin": origin, "access-control-request-method": "POST"}
    answer = shared_hub.http.options("/v1/traces", headers=asked)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", NEIGHBOURS)
def test_pages_on_this_machine_may_send(shared_hub: HubProcess, origin: str) -> None:
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-my-header",
    }
    answer = shared_hub.http.options("/v1/logs", headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == origin
    assert "x-my-header" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-max-age"] == "600"
    assert answer.headers["vary"] == "Origin"
    headers = {"origin": origin, "content-type": "application/json"}
    answer = shared_hub.http.post("/v1/logs", content=b"{}", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in answer.headers


def test_errors_too_can_be_read_by_the_page_that_caused_them(shared_hub: HubProcess) -> None:
    headers = {"origin": NEIGHBOURS[0], "content-type": "application/json"}
    answer = shared_hub.http.post("/v1/logs", content=b"{", headers=headers)
    assert answer.status_code == 400
    assert answer.headers["access-control-allow-origin"] == NEIGHBOURS[0]


def test_a_configured_page_may_send_and_no_other_of_its_site(shop_hub: HubProcess) -> None:
    def status(origin: str) -> int:
        headers = {"origin": origin, "content-type": "application/json"}
        return shop_hub.http.post("/v1/logs", content=b"{}", headers=headers).status_code

    assert status("https://shop.example") == 200
    assert status("http://shop.example") == 403
    assert status("https://shop.example:444") == 403
    assert status("https://www.shop.example") == 403


@pytest.mark.parametrize("path", ["/api/v1/traces", "/healthz", "/"])
def test_what_the_hub_holds_can_be_read_by_no_other_page(shared_hub: HubProcess, path: str) -> None:
    answer = shared_hub.http.get(path, headers={"origin": NEIGHBOURS[0]})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_tells_browsers_to_believe_its_type(shared_hub: HubProcess, path: str) -> None:
    answer = shared_hub.http.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


@given(st.text(max_size=30))
def test_an_origin_of_any_kind_is_judged_without_an_exception(origin: str) -> None:
    if Origins().may_send(origin) and origin:
        assert "localhost" in origin.lower() or "127.0.0.1" in origin or "::1" in origin


INJECTIONS = [
    "' OR 1=1 --",
    '" OR ""="',
    "'; DROP TABLE spans; --",
    "x' UNION SELECT * FROM sqlite_master --",
    "1) OR (1=1",
    "\\",
    "%",
    "_",
    "*",
    '"',
    '""',
    "NEAR(a b)",
    "a AND b OR NOT c",
    "col:a",
    "^a",
    "a* -b",
    "{a b}: c",
    "\x00",
    "{0}",
    "%s%n",
    "${jndi:ldap://x}",
    "toString();",
    "0; ATTACH DATABASE 'x' AS y",
    "a=b' OR '1'='1",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_text_in_a_question_is_taken_for_sql(shared_hub: HubProcess, text: str) -> None:
    record = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"kept"}}]}]}]}'
    headers = {"content-type": "application/json"}
    assert shared_hub.http.post("/v1/logs", content=record, headers=headers).status_code == 200
    questions = {
        "traces": ["service", "name", "q", "cursor", "min_duration", "from"],
        "logs": ["service", "q", "trace_id", "span_id", "severity", "cursor", "to"],
        "facets": ["service", "q", "name", "field", "of"],
        "export": ["signal", "cursor", "limit"],
        "runs": ["trace_id", "cursor"],
    }
    for path, names in questions.items():
        for name in names:
            answer = shared_hub.http.get(f"/api/v1/{path}", params={name: text})
            assert answer.status_code in (200, 400), answer.text
            if answer.status_code == 200 and name in ("service", "name"):
                found = answer.json()
                assert not any(found.get(many) for many in ("traces", "logs", "values"))
    for path in ("traces", "runs"):
        assert shared_hub.http.get(f"/api/v1/{path}/{quote(text, safe='')}").status_code in (
            400,
            404,
        )
    assert shared_hub.http.get("/api/v1/stats").json()["store"]["corrupt"] == 0
