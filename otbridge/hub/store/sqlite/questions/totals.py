"""The store in numbers, summed up over all days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.hub.store.vocabulary import ServiceTotals

if TYPE_CHECKING:
    from otbridge.hub.store.sqlite.questions.reader import Reader

__all__ = ["counts", "services"]


def services(reader: Reader) -> list[ServiceTotals]:
    """Answer `Store.services`."""
    totals: dict[str, ServiceTotals] = {}
    for day in reader.days:
        for name, spans, records, last_seen in reader.rows(
            day,
            "SELECT ServiceName, SpanCount, LogCount, LastSeen FROM otel_services"
            " WHERE SpanCount > 0 OR LogCount > 0",
        ):
            known = totals.get(name, ServiceTotals(name, 0, 0, 0))
            totals[name] = ServiceTotals(
                name,
                known.span_count + spans,
                known.log_count + records,
                max(known.last_seen_ns, last_seen),
            )
    return [totals[name] for name in sorted(totals)]


def counts(reader: Reader) -> tuple[int, int, int]:
    """Return how many spans, logs and data points are stored."""
    spans = records = points = 0
    for day in reader.days:
        found = reader.first(
            day,
            "SELECT coalesce(sum(SpanCount), 0), coalesce(sum(LogCount), 0),"
            " coalesce(sum(DataPoints), 0) FROM otel_services",
        )
        if found is not None:
            spans, records, points = spans + found[0], records + found[1], points + found[2]
    return spans, records, points
