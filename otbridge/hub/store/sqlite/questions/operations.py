"""Questions about operations and services, answered from what was counted by the minute."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.hub.store.sqlite.counts.histogram import quantiles
from otbridge.hub.store.sqlite.counts.minutes import MINUTE_NS
from otbridge.hub.store.sqlite.counts.stretches import read_stretches
from otbridge.hub.store.vocabulary import OperationTotals, ServiceEdge, ServiceMap, ServiceNode

if TYPE_CHECKING:
    from otbridge.hub.store.sqlite.questions.reader import Reader

__all__ = ["operations", "service_map"]

_SHARES: Final = (0.5, 0.95, 0.99)

_ASKED: Final = frozenset({2, 5})
"""OTLP's SpanKinds SERVER and CONSUMER: a service does what others ask it."""


class _Table(NamedTuple):
    """What is counted, and who has which number there."""

    counts: str
    names: str
    """Selects a number and three columns that say what is meant by it."""


_OPERATIONS: Final = _Table(
    "otel_operation_counts", "SELECT Id, ServiceName, SpanName, SpanKind FROM otel_operations"
)
_EDGES: Final = _Table("otel_edge_counts", "SELECT Id, Client, Server, Link FROM otel_edges")


class _Tally:
    """How long some spans took, as a histogram, and how many failed."""

    __slots__ = ("failed", "taken")

    def __init__(self) -> None:
        self.taken = 0
        self.failed = 0

    def add(self, taken: int, failed: int) -> None:
        self.taken += taken
        self.failed += failed


def operations(
    reader: Reader, from_ns: int, to_ns: int, service: str | None
) -> list[OperationTotals]:
    """Answer `Store.operations`."""
    first, last = _minutes(from_ns, to_ns)
    seconds = (last + 1 - first) * 60
    totals = []
    found = _tallies(reader, _OPERATIONS, first, last, service)
    for (name, span_name, kind), tally in sorted(found.items()):
        count, (p50, p95, p99) = quantiles(tally.taken, _SHARES)
        failed = tally.failed
        told = count, failed, count / seconds, failed / count, p50, p95, p99
        totals.append(OperationTotals(name, span_name, kind, *told))
    return totals


def service_map(reader: Reader, from_ns: int, to_ns: int) -> ServiceMap:
    """Answer `Store.service_map`."""
    minutes = _minutes(from_ns, to_ns)
    asked: defaultdict[str, _Tally] = defaultdict(_Tally)
    for (service, _, kind), tally in _tallies(reader, _OPERATIONS, *minutes).items():
        node = asked[service]
        if kind in _ASKED:
            node.add(tally.taken, tally.failed)
    nodes = [ServiceNode(name, *_told(tally)) for name, tally in sorted(asked.items())]
    edges = [
        ServiceEdge(client, server, bool(link), *_told(tally))
        for (client, server, link), tally in sorted(_tallies(reader, _EDGES, *minutes).items())
    ]
    return ServiceMap(nodes, edges)


def _told(tally: _Tally) -> tuple[int, int, int]:
    """Return count, failures and the 95th percentile."""
    count, (p95,) = quantiles(tally.taken, (0.95,))
    return count, tally.failed, p95


def _minutes(from_ns: int, to_ns: int) -> tuple[int, int]:
    """Return the first and the last minute that the time touches; the last may be before."""
    return from_ns // MINUTE_NS, max((to_ns - 1) // MINUTE_NS, from_ns // MINUTE_NS - 1)


def _tallies(
    reader: Reader, table: _Table, first: int, last: int, whose: str | None = None
) -> dict[tuple[Any, ...], _Tally]:
    """Add up what all days have, by the columns that a number stands for in each day's file.

    Where *whose* is given, the first of these columns has to be that.
    """
    found: defaultdict[tuple[Any, ...], _Tally] = defaultdict(_Tally)
    for day in reader.days:
        rows = partial(reader.rows, day)
        only = None if whose is None else _numbers_of(rows(table.names), whose)
        sums, damaged = read_stretches(rows, table.counts, first, last, only)
        reader.corrupt += damaged
        reader.check_time()
        if sums.taken:
            # Asked for after the sums, which may have what was new since the question began.
            names = {number: tuple(name) for number, *name in rows(table.names)}
            failed = sums.failed
            for number, taken in sums.taken.items():
                found[names[number]].add(taken, failed.get(number, 0))
    return found


def _numbers_of(names: list[tuple[Any, ...]], whose: str) -> frozenset[int]:
    return frozenset(number for number, name, *_ in names if name == whose)
