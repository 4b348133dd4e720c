"""Data points of one metric as series: one for each resource, scope and set of attributes.

Points are read out of the requests that they came in, when somebody asks. Temporality is respected:
`increase` is what happened between a point and the one before, whichever way the sender counts.
"""

from __future__ import annotations

import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.proto.metrics.v1.metrics_pb2 import DataPointFlags, ResourceMetrics

from otbridge.hub.store import QueryTooSlow
from otbridge.hub.store.metric_outline import temporality_of, type_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    from otbridge.hub.store import Store
    from otbridge.hub.store.conditions import AttributeCondition
    from otbridge.hub.store.vocabulary import MetricFilter
    from otbridge.wire.rows import MetricsRow

__all__ = ["MAX_POINTS", "MAX_ROWS", "Found", "Point", "Series", "read_series"]

MAX_ROWS: Final = 2_000
"""Requests that are looked into, the latest ones: some hours of a few processes."""

MAX_POINTS: Final = 1_000
"""Points of one series that are answered, the latest ones: more than a chart has pixels."""

_BUDGET_S: Final = 2.0

_COUNTS: Final = frozenset({"histogram", "exponential_histogram"})


class Point(NamedTuple):
    """A data point, and what it grew by since the one before."""

    message: Any
    """NumberDataPoint, or one of the others."""
    increase: float | None
    """Of the sum, or of the count of a histogram; None where it is not known."""


class Series:
    """The data points of one metric with one set of attributes, from one source."""

    def __init__(
        self, service: str, resource: Resource, scope: InstrumentationScope, metric: Metric
    ) -> None:
        self.service = service
        self.resource = resource
        self.scope = scope
        self.type = type_of(metric)
        self.unit = metric.unit
        self.description = metric.description
        self.temporality = temporality_of(metric, self.type)
        self.monotonic = self.type == "sum" and metric.sum.is_monotonic
        self.attributes: Sequence[Any] = ()
        self.id = ""
        """The same in every answer."""
        self.truncated = False
        """Whether there are earlier points than these."""
        self._messages: dict[int, Any] = {}

    def add(self, message: Any) -> None:
        """Add a data point; of two of the same time the one that is added last stays."""
        self._messages[message.time_unix_nano] = message

    def points(self, from_ns: int) -> list[Point]:
        """Return the points in time order; those since *from_ns* were all asked for."""
        grows = self.monotonic or self.type in _COUNTS
        found: list[Point] = []
        before: Any = None
        for _, message in sorted(self._messages.items()):
            increase = self._increase(message, before, from_ns) if grows else None
            found.append(Point(message, increase))
            if not _is_empty(message):
                before = message
        self.truncated = len(found) > MAX_POINTS
        return found[-MAX_POINTS:]

    def _increase(self, message: Any, before: Any, from_ns: int) -> float | None:
        if _is_empty(message):
            return None
        value = self._total(message)
        if self.temporality == "delta":
            return value
        start = message.start_time_unix_nano
        if before is None:
            return value if start >= from_ns else None
        begun_anew = start > before.start_time_unix_nano and start >= before.time_unix_nano
        earlier = self._total(before)
        # What is smaller than before has begun anew, whether or not its start says so.
        return value if begun_anew or value < earlier else value - earlier

    def _total(self, message: Any) -> float:
        if self.type in _COUNTS:
            return int(message.count)
        kind = message.WhichOneof("value")
        return getattr(message, kind) if kind else 0


class Found(NamedTuple):
    """The series of a metric."""

    series: list[Series]
    complete: bool
    """False where there were more requests than are looked into: the earliest points are missing."""


def read_series(
    store: Store, wanted: MetricFilter, conditions: Sequence[AttributeCondition]
) -> Found:
    """Return the series that have data points in the wanted time.

    Raises:
        QueryTooSlow: There is too much to read.
    """
    deadline = time.monotonic() + _BUDGET_S
    rows = store.metric_rows(wanted, MAX_ROWS + 1)
    found: dict[bytes, Series] = {}
    for row in reversed(rows[:MAX_ROWS]):
        for key, series, message in _points(row, wanted, conditions):
            found.setdefault(key, series).add(message)
        if time.monotonic() > deadline:
            raise QueryTooSlow(
                f"The answer would have taken more than {_BUDGET_S:g} s.",
                "The metric has too many data points in this time.",
                "Narrow the time, or ask for one service.",
            )
    for key, series in found.items():
        series.id = key.hex()
    return Found([*found.values()], len(rows) <= MAX_ROWS)


def _points(
    row: MetricsRow, wanted: MetricFilter, conditions: Sequence[AttributeCondition]
) -> Iterator[tuple[bytes, Series, Any]]:
    data = ResourceMetrics.FromString(row.data)
    source = data.resource.SerializeToString(deterministic=True)
    for scope in data.scope_metrics:
        for metric in scope.metrics:
            kind = type_of(metric) if metric.name == wanted.name else ""
            for message in getattr(metric, kind).data_points if kind else ():
                if not wanted.from_ns <= message.time_unix_nano < wanted.to_ns:
                    continue
                attributes = sorted(
                    one.SerializeToString(deterministic=True) for one in message.attributes
                )
                if not all(condition.fits(attributes) for condition in conditions):
                    continue
                series = Series(row.service, data.resource, scope.scope, metric)
                series.attributes = message.attributes
                named = f"{row.service}\0{series.type}\0{series.unit}\0{series.temporality}"
                key = blake2b(named.encode(), digest_size=8)
                for part in (source, scope.scope.SerializeToString(), *attributes):
                    key.update(len(part).to_bytes(4) + part)
                yield key.digest(), series, message


def _is_empty(message: Any) -> bool:
    """Whether the sender says that there is no value at this time (OTLP DataPointFlags)."""
    mask = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
    return bool(message.flags & mask)
