"""OTLP over gRPC, with grpcio but without its generated stubs: bytes in, bytes out.

Rules: OTLP 1.11 "OTLP/gRPC", "Failures". Retryable are CANCELLED, DEADLINE_EXCEEDED, ABORTED,
OUT_OF_RANGE, UNAVAILABLE and DATA_LOSS; RESOURCE_EXHAUSTED only where the receiver sends
RetryInfo; everything else is final.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

from otbridge.context.loading import loading
from otbridge.errors import ConfigurationError
from otbridge.semconv import RESENT_HEADER
from otbridge.sinks.certificates import WatchedFiles
from otbridge.sinks.otlp_answer import (
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    clean,
    read_export_response,
    read_retry_delay,
    secrets_in,
)
from otbridge.sinks.user_agent import USER_AGENT
from otbridge.typing import Rejected, Retryable, SendResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import grpc

    from otbridge.typing import Signal

__all__ = ["OtlpGrpcSink"]

_METHODS: Final[Mapping[Signal, str]] = {
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
_RETRYABLE: Final = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)
_STATUS_DETAILS: Final = "grpc-status-details-bin"
_TOO_LARGE_ANSWER: Final = "CLIENT: Received message larger than max"
"""What grpcio says of our limit. Its code is RESOURCE_EXHAUSTED, as of a receiver to which the
request was too large; but here the receiver has the records, and must not get them again."""


class OtlpGrpcSink:
    """Sends each request as one unary call on one channel.

    grpcio is loaded, and the channel made, with the first send; in a forked child again.

    Args:
        target: `host:port`, or a URL, whose scheme then decides about encryption (`https` on,
            `http` off), whatever *insecure* says.
        insecure: Whether a target without scheme is reached without TLS.
        headers: Sent with every call as metadata; names are lower-cased.
        compression: `gzip` or `none`. gRPC has no level to set.
        certificate: PEM file of the CAs to trust instead of gRPC's own.
        client_certificate: PEM file of our own certificate chain, for mutual TLS.
        client_key: PEM file of its key.
        user_agent: Put before gRPC's own; see "User Agent" in the exporter specification.
        now: Monotonic seconds.

    Certificate files that are exchanged are used within a minute. grpcio itself uses the proxy
    that the environment names.

    Raises:
        ConfigurationError: the target is empty, the compression unknown, a header cannot be
            sent, or a certificate file cannot be read.
    """

    def __init__(
        self,
        target: str,
        *,
        insecure: bool = False,
        headers: Mapping[str, str] | None = None,
        compression: str = "gzip",
        certificate: str | None = None,
        client_certificate: str | None = None,
        client_key: str | None = None,
        user_agent: str = USER_AGENT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target, self._secure = _parse_target(target, insecure=insecure)
        if compression not in ("gzip", "none"):
            raise ConfigurationError(
                f"gRPC has no compression {compression!r}.", "", "Use 'gzip' or 'none'."
            )
        self._compression = compression
        self.resent = False
        """Whether the next request may have been sent before; see `ResendingSink`."""
        self._metadata = _prepare_metadata(headers or {})
        self._secrets = secrets_in(self._metadata)
        self._files = (certificate, client_key, client_certificate)
        self._watched = WatchedFiles(self._files, now)
        self._pem = [_read_pem(file) for file in self._files]
        self._user_agent = user_agent
        self._channel: grpc.Channel | None = None
        self._calls: dict[Signal, Callable[..., Any]] = {}
        self._pid = 0

    @property
    def name(self) -> str:
        """The sink in words, without headers."""
        return f"otlp_grpc {'https' if self._secure else 'http'}://{self._target}"

    def send(self, signal: Signal, request: bytes, timeout: float) -> SendResult:
        """Call Export with *request* and wait at most *timeout* seconds for the answer."""
        if len(request) > MAX_REQUEST_BYTES:
            return Rejected("too_large", f"The request has {len(request):,} bytes.")
        with loading:
            import grpc
        try:
            metadata = self._metadata
            if self.resent:
                metadata = (*metadata, (RESENT_HEADER, "1"))
            answer = self._call(signal)(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            return self._judge(error)
        except Exception as error:  # noqa: BLE001 - e.g. ValueError: the channel was closed
            self.close()
            return Retryable(type(error).__name__, self._clean(str(error)), maybe_taken=True)
        result = read_export_response(answer)
        return result._replace(message=self._clean(result.message))

    def close(self) -> None:
        """Close the channel; a later send opens a new one."""
        channel, self._channel = self._channel, None
        self._calls = {}
        if channel is not None and self._pid == os.getpid():
            channel.close()

    def _call(self, signal: Signal) -> Callable[..., Any]:
        if self._watched.have_changed():
            self._renew()
        if self._channel is None or self._pid != os.getpid():
            self._calls = {}
            self._channel = self._open()  # a parent's channel is dropped, not closed
            self._pid = os.getpid()
        call = self._calls.get(signal)
        if call is None:
            call = self._calls[signal] = self._channel.unary_unary(_METHODS[signal])
        return call

    def _renew(self) -> None:
        """Read files that were exchanged; a file that is just missing is left for the next look."""
        try:
            self._pem = [_read_pem(file) for file in self._files]
        except ConfigurationError:
            return
        self.close()

    def _open(self) -> grpc.Channel:
        import grpc

        options = (
            ("grpc.primary_user_agent", self._user_agent),
            ("grpc.max_receive_message_length", MAX_RESPONSE_BYTES),
            ("grpc.max_send_message_length", MAX_REQUEST_BYTES),
            ("grpc.enable_retries", 0),  # retrying is delivery's, which counts and reports it
            # Our own backoff decides when to try again; the channel has to be ready by then.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        )
        zipped = self._compression == "gzip"
        compression = grpc.Compression.Gzip if zipped else grpc.Compression.NoCompression
        if not self._secure:
            return grpc.insecure_channel(self._target, options, compression)
        credentials = grpc.ssl_channel_credentials(*self._pem)
        return grpc.secure_channel(self._target, credentials, options, compression)

    def _judge(self, error: Any) -> SendResult:
        reason = error.code().name
        message = self._clean(error.details() or "")
        if _TOO_LARGE_ANSWER in message:
            return Rejected("response_too_large", message)
        after = _retry_delay(error.trailing_metadata() or ())
        if reason in _RETRYABLE or (reason == "RESOURCE_EXHAUSTED" and after is not None):
            # Who says when to come again has not taken it; a broken connection says nothing.
            return Retryable(reason, message, after, maybe_taken=after is None)
        return Rejected(reason, message)

    def _clean(self, message: str) -> str:
        return clean(message, self._secrets)


def _parse_target(target: str, *, insecure: bool) -> tuple[str, bool]:
    rest, secure = target.strip(), not insecure
    for scheme, encrypted in (("http://", False), ("https://", True)):
        if rest.lower().startswith(scheme):
            rest, secure = rest[len(scheme) :].rstrip("/"), encrypted
    if not rest or ("/" in rest and not rest.startswith(("unix:", "dns:"))):
        raise ConfigurationError(
            f"Wrong gRPC target {target!r}:",
            "it needs a host and a port, and has no path.",
            "Use something like http://localhost:4317",
        )
    return rest, secure


def _prepare_metadata(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    metadata = tuple((name.lower(), value) for name, value in headers.items())
    for name, value in metadata:
        if not name.isascii() or not value.isascii() or not (name + value).isprintable():
            raise ConfigurationError(
                f"The header {name!r} cannot be sent by gRPC.",
                "Its metadata is printable ASCII.",
                "Percent-encode other characters.",
            )
    return metadata


def _read_pem(file: str | None) -> bytes | None:
    if file is None:
        return None
    try:
        with open(file, "rb") as pem:  # noqa: PTH123 - pathlib would be the only use of it here
            return pem.read()
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read the certificate file {file!r}.", f"{error.strerror}.", "Check the path."
        ) from None


def _retry_delay(metadata: Sequence[tuple[str, Any]]) -> float | None:
    for name, value in metadata:
        if name == _STATUS_DETAILS and isinstance(value, bytes):
            return read_retry_delay(value)
    return None
