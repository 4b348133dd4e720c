"""What a scriptable receiver may be told to answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from otbridge.wire.protobuf import field as encode_field
from otbridge.wire.protobuf import varint

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, for HTTP and gRPC alike where both can give it.

    Make one with a class method: `Answer.partial(3, "too old")`.
    """

    status: int = 200
    """HTTP status."""
    code: str = "OK"
    """gRPC status, by name."""
    body: bytes = b""
    """HTTP body, or the gRPC response's bytes."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """HTTP headers beside, or instead of, the usual ones."""
    metadata: tuple[tuple[str, bytes | str], ...] = ()
    """gRPC trailing metadata."""
    message: str = ""
    """gRPC status message."""
    accepts: bool = True
    """Whether the records of the request count as received."""
    disconnects: bool = False
    """Whether the connection is closed without a word. HTTP only; gRPC says UNAVAILABLE."""
    hangs: bool = False
    """Whether nothing is answered until the receiver stops."""
    delay_s: float = 0.0
    """Seconds that the receiver takes for it."""

    @classmethod
    def ok(cls) -> Self:
        """Take everything."""
        return cls()

    @classmethod
    def partial(cls, rejected: int, message: str = "") -> Self:
        """Take the request, but say that *rejected* of its records were refused."""
        inner = b"\x08" + varint(rejected) + encode_field(b"\x12", message.encode())
        return cls(body=encode_field(b"\x0a", inner))

    @classmethod
    def refuse(cls, status: int, code: str = "", message: str = "", **headers: str) -> Self:
        """Refuse with HTTP *status*, and with gRPC *code* where it is gRPC.

        Args:
            status: HTTP status.
            code: gRPC status name; for well-known statuses found by itself.
            message: Said in a google.rpc.Status, and by gRPC.
            **headers: HTTP headers, with `_` for `-`, e.g. `retry_after="30"`.
        """
        code = code or _CODES.get(status, "UNKNOWN")
        return cls(
            status=status,
            code=code,
            body=encode_field(b"\x12", message.encode()) if message else b"",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            message=message,
            accepts=False,
        )

    @classmethod
    def retry_in(cls, seconds: float, *, status: int = 503, code: str = "UNAVAILABLE") -> Self:
        """Refuse for now: by Retry-After (whole seconds), and by RetryInfo where it is gRPC."""
        whole = int(seconds)
        duration = b"\x08" + varint(whole) + b"\x10" + varint(round((seconds - whole) * 1e9))
        info = encode_field(b"\x0a", b"type.googleapis.com/google.rpc.RetryInfo")
        info += encode_field(b"\x12", encode_field(b"\x0a", duration))
        details = encode_field(b"\x12", b"later") + encode_field(b"\x1a", info)
        return cls(
            status=status,
            code=code,
            headers={"Retry-After": str(whole)},
            metadata=(("grpc-status-details-bin", details),),
            message="later",
            accepts=False,
        )

    @classmethod
    def raw(cls, status: int, body: bytes, content_type: str, **headers: str) -> Self:
        """Answer with any HTTP response at all, as a proxy or a login page would."""
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, "UNKNOWN", body, {"Content-Type": content_type, **extra}, accepts=False)

    @classmethod
    def disconnect(cls) -> Self:
        """Close the connection instead of answering."""
        return cls(code="UNAVAILABLE", message="disconnected", accepts=False, disconnects=True)

    @classmethod
    def hang(cls) -> Self:
        """Take the request, and never answer."""
        return cls(accepts=False, hangs=True)

    def after(self, seconds: float) -> Self:
        """Return the same answer, given *seconds* later."""
        return replace(self, delay_s=seconds)


_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    413: "RESOURCE_EXHAUSTED",
    429: "UNAVAILABLE",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}
