"""Where a hub passes on to is said by who starts it, and nowhere near a machine's credentials."""

from __future__ import annotations

import http.server
import json
import random
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.errors import ConfigurationError
from otbridge.hub.access.egress import is_link_local, refuse_link_local
from otbridge.hub.destinations import read_destination
from tests.hub.hub_process import COMMAND, HubProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "::169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
]


@pytest.mark.parametrize("address", METADATA)
def test_a_metadata_address_is_known_in_every_wrapping(address: str) -> None:
    assert is_link_local(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "fd00::1", "x"])
def test_other_addresses_are_not_meant(address: str) -> None:
    assert not is_link_local(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254",
        "https://169.254.169.254/latest#authorization=secret",
        "grpc://169.254.169.254:4317",
        "http://[::ffff:169.254.169.254]:80",
        "http://[fd00:ec2::254]",
        "http://2852039166",
        "http://0xa9fea9fe",
        "http://169.254.43518",
    ],
)
def test_such_a_destination_ends_the_start_with_a_sentence(tmp_path: Path, url: str) -> None:
    ports = ["--http-port", "0", "--grpc-port", "0"]
    done = subprocess.run(
        [*COMMAND, "hub", "--data", str(tmp_path), *ports, "--forward", url],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "--forward-link-local" in done.stderr
    assert "secret" not in done.stderr


def test_a_name_that_stands_for_such_an_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def look_up(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", ("192.0.2.1", 0)), (2, 1, 6, "", ("169.254.169.254", 0))]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    with pytest.raises(ConfigurationError, match=r"rebind\.test leads to 169\.254\.169\.254"):
        refuse_link_local([read_destination("https://rebind.test#a=b")])


def test_who_means_it_may(tmp_path: Path) -> None:
    options = ["--forward", "http://169.254.169.254:9", "--forward-link-local"]
    with HubProcess(tmp_path, *options) as hub:
        assert hub.http.get("/healthz").status_code == 200


@contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server that notes what is asked of it, and sends everybody on to somewhere else."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["content-length"] or 0))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


NAMES = [
    "baggage", "tracestate", "traceparent", "forwarded", "x-forwarded-host", "x-forwarded-for",
    "x-original-url", "x-otbridge-forward", "otbridge-forward", "otel-exporter-otlp-endpoint",
    "x-langsmith-api-url", "x-api-url", "referer", "origin-agent-cluster", "via", "x-otlp-endpoint",
]  # fmt: skip
KEYS = ["api_url", "forward", "otbridge.forward", "OTEL_EXPORTER_OTLP_ENDPOINT", "endpoint", "url"]


def test_nothing_that_a_sender_says_changes_where_its_records_go(tmp_path: Path) -> None:
    """Headers, baggage, attributes and bodies that name another address, three hundred of them."""
    draw = random.Random(22)
    with listener() as (wanted, asked), listener() as (evil, lured):
        forward = ["--forward", wanted]
        with HubProcess(tmp_path, *forward) as hub:
            before = hub.http.get("/api/v1/stats").json()["forward"]
            for _ in range(300):
                headers = {"content-type": "application/json"}
                for name in draw.sample(NAMES, 3):
                    pairs = [f"{key}={evil}" for key in draw.sample(KEYS, 3)]
                    headers[name] = draw.choice([evil, ",".join(pairs), ";".join(pairs)])
                attributes = [
                    {"key": key, "value": {"stringValue": evil}} for key in draw.sample(KEYS, 2)
                ]
                record = {"body": {"stringValue": evil}, "attributes": attributes}
                document = {
                    "forward": evil,
                    "resourceLogs": [
                        {
                            "resource": {"attributes": attributes},
                            "schemaUrl": evil,
                            "scopeLogs": [{"logRecords": [record]}],
                        }
                    ],
                }
                path = f"/v1/logs?forward={evil}&endpoint={evil}"
                answer = hub.http.post(path, content=json.dumps(document), headers=headers)
                assert answer.status_code == 200
            after = hub.http.get("/api/v1/stats").json()["forward"]
            assert hub.end()[0] == 0
        assert [each["destination"] for each in after] == [each["destination"] for each in before]
        assert set(asked) == {"/v1/logs"}
        assert lured == []
