"""What delivery says about itself as metrics: OpenTelemetry's `otel.sdk.*`, fed from the ledgers.

Names, units and attributes: semantic-conventions 1.44, "OpenTelemetry SDK metrics" (development).
A record that did not arrive is never counted without its `error.type`: `rejected` for those that a
receiver refused in part, else the last cause. Of metrics, data points are counted; of a metric
that was lost before it came to be sent, only one. What the conventions have no name for is ours,
under `otbridge.`: records on disk, records taken by a fallback, strategies in use.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from opentelemetry.metrics import CallbackOptions, Observation

from otbridge.delivery.strategy import Strategy
from otbridge.semconv import ERROR_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from otbridge.delivery.ledger import LedgerSnapshot
    from otbridge.delivery.pipeline import Pipeline
    from otbridge.typing import Signal

__all__ = ["Health", "Source"]

_KINDS: Final[Mapping[Signal, str]] = {"logs": "log", "traces": "span", "metrics": "metric"}
_UNITS: Final = {"log": "{log_record}", "span": "{span}", "metric": "{data_point}"}
_PROCESSED: Final = ("log", "span")
"""Kinds of signals that the conventions have processors for."""
_BEFORE_EXPORT: Final = {
    "queue_full": "queue_full",
    "queue_full_error": "queue_full",
    "sampled": "sampled",
    "too_large": "too_large",
    "shutdown": "already_shutdown",
    "recursion": "recursion",
    "no_destination": "no_destination",
}
"""Reasons of the ledger for records that never got to the exporter, and their `error.type`."""
_DURATION: Final = "otel.sdk.exporter.operation.duration"
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Those that the conventions advise for durations in seconds."""


@dataclass(frozen=True, slots=True)
class Source:
    """One signal's delivery, as metrics see it."""

    signal: Signal
    pipeline: Pipeline
    capacity: int
    """Most records in memory."""
    transport: str = "http"
    """`http` or `grpc`: part of the exporter's type."""
    address: str = ""
    port: int = 0

    @property
    def kind(self) -> str:
        """`log`, `span` or `metric`: part of its components' types."""
        return _KINDS[self.signal]

    @property
    def processor(self) -> dict[str, Any]:
        """Attributes of the component that queues."""
        return _component(f"batching_{self.kind}_processor")

    @property
    def exporter(self) -> dict[str, Any]:
        """Attributes of the component that sends."""
        server = {"server.address": self.address, "server.port": self.port} if self.port else {}
        return _component(f"otlp_{self.transport}_{self.kind}_exporter") | server


class _Instrument(NamedTuple):
    """One row of `_INSTRUMENTS`: what is registered for each of its kinds of signals."""

    name: str
    """With `{kind}` where the kind is part of it."""
    look: Callable[[Source, LedgerSnapshot], Iterable[Observation]]
    """Tells the present values."""
    grows: bool = False
    """Whether it only ever grows: a counter, not an up-down counter."""
    unit: str = ""
    """The kind's own (`_UNITS`) where it is left out."""
    kinds: tuple[str, ...] = _PROCESSED


class Health:
    """Registers the instruments, once for a provider, and answers them from the present sources."""

    def __init__(self) -> None:
        self.sources: tuple[Source, ...] = ()
        """What is measured: exchanged when otbridge is configured anew."""
        self._duration: Any = None

    def register(self, provider: Any) -> None:
        """Make the instruments of the OpenTelemetry MeterProvider *provider*."""
        meter = provider.get_meter("otbridge")
        for each in _INSTRUMENTS:
            create = (
                meter.create_observable_counter
                if each.grows
                else meter.create_observable_up_down_counter
            )
            for kind in each.kinds:
                observe = self._observer(kind, each.look)
                create(each.name.format(kind=kind), [observe], each.unit or _UNITS[kind])
        self._duration = meter.create_histogram(
            _DURATION, "s", explicit_bucket_boundaries_advisory=_BUCKETS
        )

    def timed(self, signal: Signal, seconds: float, error_type: str) -> None:
        """Take note of one export, all its attempts together.

        Args:
            signal: What was exported.
            seconds: How long it took.
            error_type: Why it failed; empty where it did not.
        """
        duration = self._duration
        source = next((each for each in self.sources if each.signal == signal), None)
        if duration is not None and source is not None:
            failure = {ERROR_TYPE: error_type} if error_type else {}
            duration.record(seconds, source.exporter | failure)

    def _observer(
        self, kind: str, look: Callable[[Source, LedgerSnapshot], Iterable[Observation]]
    ) -> Callable[[CallbackOptions], Iterator[Observation]]:
        def observe(_: CallbackOptions) -> Iterator[Observation]:
            for source in self.sources:
                if source.kind == kind:
                    yield from look(source, source.pipeline.ledger.snapshot())

        return observe


