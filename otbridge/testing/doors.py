"""The two doors of the test receiver: OTLP over HTTP and over gRPC, each a few lines."""

from __future__ import annotations

import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from otbridge.errors import LimitExceeded, MalformedData, OtbridgeError
from otbridge.testing.answers import Answer
from otbridge.testing.bodies import JSON, PROTOBUF, in_form, read, refusal_of
from otbridge.wire.compression import decompress

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import grpc

    from otbridge.typing import Signal

__all__ = ["HttpServer", "Tls", "start_grpc"]

_MAX_BODY: Final = 256 << 20
_HANDSHAKE_SECONDS: Final = 10.0
"""A peer that connects to a TLS port and says nothing is let go after this."""
_HTTP_SIGNALS: Final[Mapping[str, Signal]] = {
    "/v1/logs": "logs",
    "/v1/traces": "traces",
    "/v1/metrics": "metrics",
}
_GRPC_SIGNALS: Final[Mapping[str, Signal]] = {
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": "logs",
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": "traces",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": "metrics",
}


@dataclass(frozen=True, slots=True)
class Tls:
    """How a receiver proves who it is, and whom it believes; files in PEM."""

    certificate: str
    """The receiver's own certificate."""
    key: str
    client_authority: str = ""
    """Who must have signed a client's certificate; empty where clients need none."""

    def context(self) -> ssl.SSLContext:
        """Return the context of the HTTP door."""
        import ssl

        context = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=self.client_authority or None
        )
        context.load_cert_chain(self.certificate, self.key)
        if self.client_authority:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def credentials(self) -> grpc.ServerCredentials:
        """Return the credentials of the gRPC door."""
        import grpc

        authority = Path(self.client_authority).read_bytes() if self.client_authority else None
        pair = (Path(self.key).read_bytes(), Path(self.certificate).read_bytes())
        return grpc.ssl_server_credentials(
            [pair], root_certificates=authority, require_client_auth=authority is not None
        )


class Receive(Protocol):
    """Takes one request and returns the answer to it."""

    def __call__(
        self,
        *,
        signal: Signal,
        transport: Literal["http", "grpc"],
        headers: Mapping[str, str],
        body: bytes,
        wire_bytes: int,
        path: str,
        refusal: Answer | None,
    ) -> Answer:
        """Keep the request; *refusal* is the answer where it is no OTLP."""
        ...


