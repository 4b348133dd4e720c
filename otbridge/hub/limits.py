"""How much the hub takes, and for how long it waits.

Each number is a decision against one threat; sizes are bytes, times are seconds.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BODY_BASE_S",
    "BODY_BYTES_PER_S",
    "DECODE_INLINE_BYTES",
    "HANDSHAKE_S",
    "HEAD_S",
    "MAX_BODY_BYTES",
    "MAX_CONNECTIONS",
    "MAX_CONNECTIONS_PER_ADDRESS",
    "MAX_FRAGMENTS",
    "MAX_HANDSHAKES",
    "MAX_HEAD_BYTES",
    "MAX_INFLATED_BYTES",
    "MAX_PUBLIC_BODY_BYTES",
    "MAX_PUBLIC_INFLATED_BYTES",
    "MAX_PUBLIC_RECORDS",
    "MAX_PUBLIC_VALUES",
    "MAX_UNSENT_PONG_BYTES",
    "MAX_WAITING_BYTES",
    "MAX_WEBSOCKET_BYTES",
    "MESSAGE_S",
]

MAX_BODY_BYTES: Final = 16 << 20
"""A request as it comes over the wire; batches of stock SDKs are below 1 MiB."""

MAX_INFLATED_BYTES: Final = 64 << 20
"""The same request inflated: OTLP's recommended maximum for a message (OTLP 1.11 §Request)."""

MAX_PUBLIC_BODY_BYTES: Final = 1 << 20
"""The same where it comes with a public key: what a browser sends is some ten kilobytes."""

MAX_PUBLIC_INFLATED_BYTES: Final = 4 << 20
"""And inflated; telemetry shrinks to a fifth or a tenth."""

MAX_PUBLIC_RECORDS: Final = 1000
"""Spans, log records or metric points in it: as many as in a batch of the bridge."""

MAX_PUBLIC_VALUES: Final = 300_000
"""Attributes and all other nested messages in it, told before it is decoded; 128 attributes (two
messages each) on every record, and some 30 MB once decoded."""

MAX_WAITING_BYTES: Final = 128 << 20
"""Requests that are being decoded and stored, all together; beyond, senders are told to wait."""

DECODE_INLINE_BYTES: Final = 256 << 10
"""Larger requests are decoded on a worker thread, so that the event loop never stalls for more
than a few milliseconds: some 1,000 spans."""

BODY_BASE_S: Final = 10.0
"""A body has this long to arrive, and a second more for every `BODY_BYTES_PER_S`."""
BODY_BYTES_PER_S: Final = 64 << 10

HANDSHAKE_S: Final = 5.0
"""A connection has this long to become an encrypted one."""

MAX_HANDSHAKES: Final = 256
"""Connections that are becoming encrypted; beyond, the one that takes longest is cut."""

HEAD_S: Final = 5.0
"""A connection has this long to show the whole head of a request."""

MAX_HEAD_BYTES: Final = 64 << 10
"""A request's address and headers, over all lines; browsers and exporters send 1 to 4 KiB."""

MAX_CONNECTIONS: Final = 512
"""Open connections to the HTTP port, far more than a machine's services and pages need and half
of the 1,024 files that a process may usually have open. Beyond, the longest silent one is closed;
where all are busy the new one gets 503."""

MAX_CONNECTIONS_PER_ADDRESS: Final = 32
"""The same for one address of another machine. This machine's own has no such limit: a server with
sixteen workers has one connection a signal in each."""

MAX_WEBSOCKET_BYTES: Final = 1 << 20
"""One WebSocket message, of a bridge or a viewer; each has its own, lower limit on top."""

MAX_FRAGMENTS: Final = 64
"""Pieces of one WebSocket message; browsers and our clients send one."""

MESSAGE_S: Final = 10.0
"""A message in pieces has this long to become whole."""

MAX_UNSENT_PONG_BYTES: Final = 256 << 10
"""Answers to pings that their sender has not read; beyond, the connection is cut."""
