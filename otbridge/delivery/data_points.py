"""What became of metrics, counted in data points, as OpenTelemetry's conventions count them.

The ledger counts metrics: one record is one metric with all of its data points. Here stands what
it cannot know: how many points were in those that were sent or refused.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from otbridge.errors import OtbridgeError
from otbridge.wire.protobuf import walk

if TYPE_CHECKING:
    from otbridge.delivery.batch import Batch

__all__ = ["DataPoints", "data_points", "data_points_of"]

_DATA: Final = frozenset({5, 7, 9, 10, 11})
"""Metric's gauge, sum, histogram, exponential_histogram and summary (opentelemetry-proto 1.7);
in each of them field 1 is the repeated data points."""
_POINT: Final = 1


class DataPoints:
    """Running counts of one pipeline of metrics. Whoever books or looks has the ledger's lock."""

    def __init__(self) -> None:
        self.in_flight = 0
        """Being sent at this moment."""
        self.delivered = 0
        """Acknowledged by a receiver, or written by a fallback."""
        self.failed: Counter[str] = Counter()
        """Refused by a receiver, or given up after trying, by the ledger's reason."""
        self.metrics: Counter[str] = Counter()
        """The metrics that `failed` is about. The ledger's others never came to be sent: what a
        full queue or disk let go, each with at least one data point."""

    def deliver(self, batch: Batch, refused: int = 0) -> None:
        """Count what a receiver took, all but the *refused* points."""
        points = data_points_of(batch)
        refused = min(refused, points)
        self.delivered += points - refused
        if refused:
            self.failed["partial_success"] += refused
            self.metrics["partial_success"] += min(refused, len(batch))

    def fail(self, reason: str, batch: Batch) -> None:
        """Count what no receiver will have."""
        self.failed[reason] += data_points_of(batch)
        self.metrics[reason] += len(batch)


def data_points_of(batch: Batch) -> int:
    """Return how many data points *batch* has; of what cannot be taken apart, how many records."""
    try:
        return sum(data_points(record) for _, record in batch.entries)
    except OtbridgeError:
        return len(batch)


def data_points(record: bytes) -> int:
    """Return how many data points a metric has.

    Args:
        record: A Metric, framed as it stands in a request.

    Raises:
        MalformedData: it is none.
    """
    return sum(
        point.number == _POINT
        for metric in walk(record)
        for data in walk(record, metric.start, metric.end)
        if data.number in _DATA
        for point in walk(record, data.start, data.end)
    )
