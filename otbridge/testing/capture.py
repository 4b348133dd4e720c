"""See in a test what your code records: log records and spans as they would arrive.

    from otbridge.testing.capture import capture

    def test_order_is_logged():
        with capture() as seen:
            place_order(7)
        assert seen.log("order placed").attributes["order_id"] == 7
        assert seen.log("order placed").span == seen.span("POST /order")

As a pytest fixture, put `from otbridge.testing.capture import captured` into your conftest.py.
Everything goes the real way through processors, encoder and delivery; only the network is
replaced by memory.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from otbridge import _configure
from otbridge.config import resolve
from otbridge.sinks.memory import MemorySink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.config import Destination
    from otbridge.typing import Signal, Sink

__all__ = ["Captured", "CapturedLog", "CapturedSpan", "capture"]

_Found = TypeVar("_Found", "CapturedLog", "CapturedSpan")

_NOWHERE = Path("/")
_FLUSH_S = 5.0


@dataclass(frozen=True, slots=True)
class CapturedSpan:
    """A span that has ended."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    """Empty for a root."""
    attributes: dict[str, Any]
    error: str | None
    """The status' description where the span failed, else None."""
    scope: str
    events: tuple[str, ...] = ()
    """Names of its events."""


@dataclass(frozen=True, slots=True)
class CapturedLog:
    """A log record."""

    body: Any
    severity: str
    """The severity text, e.g. `WARN`."""
    severity_number: int
    attributes: dict[str, Any]
    trace_id: str
    """Empty outside any span."""
    span_id: str
    scope: str
    """The logger's name."""
    event_name: str = ""
    span: CapturedSpan | None = field(default=None, compare=False, repr=False)
    """The span it was written in, where that has ended."""


class Captured:
    """What has been recorded so far; reading it waits for what is on its way."""

    def __init__(self, sinks: list[tuple[Signal, MemorySink]]) -> None:
        self._sinks = sinks

    @property
    def spans(self) -> list[CapturedSpan]:
        """The spans that have ended, in that order."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
            ExportTraceServiceRequest,
        )

        return [
            _span(span, scope.scope.name)
            for request in self._requests("traces", ExportTraceServiceRequest)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def logs(self) -> list[CapturedLog]:
        """The log records, in the order in which they were written by one thread."""
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
            ExportLogsServiceRequest,
        )

        spans = {span.span_id: span for span in self.spans}
        found = [
            _log(record, scope.scope.name, spans)
            for request in self._requests("logs", ExportLogsServiceRequest)
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
        # Records of one request are grouped by logger; their times bring them in order again.
        return [log for _, log in sorted(found, key=lambda pair: pair[0])]

    @property
    def resource(self) -> dict[str, Any]:
        """Attributes of the resource that everything is sent under."""
        return dict(_configure.runtime().resource)

    def log(self, body: str) -> CapturedLog:
        """Return the one record with this message.

        Raises:
            AssertionError: There is none, or there are several; says what there is.
        """
        return _only(
            [each for each in self.logs if each.body == body],
            body,
            [each.body for each in self.logs],
        )

    def span(self, name: str) -> CapturedSpan:
        """Return the one span of this name.

        Raises:
            AssertionError: There is none, or there are several; says what there is.
        """
        return _only(
            [each for each in self.spans if each.name == name],
            name,
            [each.name for each in self.spans],
        )

    def children(self, parent: CapturedSpan) -> list[CapturedSpan]:
        """Return the spans directly below *parent*."""
        return [
            each
            for each in self.spans
            if each.parent_id == parent.span_id and each.trace_id == parent.trace_id
        ]

    def _requests(self, signal: Signal, kind: Any) -> list[Any]:
        _configure.flush(_FLUSH_S)
        return [
            kind.FromString(body)
            for of, sink in self._sinks
            if of == signal
            for _, body in sink.requests
        ]


@contextmanager
def capture(**settings: Any) -> Iterator[Captured]:
    """Keep in memory what is recorded inside, and send nothing.

    Neither the environment nor a settings file has a say. What was configured before is in force
    again afterwards.

    Args:
        settings: As for `otbridge.configure`; by default level debug, no console, no metrics.
    """
    sinks: list[tuple[Signal, MemorySink]] = []

    def keep(signal: Signal, destination: Destination) -> Sink:  # noqa: ARG001 - memory is memory
        sinks.append((signal, MemorySink()))
        return sinks[-1][1]

    before = _configure._runtime  # noqa: SLF001 - asked without starting one
    if before is not None and before.closed:
        before = None
    defaults = {
        "service": "test",
        "endpoint": "http://memory",
        "level": "debug",
        "console": "off",
        "metrics": False,
        "live": "off",
    }
    config = resolve(defaults | settings, environ={}, folder=_NOWHERE)
    _configure.activate(config, make_sink=keep)
    try:
        yield Captured(sinks)
    finally:
        if before is None:
            _configure.shutdown(_FLUSH_S)
        else:
            _configure.activate(before.config, make_sink=before.make_sink, guest=before.guest)


def _fixture() -> Any:
    """Return the pytest fixture; pytest is only needed by those who ask for it."""
    import pytest

    @pytest.fixture(name="captured")
    def captured() -> Iterator[Captured]:
        """Give what the code under test records."""
        with capture() as seen:
            yield seen

    return captured


def __getattr__(name: str) -> Any:
    """Make the fixture when it is first asked for."""
    if name == "captured":
        return _fixture()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _only(found: list[_Found], wanted: str, there: list[Any]) -> _Found:
    if len(found) != 1:
        raise AssertionError(f"{len(found)} of {wanted!r}; there is: {there}")
    return found[0]


def _span(span: Any, scope: str) -> CapturedSpan:
    return CapturedSpan(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_attributes(span.attributes),
        error=span.status.message if span.status.code == 2 else None,
        scope=scope,
        events=tuple(event.name for event in span.events),
    )


def _log(record: Any, scope: str, spans: dict[str, CapturedSpan]) -> tuple[int, CapturedLog]:
    span_id = record.span_id.hex()
    return record.time_unix_nano, CapturedLog(
        body=_plain(record.body),
        severity=record.severity_text,
        severity_number=record.severity_number,
        attributes=_attributes(record.attributes),
        trace_id=record.trace_id.hex(),
        span_id=span_id,
        scope=scope,
        event_name=record.event_name,
        span=spans.get(span_id),
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return None if kind is None else getattr(value, kind)
