"""Facets count what a filter leaves, value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store.vocabulary import LogFilter, Term, TraceFilter
from tests.hub.store.builders import SECOND, T0, log, span, store_now, trace_id

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock
    from tests.contract.store.kinds import Kind

DAY = 86_400


@pytest.fixture
def filled(store: Store, clock: FakeClock) -> Store:
    """Logs and traces of two services on two days."""
    store_now(
        store,
        log("one", service="shop", severity=9, at=1),
        log("two", service="shop", severity=12, at=2, event="order"),
        log("three", service="bank", severity=17, at=3, trace=1, event="order"),
        log("four", service="bank", severity=0, at=4),
        span(1, trace=1, service="shop", name="buy"),
        span(2, trace=1, service="bank", parent=1, name="pay"),
        span(1, trace=2, service="shop", name="buy", error=True, start=5),
    )
    clock.advance(DAY)
    store_now(
        store,
        log("five", service="shop", severity=21, at=DAY),
        span(1, trace=3, service="shop", name="browse", start=DAY),
    )
    return store


def test_every_level_service_and_event_of_logs_is_counted(filled: Store) -> None:
    everything = LogFilter()
    assert filled.facets(everything, "service").counts == {"shop": 3, "bank": 2}
    assert filled.facets(everything, "name").counts == {"": 3, "order": 2}
    severities = filled.facets(everything, "severity")
    assert severities.counts == {"info": 2, "error": 1, "fatal": 1, "unspecified": 1}
    assert (severities.looked_at, severities.complete) == (5, True)


def test_filters_narrow_the_counts_as_they_narrow_the_list(filled: Store) -> None:
    for wanted in (
        LogFilter(service="shop"),
        LogFilter(min_severity=13),
        LogFilter(trace_id=trace_id(1)),
        LogFilter(trace_id=trace_id(9)),
        LogFilter(terms=(Term("t"),)),
        LogFilter(from_ns=T0 + 2 * SECOND, to_ns=T0 + 4 * SECOND),
    ):
        listed = [found.row.service for found in filled.logs(wanted, 100)]
        counted = filled.facets(wanted, "service")
        assert counted.counts == {name: listed.count(name) for name in set(listed)}
        assert counted.looked_at == len(listed)


def test_a_trace_counts_for_each_of_its_services(filled: Store) -> None:
    services = filled.facets(TraceFilter(), "service")
    assert services.counts == {"shop": 3, "bank": 1}
    assert services.looked_at == 3
    assert filled.facets(TraceFilter(), "name").counts == {"buy": 2, "browse": 1}
    assert filled.facets(TraceFilter(error=True), "name").counts == {"buy": 1}


def test_of_more_than_can_be_looked_at_the_newest_are(
    filled: Store, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = f"otbridge.hub.store.{kind.package}.facets.LOOKED_AT"
    monkeypatch.setattr(limit, 3)
    found = filled.facets(LogFilter(), "service")
    assert found.counts == {"shop": 1, "bank": 2}
    assert (found.looked_at, found.complete) == (3, False)
    monkeypatch.setattr(limit, 1)
    assert filled.facets(TraceFilter(), "service").counts == {"shop": 1}
    assert filled.facets(TraceFilter(), "name").counts == {"browse": 1}


def test_an_empty_store_has_no_values(store: Store) -> None:
    assert store.facets(LogFilter(), "severity") == ({}, 0, True)
    assert store.facets(TraceFilter(), "service") == ({}, 0, True)
