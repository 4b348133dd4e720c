"""OTLP over gRPC, port 4317.

The handlers are generic: gRPC hands over the message's bytes as they came, and no message object
is built before limits are checked. Rules S1 to S11 of the checklist (OTLP 1.11 §OTLP/gRPC).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from otbridge.errors import LimitExceeded, MalformedData
from otbridge.hub.access.credentials import KEY_HEADER, presented
from otbridge.hub.access.key import Right
from otbridge.hub.access.principal import ANYBODY, Principal
from otbridge.hub.ingest import Busy
from otbridge.hub.limits import DECODE_INLINE_BYTES, MAX_BODY_BYTES
from otbridge.hub.listening import AddressTaken, listener, printed
from otbridge.hub.receivers.grpc_server import LastingServer, quieten
from otbridge.hub.receivers.responses import response_protobuf, warning_of, with_warning
from otbridge.hub.receivers.status import bad_request_details, retry_details
from otbridge.semconv import RESENT_HEADER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import grpc.aio

    from otbridge.hub.access.control import AccessControl
    from otbridge.hub.ingest import Ingest
    from otbridge.hub.tenants.ways_in import WaysIn
    from otbridge.hub.tls.renewal import Renewal
    from otbridge.typing import Signal

__all__ = ["OtlpGrpc"]

_SERVICES: Final[dict[str, Signal]] = {
    "opentelemetry.proto.collector.trace.v1.TraceService": "traces",
    "opentelemetry.proto.collector.logs.v1.LogsService": "logs",
    "opentelemetry.proto.collector.metrics.v1.MetricsService": "metrics",
}

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_BODY_BYTES),
    ("grpc.max_send_message_length", 4 << 20),
    ("grpc.max_concurrent_streams", 100),
    ("grpc.max_metadata_size", 16 << 10),
    # Linux would let a second hub listen on the same port and take half of the requests.
    ("grpc.so_reuseport", 0),
)


_DETAILS: Final = "grpc-status-details-bin"
"""The trailer that a google.rpc.Status with details travels in."""


class OtlpGrpc:
    """The receiver.

    Args:
        ingest: Who takes the requests of those who are of no tenant.
        access: Who may send; None: everybody who can reach the port.
        certificate: What it encrypts by; None: it does not.
        ways_in: Holds open the way in that belongs to a bearer; comes with *access*.
    """

    def __init__(
        self,
        ingest: Ingest,
        access: AccessControl | None = None,
        certificate: Renewal | None = None,
        ways_in: WaysIn | None = None,
    ) -> None:
        self._ingest = ingest
        self._access = access
        self._certificate = certificate
        self._ways_in = ways_in
        self._server: LastingServer | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port (another than *port* where that is 0).

        Raises:
            AddressTaken: The address is taken or not ours.
        """
        quieten()
        # gRPC does not say why it cannot have a port, and grumbles on standard error; a socket
        # of our own does. Between the two somebody may still take it, hence the check below.
        listener(host, port, "--grpc-port").close()
        certificate = self._certificate
        credentials = None if certificate is None else certificate.grpc_credentials
        self._server = LastingServer(self._make, credentials)
        try:
            return await self._server.open(host, port)
        except RuntimeError:
            raise AddressTaken(
                f"The hub cannot listen for gRPC on {printed(host, port)}.",
                "Another program has taken the port.",
                "Choose another port with --grpc-port (0 takes a free one).",
            ) from None

    async def stop(self, grace_s: float) -> None:
        """Take no new calls; let the running ones finish for *grace_s* seconds."""
        if self._server is not None:
            await self._server.close(grace_s)

    def _make(self) -> grpc.aio.Server:
        import grpc.aio

        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    service, {"Export": grpc.unary_unary_rpc_method_handler(self._export(signal))}
                )
                for service, signal in _SERVICES.items()
            ]
        )
        return server

    def _export(self, signal: Signal) -> Callable[[bytes, Any], Awaitable[bytes]]:
        import grpc

        codes = grpc.StatusCode

        async def export(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            principal = ANYBODY
            if self._access is not None and self._access.keyring.closed:
                principal = await self._identify(self._access, context)
            try:
                resent = _is_resent(context.invocation_metadata())
                if self._ways_in is not None and principal.key is not None:
                    async with self._ways_in(principal) as way:
                        way.admission.knock(principal, "")
                        request = await way.admission.admit(principal, signal, request)
                        taken = await way.ingest.take(signal, request, door="grpc", resent=resent)
                else:
                    taken = await self._ingest.take(signal, request, door="grpc", resent=resent)
            except MalformedData as error:
                details = bad_request_details(error)
                await context.abort(codes.INVALID_ARGUMENT, str(error), ((_DETAILS, details),))
            except LimitExceeded as error:
                # Without RetryInfo, which tells the sender not to try again (rule S3).
                await context.abort(codes.RESOURCE_EXHAUSTED, str(error))
            except Busy as error:
                details = retry_details(str(error), error.retry_s)
                await context.abort(codes.UNAVAILABLE, str(error), ((_DETAILS, details),))
            return response_protobuf(with_warning(taken, await _warning_of(signal, request)))

        return export

    async def _identify(
        self, access: AccessControl, context: grpc.aio.ServicerContext[Any, Any]
    ) -> Principal:
        """Return whose key the call's metadata shows; end the call where it may not send."""
        import grpc

        key = access.find(presented(_texts(context.invocation_metadata())))
        if key is None:
            access.turned_away("no_key")
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, _NO_KEY)
        if key.public or not key.grants(Right.WRITE):
            access.turned_away("forbidden")
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, _FORBIDDEN)
        return Principal.of(key)


def _texts(metadata: Any) -> Iterator[tuple[bytes, bytes]]:
    for name, value in metadata or ():
        if name in ("authorization", KEY_HEADER):
            yield name.encode(), value if isinstance(value, bytes) else value.encode()


def _is_resent(metadata: Any) -> bool:
    return any(name == RESENT_HEADER and value == "1" for name, value in metadata or ())


_NO_KEY: Final = (
    "This hub takes nobody without a key that it knows. Make one with `otbridge hub keys add "
    "write`, and send it as the metadata authorization: Bearer KEY."
)
_FORBIDDEN: Final = (
    "This key does not open this door. Servers send with a key of the kind write; ingest keys are "
    "for web pages, and those send over HTTP."
)


async def _warning_of(signal: Signal, request: bytes) -> str:
    if len(request) <= DECODE_INLINE_BYTES:
        return warning_of(signal, request)
    return await asyncio.to_thread(warning_of, signal, request)