def _queue_size(source: Source, found: LedgerSnapshot) -> Iterator[Observation]:
    yield Observation(found.in_memory - found.in_flight, source.processor)


def _queue_capacity(source: Source, _: LedgerSnapshot) -> Iterator[Observation]:
    yield Observation(source.capacity, source.processor)


def _processed(source: Source, found: LedgerSnapshot) -> Iterator[Observation]:
    """Those handed to the exporter, and those that never were."""
    before = _by_type(found.dropped, _BEFORE_EXPORT.get)
    handed_over = found.accepted - sum(before.values()) - found.in_memory
    yield Observation(handed_over, source.processor)
    for error_type, records in before.items():
        yield Observation(records, source.processor | {ERROR_TYPE: error_type})


def _in_flight(source: Source, found: LedgerSnapshot) -> Iterator[Observation]:
    yield Observation(found.in_flight, source.exporter)


def _exported(source: Source, found: LedgerSnapshot) -> Iterator[Observation]:
    """Those that arrived, and those that did not, with the final cause."""
    yield Observation(found.delivered, source.exporter)
    failed = _by_type(found.rejected, _rejected_type)
    for reason, records in found.dropped.items():
        if reason not in _BEFORE_EXPORT:
            failed[reason] = failed.get(reason, 0) + records
    for error_type, records in failed.items():
        yield Observation(records, source.exporter | {ERROR_TYPE: error_type})


def _points_in_flight(source: Source, _: LedgerSnapshot) -> Iterator[Observation]:
    yield Observation(source.pipeline.ledger.points.in_flight, source.exporter)


def _points_exported(source: Source, found: LedgerSnapshot) -> Iterator[Observation]:
    """As `_exported`. There is no processor of metrics, so what was never sent is in it as well."""
    ledger = source.pipeline.ledger
    lost = Counter(found.rejected) + Counter(found.dropped)
    with ledger.lock:
        delivered = ledger.points.delivered
        failed = lost - ledger.points.metrics + ledger.points.failed
    yield Observation(delivered, source.exporter)
    for error_type, number in _by_type(failed, _points_type).items():
        yield Observation(number, source.exporter | {ERROR_TYPE: error_type})


def _points_type(reason: str) -> str:
    return _BEFORE_EXPORT.get(reason, _rejected_type(reason))


def _spooled(source: Source, found: LedgerSnapshot) -> Iterator[Observation]:
    yield Observation(found.spooled, source.exporter)


def _diverted(source: Source, found: LedgerSnapshot) -> Iterator[Observation]:
    yield Observation(found.diverted, source.exporter)


def _strategies(source: Source, _: LedgerSnapshot) -> Iterator[Observation]:
    for strategy in get_args(Strategy):
        active = strategy in source.pipeline.strategies
        yield Observation(int(active), source.processor | {"otbridge.strategy": strategy})


_INSTRUMENTS: Final = (
    _Instrument("otel.sdk.processor.{kind}.queue.size", _queue_size),
    _Instrument("otel.sdk.processor.{kind}.queue.capacity", _queue_capacity),
    _Instrument("otel.sdk.processor.{kind}.processed", _processed, grows=True),
    _Instrument("otel.sdk.exporter.{kind}.inflight", _in_flight),
    _Instrument("otel.sdk.exporter.{kind}.exported", _exported, grows=True),
    _Instrument("otbridge.spool.{kind}.waiting", _spooled),
    _Instrument("otbridge.fallback.{kind}.taken", _diverted, grows=True),
    _Instrument("otbridge.strategy.{kind}.active", _strategies, unit="{strategy}"),
    _Instrument(
        "otel.sdk.exporter.metric_data_point.inflight", _points_in_flight, kinds=("metric",)
    ),
    _Instrument(
        "otel.sdk.exporter.metric_data_point.exported",
        _points_exported,
        grows=True,
        kinds=("metric",),
    ),
)


def _rejected_type(reason: str) -> str:
    return "rejected" if reason == "partial_success" else reason


def _by_type(reasons: Mapping[str, int], type_of: Callable[[str], str | None]) -> dict[str, int]:
    found: dict[str, int] = {}
    for reason, records in reasons.items():
        error_type = type_of(reason)
        if error_type is not None:
            found[error_type] = found.get(error_type, 0) + records
    return found


def _component(kind: str) -> dict[str, Any]:
    # One of each kind in a process: configuring anew goes on with the same series.
    return {"otel.component.type": kind, "otel.component.name": f"{kind}/0"}
