"""Which proxy the environment names, and going through a real one."""

from __future__ import annotations

import base64
import select
import socket
import socketserver
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.sinks.proxies import Proxy, find_proxy
from otbridge.testing import OtlpReceiver, Tls
from otbridge.typing import Retryable, Success

if TYPE_CHECKING:
    from collections.abc import Iterator

CERTIFICATE = str(Path(__file__).with_name("localhost.pem"))
PROXY = Proxy("http", "proxy", 3128, "")


@pytest.mark.parametrize(
    ("scheme", "environ"),
    [
        ("https", {"https_proxy": "http://proxy:3128"}),
        ("https", {"HTTPS_PROXY": "proxy:3128"}),
        ("http", {"http_proxy": "http://proxy:3128/"}),
        ("http", {"HTTP_PROXY": "http://proxy:3128"}),
        ("http", {"ALL_PROXY": "http://proxy:3128"}),
    ],
)
def test_a_proxy_is_found_by_the_scheme_of_the_destination(
    scheme: str, environ: dict[str, str]
) -> None:
    assert find_proxy(scheme, "example.org", 443, environ) == PROXY


@pytest.mark.parametrize(
    ("scheme", "environ"),
    [
        ("https", {}),
        ("https", {"http_proxy": "http://proxy:3128"}),
        ("https", {"HTTPS_PROXY": " "}),
        ("http", {"HTTP_PROXY": "http://proxy:3128", "REQUEST_METHOD": "GET"}),
    ],
)
def test_where_none_is_named_there_is_none(scheme: str, environ: dict[str, str]) -> None:
    assert find_proxy(scheme, "example.org", 443, environ) is None


@pytest.mark.parametrize(
    ("host", "exceptions", "direct"),
    [
        ("example.org", "*", True),
        ("example.org", "example.org", True),
        ("a.example.org", "other,example.org", True),
        ("a.example.org", ".example.org", True),
        ("a.example.org", "*.example.org", True),
        ("badexample.org", "example.org", False),
        ("example.org", "EXAMPLE.org:443", True),
        ("example.org", "example.org:80", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("example.org", "10.0.0.0/8", False),
        ("::2", "[::2]:443", True),
        ("127.0.0.1", "", True),
        ("localhost", "", True),
    ],
)
def test_exceptions_are_reached_directly(host: str, exceptions: str, direct: bool) -> None:
    environ = {"https_proxy": "http://proxy:3128", "no_proxy": exceptions}
    assert (find_proxy("https", host, 443, environ) is None) == direct


def test_user_and_password_are_sent_as_the_proxy_wants_them() -> None:
    found = find_proxy("http", "h", 80, {"http_proxy": "http://me:p%40ss@proxy"})
    assert found is not None
    assert (found.host, found.port) == ("proxy", 80)
    assert base64.b64decode(found.authorization.split()[1]) == b"me:p@ss"


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.rfile.readline()
        server: Any = self.server
        server.heads.append(head.decode())
        if server.refuses:
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        method, target = head.decode().split()[:2]
        with socket.create_connection(server.upstream) as upstream:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
            else:
                path = "/" + target.split("/", 3)[3]
                upstream.sendall(head.replace(target.encode(), path.encode(), 1))
                upstream.sendall(self.rfile.peek())  # type: ignore[attr-defined]  # it is a BufferedReader
            self._relay(upstream)

    def _relay(self, upstream: socket.socket) -> None:
        ends = {self.connection: upstream, upstream: self.connection}
        while True:
            for end in select.select(list(ends), [], [], 5)[0]:
                data = end.recv(65536)
                if not data:
                    return
                ends[end].sendall(data)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        made: Any = server
        made.heads, made.refuses = [], False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://me:secret@127.0.0.1:{server.server_address[1]}")
        yield server
        server.shutdown()


def test_an_encrypted_request_goes_through_a_tunnel(proxy: Any) -> None:
    with OtlpReceiver(tls=Tls(CERTIFICATE, CERTIFICATE)) as receiver:
        proxy.upstream = ("127.0.0.1", receiver.http_port)
        # A name that only the proxy can resolve; the certificate is looked at all the same.
        sink = OtlpHttpSink("https://receiver.invalid:4318", certificate=CERTIFICATE)
        result = sink.send("logs", b"", 5)
        assert isinstance(result, Retryable)
        assert result.reason == "SSLCertVerificationError"
        assert proxy.heads[0].startswith("CONNECT receiver.invalid:4318 HTTP/1.1\r\n")
        assert "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in proxy.heads[0]
        sink.close()


def test_a_plain_request_tells_the_proxy_the_whole_address(proxy: Any) -> None:
    with OtlpReceiver() as receiver:
        proxy.upstream = ("127.0.0.1", receiver.http_port)
        sink = OtlpHttpSink("http://receiver.invalid:4318")
        assert sink.send("logs", b"", 5) == Success()
        assert proxy.heads[0].startswith("POST http://receiver.invalid:4318/v1/logs HTTP/1.1\r\n")
        assert receiver.requests[0].path == "/v1/logs"
        sink.close()


def test_a_proxy_that_refuses_is_named_without_its_password(proxy: Any) -> None:
    proxy.refuses = True
    sink = OtlpHttpSink("https://receiver.invalid:4318")
    result = sink.send("logs", b"", 5)
    assert isinstance(result, Retryable)
    assert "refuses: 407" in result.message
    assert "secret" not in result.message


def test_a_kind_of_proxy_that_we_cannot_use_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://proxy:1080")
    result = OtlpHttpSink("https://receiver.invalid:4318").send("logs", b"", 5)
    assert isinstance(result, Retryable)
    assert "socks5" in result.message
    assert "NO_PROXY" in result.message
