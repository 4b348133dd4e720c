"""What operations did minute by minute, as it was counted while spans came in."""

from __future__ import annotations

from collections import defaultdict
from heapq import nsmallest
from typing import TYPE_CHECKING, Final

from otbridge.hub.store.sqlite.counts.durations import Durations
from otbridge.hub.store.sqlite.counts.histogram import quantiles
from otbridge.hub.store.sqlite.counts.minutes import MINUTE_NS
from otbridge.hub.store.vocabulary import OperationMinute

if TYPE_CHECKING:
    from otbridge.hub.store.sqlite.questions.reader import Reader

    Key = tuple[str, str, int, int]
    """Service, name, kind and minute: what the answer is sorted by."""

__all__ = ["operation_minutes"]

_SHARES: Final = (0.5, 0.95, 0.99)

_NAMES: Final = (
    "SELECT Id, ServiceName, SpanName, SpanKind FROM otel_operations"
    " WHERE ? IS NULL OR ServiceName = ?"
)
_MINUTES: Final = (
    "SELECT Begin, Durations FROM otel_operation_counts WHERE Minutes = 1 AND Begin BETWEEN ? AND ?"
)


class _Found:
    """The first minutes in the order of the answer, of those that were added."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._last: Key | None = None
        self.taken: defaultdict[Key, int] = defaultdict(int)
        self.failed: defaultdict[Key, int] = defaultdict(int)

    def add(self, key: Key, taken: int, failed: int) -> None:
        if self._last is None or key <= self._last:
            self.taken[key] += taken
            self.failed[key] += failed

    def trim(self) -> None:
        """Forget those that so many others come before that nobody will see them."""
        if len(self.taken) > 2 * self._limit:
            first = nsmallest(self._limit, self.taken)
            self._last = first[-1]
            self.taken = defaultdict(int, {key: self.taken[key] for key in first})

    def answer(self) -> list[OperationMinute]:
        minutes = []
        for key in nsmallest(self._limit, self.taken):
            service, name, kind, minute = key
            count, shares = quantiles(self.taken[key], _SHARES)
            told = count, self.failed[key], *shares
            minutes.append(OperationMinute(service, name, kind, minute * MINUTE_NS, *told))
        return minutes


def operation_minutes(
    reader: Reader, from_ns: int, to_ns: int, limit: int, service: str | None
) -> list[OperationMinute]:
    """Answer `Store.operation_minutes`."""
    first, last = from_ns // MINUTE_NS, (to_ns - 1) // MINUTE_NS
    found = _Found(limit)
    for day in reader.days:
        rows = reader.rows(day, _NAMES, service, service)
        names = {number: (name, span_name, kind) for number, name, span_name, kind in rows}
        for minute, blob in reader.rows(day, _MINUTES, first, last):
            durations = Durations()
            reader.corrupt += not durations.add_packed(blob, names)
            for number, taken in durations.taken.items():
                found.add((*names[number], minute), taken, durations.failed.get(number, 0))
            found.trim()
            reader.check_time()
    return found.answer()
