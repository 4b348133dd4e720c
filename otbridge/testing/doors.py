"""The two doors of the test receiver: OTLP over HTTP and over gRPC, each a few lines."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from otbridge.errors import WireError
from otbridge.testing.answers import Answer
from otbridge.wire.compression import decompress

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc

    from otbridge.typing import Signal

__all__ = ["HttpServer", "start_grpc"]

_MAX_BODY: Final = 256 << 20
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
    ) -> Answer:
        """Keep the request."""
        ...


class HttpServer(ThreadingHTTPServer):
    """Serves OTLP/HTTP from its own threads; ends their connections when stopped."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, receive: Receive, port: int) -> None:
        super().__init__(("127.0.0.1", port), _HttpHandler)
        self.receive = receive
        self._open: set[Any] = set()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.02,), name="otlp-receiver", daemon=True
        )
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that it can be ended."""
        self._open.add(request)
        super().process_request(request, client_address)

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
            self.shutdown_request(request)


class _HttpHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HttpServer

    def do_POST(self) -> None:
        wire = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        signal = next((s for p, s in _HTTP_SIGNALS.items() if self.path.endswith(p)), None)
        if signal is None:
            self._send(Answer.refuse(404, message=f"No such path: {self.path}"))
            return
        try:
            body = decompress(wire, self.headers.get("Content-Encoding", ""), _MAX_BODY)
        except WireError as error:
            self._send(Answer.refuse(400, message=str(error)))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.receive(
            signal=signal,
            transport="http",
            headers=headers,
            body=body,
            wire_bytes=len(wire),
            path=self.path,
        )
        if answer.disconnects or answer.hangs:
            self.close_connection = True
        else:
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Length": str(len(answer.body)),
            **answer.headers,
        }
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet: a receiver in a test has nothing to say on stderr."""


def start_grpc(receive: Receive) -> tuple[grpc.Server, int]:
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
                answer = receive(
                    signal=signal,
                    transport="grpc",
                    headers=headers,
                    body=request,
                    wire_bytes=len(request),
                    path=details.method,
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
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
