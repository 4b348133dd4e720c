"""Says no for the whole hub, in the words of whoever asks.

Senders of OTLP read a `google.rpc.Status` (rule H6), everybody else the API's one error shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.errors import OtbridgeError
from otbridge.hub.asgi import error_body, header, respond
from otbridge.hub.receivers.status import JSON, PROTOBUF, status_body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otbridge.hub.asgi import Header, Scope, Send

__all__ = ["Refusal", "refuse"]

_OTLP_PATHS: Final = frozenset({"/v1/traces", "/v1/logs", "/v1/metrics"})


class Refusal(NamedTuple):
    """Why a request goes no further."""

    status: int
    """HTTP status."""
    code: str
    """The API's word for it."""
    what: str
    why: str
    do: str
    headers: Sequence[Header] = ()


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answer a request with *refusal*."""
    status, code, what, why, do, headers = refusal
    content_type, body = JSON, error_body(code, what, why, do)
    if scope["path"] in _OTLP_PATHS:
        asked = header(scope, b"content-type").partition(";")[0].strip().lower()
        content_type = PROTOBUF if asked == PROTOBUF else JSON
        body = status_body(content_type, status, OtbridgeError(what, why, do))
    await respond(send, status, content_type, body, headers)
