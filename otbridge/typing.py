"""The protocols that other people's code may implement, and the values they exchange."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

__all__ = [
    "Attributes",
    "EventDict",
    "FlushResult",
    "PackedSink",
    "Processor",
    "Rejected",
    "ResendingSink",
    "Retryable",
    "SendResult",
    "Signal",
    "Sink",
    "Success",
]

Signal = Literal["logs", "traces", "metrics"]
"""The three OpenTelemetry signals, by the names of their OTLP paths."""

Attributes = Mapping[str, Any]
"""Attribute names to values of any type; what OTLP cannot hold is converted, never refused."""

EventDict = MutableMapping[str, Any]
"""A structlog event on its way through the processors."""


class Processor(Protocol):
    """A structlog processor: takes the event, returns the (same) event. No I/O, never raises."""

    def __call__(self, logger: Any, method_name: str, event_dict: EventDict, /) -> EventDict:
        """Return *event_dict*, enriched."""
        ...


class Success(NamedTuple):
    """The receiver answered and took the request, wholly or in part."""

    rejected: int = 0
    """Records that the receiver refused (OTLP partial success); they are never sent again."""
    message: str = ""
    """What the receiver said about them; may also be a warning with nothing refused."""


class Retryable(NamedTuple):
    """Nothing was acknowledged, and the same request may be taken later."""

    reason: str
    """A low-cardinality word for `error.type`, e.g. `503`, `UNAVAILABLE`, `ConnectionRefusedError`."""
    message: str = ""
    after: float | None = None
    """Seconds that the receiver asked us to wait; None where it said nothing."""
    maybe_taken: bool = False
    """Whether the receiver may have the records nevertheless: the request was sent, or may have
    been, and no answer came from who would know."""


class Rejected(NamedTuple):
    """Nothing was taken, and sending the same request again cannot help."""

    reason: str
    """A low-cardinality word for `error.type`, e.g. `400`, `INVALID_ARGUMENT`, `too_large`."""
    message: str = ""


SendResult = Success | Retryable | Rejected


class Sink(Protocol):
    """The last stop of the data's way: sends one encoded request once and says how it went.

    A sink never retries, never sleeps and never raises for what the network does: those are
    answers, not exceptions. It is called by one thread at a time.
    """

    @property
    def name(self) -> str:
        """The sink in words for people, without secrets, e.g. `otlp_http http://host:4318`."""
        ...

    def send(self, signal: Signal, request: bytes, timeout: float) -> SendResult:
        """Send the OTLP Export*ServiceRequest *request* once, within *timeout* seconds."""
        ...

    def close(self) -> None:
        """Give back connections; may be called twice, and before the first send."""
        ...


@runtime_checkable
class PackedSink(Sink, Protocol):
    """A sink that sends compressed requests as they are, so that each is compressed only once."""

    @property
    def encoding(self) -> str:
        """How it wants requests compressed: `gzip`, `zstd` or `none`. It takes gzip as well."""
        ...

    def send_packed(self, signal: Signal, body: bytes, encoding: str, timeout: float) -> SendResult:
        """Send *body*, a request compressed by *encoding*, once, within *timeout* seconds."""
        ...


@runtime_checkable
class ResendingSink(Sink, Protocol):
    """A sink that can tell its receiver which requests may have come to it before."""

    resent: bool
    """Whether the next request's records, or some of them, may have been sent before; set before
    each. A receiver that knows the mark keeps the records that it does not have, and no other."""


class FlushResult(NamedTuple):
    """What became of the records that were waiting when a flush was asked for."""

    delivered: int
    """Records that a receiver acknowledged during the flush."""
    failed: int
    """Records that were refused or dropped during the flush; the ledger has the reasons."""
    spooled: int
    """Records that are safe on disk and will be sent later."""
    timed_out: bool
    """Whether records were still waiting in memory when the time was up."""
