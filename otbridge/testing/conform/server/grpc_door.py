"""Sends requests over gRPC, as bytes: what the message classes would not write can be sent too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from otbridge.testing.conform.server.answer import Answer

if TYPE_CHECKING:
    from otbridge.testing.conform.server.target import Server
    from otbridge.typing import Signal

__all__ = ["GrpcDoor"]

_METHODS: Final[dict[Signal, str]] = {
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}

_OPTIONS: Final = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
)


class GrpcDoor:
    """The server's OTLP/gRPC side.

    Args:
        server: Where it is; its `grpc` must not be empty.
    """

    protocol = "grpc"

    def __init__(self, server: Server) -> None:
        import grpc

        scheme, _, target = server.grpc.rpartition("://")
        if scheme == "https":
            self._channel = grpc.secure_channel(
                target, grpc.ssl_channel_credentials(), options=_OPTIONS
            )
        else:
            self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        self._timeout_s = server.timeout_s
        self._metadata = tuple((name.lower(), value) for name, value in server.headers.items())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def export(self, signal: Signal, body: bytes, *, encoding: str = "") -> Answer:
        """Send an Export request; *encoding* may be `gzip`, which is then done here."""
        import grpc

        call: Any = self._channel.unary_unary(_METHODS[signal])
        gzip = grpc.Compression.Gzip if encoding == "gzip" else grpc.Compression.NoCompression
        try:
            response: bytes = call(
                body, timeout=self._timeout_s, metadata=self._metadata, compression=gzip
            )
        except grpc.RpcError as error:
            return _refusal(error)
        return Answer("grpc", "OK", response)


def _refusal(error: Any) -> Answer:
    trailing = {key: value for key, value in error.trailing_metadata() or () if key}
    details = trailing.get("grpc-status-details-bin", b"")
    name, message = error.code().name, error.details() or ""
    if name in ("UNAVAILABLE", "DEADLINE_EXCEEDED") and _own_words(message):
        return Answer("grpc", "", message=message)
    return Answer("grpc", name, message=message, details=details)


def _own_words(message: str) -> bool:
    """Whether gRPC's own library speaks, and not the server: no answer came."""
    return (
        message.startswith(
            (
                "failed to connect",
                "Socket closed",
                "Connection reset",
                "recvmsg:",
                "Deadline Exceeded",
            )
        )
        or "Endpoint closing" in message
    )
