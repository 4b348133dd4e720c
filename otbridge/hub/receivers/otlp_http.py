"""OTLP over HTTP: `POST /v1/traces`, `/v1/logs`, `/v1/metrics`, protobuf and JSON.

Rules H1 to H10 of the checklist (OTLP 1.11 §OTLP/HTTP).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from otbridge.errors import LimitExceeded, MalformedData, OtbridgeError
from otbridge.hub.access.principal import principal_of
from otbridge.hub.asgi import SlowBody, header, headers_of, read_body, respond
from otbridge.hub.ingest import Busy, Overload
from otbridge.hub.limits import (
    MAX_BODY_BYTES,
    MAX_INFLATED_BYTES,
    MAX_PUBLIC_BODY_BYTES,
    MAX_PUBLIC_INFLATED_BYTES,
)
from otbridge.hub.receivers.responses import (
    response_json,
    response_protobuf,
    warning_of,
    with_warning,
)
from otbridge.hub.receivers.status import JSON, PROTOBUF, status_body
from otbridge.semconv import RESENT_HEADER
from otbridge.wire.compression import decompress

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.access.admission import Admission
    from otbridge.hub.asgi import Header, Receive, Scope, Send
    from otbridge.hub.ingest import Ingest
    from otbridge.hub.ledger import HubLedger
    from otbridge.hub.security import Origins
    from otbridge.typing import Signal

__all__ = ["SIGNALS", "OtlpHttp"]

SIGNALS: Final[dict[str, Signal]] = {
    "/v1/traces": "traces",
    "/v1/logs": "logs",
    "/v1/metrics": "metrics",
}
"""The paths that this receiver serves."""

_RESENT: Final = RESENT_HEADER.encode()

_SMALL_BODY: Final = 32 << 10
"""Bodies up to here are read where they arrive: even inflated they take a few milliseconds."""

_LARGE_AT_ONCE: Final = 2
"""Larger ones that are inflated at the same time; each may become `MAX_INFLATED_BYTES`."""


class OtlpHttp:
    """The receiver, an ASGI application for the paths of `SIGNALS`.

    Args:
        ingest: Who takes the requests.
        origins: Which pages may send.
        ledger: Who counts what is turned away unread.
        admission: Who holds the bearers of keys to what they may do.
    """

    def __init__(
        self,
        ingest: Ingest,
        origins: Origins,
        ledger: HubLedger,
        admission: Admission | None = None,
    ) -> None:
        self._ingest = ingest
        self._origins = origins
        self._ledger = ledger
        self._admission = admission
        self._large_bodies = asyncio.Semaphore(_LARGE_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "OPTIONS":
            await self._origins.preflight(scope, send)
            return
        origin = header(scope, b"origin")
        if not self._origins.may_send(origin):
            await self._origins.refuse(scope, send)
            return
        status, content_type, body, headers = await self._answer(scope, receive)
        await respond(send, status, content_type, body, (*headers, *self._origins.headers(origin)))

    async def _answer(
        self, scope: Scope, receive: Receive
    ) -> tuple[int, str, bytes, tuple[Header, ...]]:
        content_type = header(scope, b"content-type").partition(";")[0].strip().lower()
        speaks = content_type if content_type in (PROTOBUF, JSON) else JSON
        headers: tuple[Header, ...] = ()
        try:
            _check_request(scope, content_type)
            body = await self._take(scope, receive, content_type)
        except _WrongRequest as error:
            status, refused = error.status, error.refused
            headers = error.headers
        except MalformedData as error:
            status, refused = 400, error
        except LimitExceeded as error:
            status, refused = 413, error
        except SlowBody as error:
            status, refused = 408, error
            headers = ((b"connection", b"close"),)
        except Busy as error:
            status = 429 if isinstance(error, Overload) else 503
            refused = error
            headers = ((b"retry-after", b"%d" % error.retry_s),)
        else:
            return 200, speaks, body, ()
        return status, speaks, status_body(speaks, status, refused), headers

    async def _take(self, scope: Scope, receive: Receive, content_type: str) -> bytes:
        signal = SIGNALS[scope["path"]]
        encoding = ", ".join(value.decode("latin-1") for value in _encodings(scope))
        principal = principal_of(scope)
        body_limit, limit = MAX_BODY_BYTES, MAX_INFLATED_BYTES
        if principal.public:
            body_limit, limit = MAX_PUBLIC_BODY_BYTES, MAX_PUBLIC_INFLATED_BYTES
        if self._admission is not None and principal.key is not None:
            self._admission.knock(principal, _address(scope))
        try:
            body = await read_body(scope, receive, body_limit)
            request, warning = await self._read_request(signal, body, encoding, content_type, limit)
            if self._admission is not None and principal.key is not None:
                request = await self._admission.admit(
                    principal, signal, request, address=_address(scope)
                )
        except MalformedData:
            self._ledger.turned_away("malformed")
            raise
        except LimitExceeded:
            self._ledger.turned_away("too_large")
            raise
        resent = header(scope, _RESENT) == "1"
        taken = await self._ingest.take(signal, request, door="http", resent=resent)
        taken = with_warning(taken, warning)
        return response_json(signal, taken) if content_type == JSON else response_protobuf(taken)

    async def _read_request(
        self, signal: Signal, body: bytes, encoding: str, content_type: str, limit: int
    ) -> tuple[bytes, str]:
        """Return the protobuf request that *body* holds, and a warning or nothing."""
        as_json = content_type == JSON
        if len(body) <= _SMALL_BODY:
            return _inflate_and_parse(signal, body, encoding, limit, as_json)
        async with self._large_bodies:
            return await asyncio.to_thread(
                _inflate_and_parse, signal, body, encoding, limit, as_json
            )


class _WrongRequest(Exception):  # noqa: N818 - becomes an answer, never an error of ours
    """The request is of a kind that this receiver does not take."""

    def __init__(self, status: int, refused: OtbridgeError, headers: tuple[Header, ...]) -> None:
        super().__init__(status)
        self.status = status
        self.refused = refused
        self.headers = headers


def _check_request(scope: Scope, content_type: str) -> None:
    if scope["method"] != "POST":
        raise _WrongRequest(
            405,
            OtbridgeError(f"OTLP takes POST, and this is {scope['method'][:20]}."),
            ((b"allow", b"POST, OPTIONS"),),
        )
    if content_type not in (PROTOBUF, JSON):
        raise _WrongRequest(
            415,
            OtbridgeError(
                f"The Content-Type is {content_type[:60]!r}.", "", f"Send {PROTOBUF} or {JSON}."
            ),
            ((b"accept-post", f"{PROTOBUF}, {JSON}".encode()),),
        )


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _encodings(scope: Scope) -> list[bytes]:
    return headers_of(scope, b"content-encoding")


def _inflate_and_parse(
    signal: Signal, body: bytes, encoding: str, limit: int, as_json: bool
) -> tuple[bytes, str]:
    plain = decompress(body, encoding, limit)
    request = _json_parser(signal)(plain) if as_json else plain
    return request, warning_of(signal, request)


def _json_parser(signal: Signal) -> Callable[[bytes], bytes]:
    from otbridge.wire import otlp_json

    return {
        "traces": otlp_json.parse_traces,
        "logs": otlp_json.parse_logs,
        "metrics": otlp_json.parse_metrics,
    }[signal]
