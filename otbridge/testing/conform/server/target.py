"""The server under test: where it is, and what has to be known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.typing import Signal

__all__ = ["ALL_SIGNALS", "RECOMMENDED_LIMIT", "Server"]

RECOMMENDED_LIMIT: Final = 64 << 20
"""Bytes in a request (OTLP 1.11.0, OTLP/HTTP Request): what a server takes at most by default."""

ALL_SIGNALS: Final[tuple[Signal, ...]] = ("logs", "traces", "metrics")


@dataclass(frozen=True, slots=True)
class Server:
    """A program that receives telemetry by OTLP."""

    url: str
    """Base URL of OTLP/HTTP, to which `/v1/traces` is added."""
    grpc: str = ""
    """Target of OTLP/gRPC, e.g. `127.0.0.1:4317`; `https://` before it for TLS. Empty: none."""
    max_body: int | None = None
    """Bytes that it takes in one request; None where that is not known."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with each request, e.g. for authorization; as metadata over gRPC."""
    signals: tuple[Signal, ...] = ALL_SIGNALS
    """What it receives."""
    timeout_s: float = 15.0
    """How long it is waited for one answer."""
