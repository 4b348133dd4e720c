"""The frames of the bridge protocol, `otbridge.v1`, as values.

One JSON object per message, its kind in the field `k`; what each means is in
`docs/reference/bridge-protocol.md`. The telemetry inside a frame stays JSON text here (`Raw`), so
that a frame is checked and routed without reading the records in it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw, Struct

from otbridge.errors import LimitExceeded, MalformedData

__all__ = [
    "MAX_BYTES",
    "READABLE_BYTES",
    "SUBPROTOCOL",
    "VERSION",
    "Ack",
    "Batch",
    "Bye",
    "ClientFrame",
    "Envelope",
    "GoAway",
    "Hello",
    "Nack",
    "Open",
    "OtherVersion",
    "Oversize",
    "Ping",
    "Pong",
    "Ready",
    "SdkName",
    "ServerFrame",
    "Slow",
    "Unknown",
    "decode",
    "decode_envelope",
    "encode",
]

VERSION: Final = 1
SUBPROTOCOL: Final = "otbridge.v1.json"

MAX_BYTES: Final = 262_144
"""Largest frame taken, as `ready.max_bytes` tells the client (bridge-protocol, rule 5)."""

READABLE_BYTES: Final = 1_048_576
"""Up to here the head of a frame that is too large is read, so that its batch can be refused by
its id; also the largest HTTP body. It is the default message limit of the websockets library."""

BatchId = Annotated[int, Meta(ge=1, le=2**53 - 1)]
"""Counts batches of a stream; as large as a number in JavaScript is exact."""

_Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_StreamId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
_Word = Annotated[str, Meta(max_length=128)]
_Token = Annotated[str, Meta(max_length=4096)]
_Reasons = Annotated[dict[_Word, _Count], Meta(max_length=32)]
_UnixMs = Annotated[float, Meta(ge=0, le=2**53 - 1)]

_NOTHING: Final = Raw(b"[]")


class SdkName(Struct, frozen=True):
    """Which library speaks."""

    name: _Word
    version: _Word


class Hello(Struct, frozen=True, tag_field="k", tag="hello"):
    """Who the client is; the first frame."""

    v: int
    stream: _StreamId
    epoch: BatchId
    sdk: SdkName
    clock: _UnixMs
    resource: Raw = _NOTHING
    caps: Annotated[list[_Word], Meta(max_length=32)] = []
    oldest: BatchId = 1
    token: _Token | None = None


class Batch(Struct, frozen=True, tag_field="k", tag="batch"):
    """Ended spans and log records, under an id that stays theirs on every path."""

    id: BatchId
    n: _Count
    spans: Raw = _NOTHING
    logs: Raw = _NOTHING
    dropped: _Reasons = {}
    oldest: BatchId = 1


class Open(Struct, frozen=True, tag_field="k", tag="open"):
    """Spans that have begun."""

    spans: Raw


class Ping(Struct, frozen=True, tag_field="k", tag="ping"):
    """A sign of life."""

    t: int | float


class Bye(Struct, frozen=True, tag_field="k", tag="bye"):
    """The client leaves on purpose."""


class Envelope(Struct, frozen=True):
    """The body of a POST: a `hello` and its batches in one."""

    v: int
    stream: _StreamId
    sdk: SdkName
    clock: _UnixMs
    resource: Raw = _NOTHING
    batches: list[Batch] = []
    open: Raw = _NOTHING
    oldest: BatchId = 1
    token: _Token | None = None


class OtherVersion(Struct, frozen=True):
    """A `hello` or envelope of a protocol version that we do not speak."""

    v: Any


class Oversize(Struct, frozen=True):
    """A batch in a frame larger than `MAX_BYTES`: only its head was read."""

    id: int
    size: int


class Unknown(Struct, frozen=True):
    """A kind that this version does not know; to be ignored."""

    k: str


ClientFrame = Hello | Batch | Open | Ping | Bye | OtherVersion | Oversize | Unknown


class Ready(Struct, frozen=True, tag_field="k", tag="ready"):
    """The answer to `hello`."""

    v: int
    conn: str
    last: int
    window: int
    max_bytes: int
    ping_s: int
    live: bool
    config: dict[str, Any]
    clock: float


class Ack(Struct, frozen=True, tag_field="k", tag="ack", omit_defaults=True):
    """Everything up to `id` has been taken; `live`, by POST only: open spans are wanted."""

    id: int
    rejected: int = 0
    message: str = ""
    live: bool = False


class Nack(Struct, frozen=True, tag_field="k", tag="nack", omit_defaults=True):
    """A batch was not taken: `retry_ms` says when to come again, `fatal` never to."""

    id: int
    why: str
    retry_ms: int | None = None
    fatal: bool = False


class Slow(Struct, frozen=True, tag_field="k", tag="slow"):
    """Keep fewer batches under way for a while."""

    window: int
    for_ms: int


class GoAway(Struct, frozen=True, tag_field="k", tag="goaway"):
    """The server leaves; a close follows."""

    retry_ms: int
    why: str


class Pong(Struct, frozen=True, tag_field="k", tag="pong"):
    """The answer to `ping`."""

    t: int | float


ServerFrame = Ready | Ack | Nack | Slow | GoAway | Pong


class _Head(Struct, frozen=True):
    """As much of a frame as says why it could not be read."""

    k: str = ""
    v: Raw = Raw(b"1")
    id: BatchId = 1


_Known = Hello | Batch | Open | Ping | Bye
_KNOWN_KINDS: Final = frozenset({"hello", "batch", "open", "ping", "bye"})

_frames: Final[msgspec.json.Decoder[_Known]] = msgspec.json.Decoder(_Known)
_heads: Final = msgspec.json.Decoder(_Head)
_envelopes: Final = msgspec.json.Decoder(Envelope)
_encoder: Final = msgspec.json.Encoder()


def decode(message: str | bytes) -> ClientFrame:
    """Read one message of a client.

    Args:
        message: Text, or the same as UTF-8.

    Returns:
        The frame. `Oversize`, `OtherVersion` and `Unknown` stand for frames whose head was read
        and whose content was not.

    Raises:
        LimitExceeded: More than `READABLE_BYTES`, or more than `MAX_BYTES` and no batch.
        MalformedData: No frame, or a known one with a field missing or of the wrong type.
    """
    data = _utf8(message)
    if len(data) > MAX_BYTES:
        return _oversize(data)
    try:
        frame = _frames.decode(data)
    except msgspec.ValidationError as error:
        return _not_ours(data, error)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise _malformed("A frame", error) from error
    if isinstance(frame, Hello) and frame.v != VERSION:
        return OtherVersion(frame.v)
    return frame


def decode_envelope(body: bytes) -> Envelope | OtherVersion:
    """Read the body of a POST.

    Raises:
        LimitExceeded: More than `READABLE_BYTES`.
        MalformedData: No envelope.
    """
    if len(body) > READABLE_BYTES:
        raise LimitExceeded(
            f"The body has {len(body)} bytes.",
            f"The bridge takes at most {READABLE_BYTES} by POST.",
            "Send fewer batches at a time.",
        )
    try:
        envelope = _envelopes.decode(body)
    except msgspec.ValidationError as error:
        head = _head(body)
        if head is not None and bytes(head.v) != b"1":
            return OtherVersion(_short(head.v))
        raise _malformed("The body", error) from error
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise _malformed("The body", error) from error
    return envelope if envelope.v == VERSION else OtherVersion(envelope.v)


def encode(frame: ServerFrame) -> str:
    """Return *frame* as the JSON text of one message, without fields that have nothing to say."""
    return _encoder.encode(frame).decode()


def _utf8(message: str | bytes) -> bytes:
    if isinstance(message, bytes):
        return message
    try:
        return message.encode()
    except UnicodeEncodeError as error:
        raise _malformed("A frame", error) from error


def _oversize(data: bytes) -> Oversize:
    head = _head(data) if len(data) <= READABLE_BYTES else None
    if head is not None and head.k == "batch":
        return Oversize(head.id, len(data))
    raise LimitExceeded(
        f"A frame has {len(data)} bytes.",
        f"The bridge takes at most {MAX_BYTES}, as `ready` says.",
        "Send smaller batches.",
    )


def _not_ours(data: bytes, error: Exception) -> ClientFrame:
    """Tell a frame of a later version, which is no fault, from one that is broken."""
    head = _head(data)
    if head is not None and head.k == "hello" and bytes(head.v) != b"1":
        return OtherVersion(_short(head.v))
    if head is not None and head.k and head.k not in _KNOWN_KINDS:
        return Unknown(head.k)
    raise _malformed("A frame", error) from error


def _head(data: bytes) -> _Head | None:
    try:
        return _heads.decode(data)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None  # not even a head: the caller's own error says more


def _short(value: Raw) -> str:
    return bytes(value)[:32].decode(errors="replace")


def _malformed(subject: str, error: Exception) -> MalformedData:
    return MalformedData(
        f"{subject} is not one of {SUBPROTOCOL}.",
        f"{error}.",
        "See docs/reference/bridge-protocol.md for the frames.",
    )
