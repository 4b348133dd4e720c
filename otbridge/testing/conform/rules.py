"""The rules for OTLP clients, as data: what the specifications ask, and how strongly.

Those for servers are in `otbridge.testing.conform.server.rules`.

Sources, by the short names used below: OTLP = opentelemetry-proto docs/specification.md, release
1.11.0; EXP = opentelemetry-specification specification/protocol/exporter.md, version 1.60.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["CLIENT_RULES", "Level", "Rule"]

Level = Literal["MUST", "SHOULD", "MAY"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One requirement; its checks are in the folder `checks` beside it."""

    id: str
    level: Level
    """The strongest word in it; a check of one of its weaker halves says so itself."""
    requirement: str
    source: str


CLIENT_RULES: Final = (
    Rule("C1", "MUST", "Retry only the retryable gRPC codes", "OTLP, OTLP/gRPC Failures"),
    Rule("C2", "MUST", "Retry only HTTP 429, 502, 503, 504", "OTLP, Retryable Response Codes"),
    Rule("C3", "MUST", "Drop what is refused for good; count it", "OTLP, Failures"),
    Rule("C4", "SHOULD", "Wait as long as the receiver asks", "OTLP, Throttling"),
    Rule("C5", "MUST", "Back off exponentially, with jitter", "EXP, Retry; OTLP, Connection"),
    Rule("C6", "SHOULD", "Send again after a broken connection", "OTLP, All Other Responses"),
    Rule("C7", "MUST", "Do not retry a partial success; record it", "OTLP, Partial Success"),
    Rule("C8", "MUST", "Refuse responses over 4 MiB, inflated", "OTLP, Response"),
    Rule("C9", "MUST", "Do not send requests over 64 MiB", "OTLP, Request"),
    Rule("C10", "SHOULD", "Keep connections, and signals apart", "OTLP, Connection; Multi-Destination"),
    Rule("C11", "SHOULD", "Deliver at shutdown; end in time", "OTLP, Concurrent Requests"),
    Rule("C12", "MUST", "Read the options from the environment", "EXP, Configuration Options"),
    Rule("C13", "MUST", "Make URLs from endpoints by the rules", "EXP, Endpoint URLs for OTLP/HTTP"),
    Rule("C14", "MUST", "Let the scheme decide about TLS", "EXP, Configuration Options"),
    Rule("C15", "MUST", "Read headers as W3C baggage", "EXP, Specifying headers"),
    Rule("C16", "SHOULD", "Name itself in the User-Agent", "EXP, User Agent"),
    Rule("C17", "MUST", "Keep to the OTLP/JSON mapping", "OTLP, JSON Protobuf Encoding"),
    Rule("C18", "SHOULD", "Work with receivers that only know HTTP/1.1", "OTLP, OTLP/HTTP"),
)  # fmt: skip
"""In the order in which they are reported."""