class HttpServer(ThreadingHTTPServer):
    """Serves OTLP/HTTP from its own threads; ends their connections when stopped."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    """Connections that wait to be accepted; beyond the five of the base class, bursts are reset."""

    def __init__(
        self, receive: Receive, port: int, *, tls: Tls | None, elsewhere: Signal | None
    ) -> None:
        super().__init__(("127.0.0.1", port), _HttpHandler)
        self.receive = receive
        self.elsewhere = elsewhere
        self._tls = tls.context() if tls is not None else None
        self._open: set[Any] = set()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.02,), name="otlp-receiver", daemon=True
        )
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that it can be ended."""
        self._open.add(request)
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, in its own thread: a slow handshake keeps nobody waiting."""
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(_HANDSHAKE_SECONDS)
        with self._tls.wrap_socket(request, server_side=True) as secure:
            secure.settimeout(None)
            self._open.add(secure)  # wrapping has taken the descriptor from *request*
            try:
                super().finish_request(secure, client_address)
            finally:
                self._open.discard(secure)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of peers that go away: tests let them."""

    def stop(self) -> None:
        """Serve no more, and end every connection."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for request in list(self._open):
            with contextlib.suppress(OSError):  # the peer was faster
                # Both ways: its handler must not take another request, which nobody would answer.
                request.shutdown(socket.SHUT_RDWR)
            self.shutdown_request(request)


class _HttpHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HttpServer

    def do_POST(self) -> None:
        try:
            wire = self._read()
        except (OSError, ValueError):  # the client went away in the middle: nothing was received
            self.close_connection = True
            return
        signal = next(
            (signal for path, signal in _HTTP_SIGNALS.items() if self.path.endswith(path)),
            self.server.elsewhere,
        )
        if signal is None:
            self._send(Answer.refuse(404, message=f"No such path: {self.path}"), None)
            return
        body, refusal = self._understand(signal, wire)
        answer = self.server.receive(
            signal=signal,
            transport="http",
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            wire_bytes=len(wire),
            path=self.path,
            refusal=refusal,
        )
        if answer.disconnects or answer.hangs:
            self.close_connection = True
        else:
            self._send(answer, signal)

    def do_GET(self) -> None:
        """Refuse what is no POST (RFC 9110 §15.5.6)."""
        self._send(Answer.refuse(405, message="OTLP takes POST.", allow="POST"), None)

    do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815 - as http.server calls them

    @property
    def _content_type(self) -> str:
        """What the request says that it is; who says nothing, in a test, means protobuf."""
        return self.headers.get("Content-Type", PROTOBUF).partition(";")[0].strip().lower()

    def _understand(self, signal: Signal, wire: bytes) -> tuple[bytes, Answer | None]:
        """Return the request in protobuf; or what came, and why it is refused."""
        content_type = self._content_type
        if content_type not in (PROTOBUF, JSON):
            wrong = f"The Content-Type is {content_type!r}, and not {PROTOBUF} or {JSON}."
            return wire, refusal_of(415, OtbridgeError(wrong), JSON)
        try:
            plain = decompress(wire, self.headers.get("Content-Encoding", ""), _MAX_BODY)
            return read(signal, plain, content_type), None
        except LimitExceeded as error:
            return wire, refusal_of(413, error, content_type)
        except MalformedData as error:
            return wire, refusal_of(400, error, content_type)

    def _read(self) -> bytes:
        """Return the body, be its length said before or chunk by chunk (RFC 9112 §7.1).

        Raises:
            OSError: the connection ended before the body did.
            ValueError: a length is no number.
        """
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._read_exactly(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self._read_exactly(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers say nothing here
            pass
        return b"".join(parts)

    def _read_exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionResetError(f"{len(data)} of {size} bytes came.")
        return data

    def _send(self, answer: Answer, signal: Signal | None) -> None:
        content_type, body = in_form(answer, signal, self._content_type)
        if "Content-Type" in answer.headers:  # whatever it is, it is meant so
            body = answer.body
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            **answer.headers,
        }
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet: a receiver in a test has nothing to say on stderr."""


def start_grpc(receive: Receive, *, tls: Tls | None) -> tuple[grpc.Server, int]:
    """Serve the three Export methods on a free port; return the server and the port."""
    import grpc

    class Handler(grpc.GenericRpcHandler):
        """Answers the three Export methods, with bytes in and bytes out."""

        def service(self, details: Any) -> grpc.RpcMethodHandler[bytes, bytes] | None:
            signal = _GRPC_SIGNALS.get(details.method)
            if signal is None:
                return None

            def export(request: bytes, context: grpc.ServicerContext) -> bytes:
                headers = {str(name): str(value) for name, value in context.invocation_metadata()}
                refusal = None
                try:
                    read(signal, request)
                except MalformedData as error:
                    refusal = refusal_of(400, error, PROTOBUF)
                answer = receive(
                    signal=signal,
                    transport="grpc",
                    headers=headers,
                    body=request,
                    wire_bytes=len(request),
                    path=details.method,
                    refusal=refusal,
                )
                if answer.metadata:
                    context.set_trailing_metadata(answer.metadata)
                if answer.code != "OK":
                    context.abort(grpc.StatusCode[answer.code], answer.message)
                return answer.body

            return grpc.unary_unary_rpc_method_handler(export)

    server = grpc.server(
        ThreadPoolExecutor(4, thread_name_prefix="otlp-receiver"),
        handlers=[Handler()],
        options=(("grpc.max_receive_message_length", _MAX_BODY), ("grpc.so_reuseport", 0)),
    )
    address = "127.0.0.1:0"
    if tls is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, tls.credentials())
    server.start()
    return server, port
