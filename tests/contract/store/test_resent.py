"""Of a request that its sender may have sent before, a store keeps what it does not have."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter, ScanFilter
from otbridge.wire.rows import Batch, MetricsRow
from tests.hub.store.builders import T0, batch, log, span, store_now, trace_id

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock
    from otbridge.wire.rows import LogRow

KEY = "receive-log/00000001"


def bodies(store: Store) -> list[str]:
    return sorted(found.row.body_text for found in store.logs(LogFilter(), 1000))


def resend(store: Store, *rows: LogRow, number: int = 7) -> Batch:
    """Store *rows* as a request that may have come before; return it."""
    again = replace(batch(rows, key=(KEY, number)), resent=True)
    store.submit(again).result(timeout=20)
    return again


def test_what_is_there_is_not_stored_again_and_what_is_not_is(store: Store) -> None:
    """Also in other company, and in another order, than it came in first."""
    store_now(store, log("a"), log("b", trace=1, span=1), log("c", at=1), key=(KEY, 1))

    again = resend(store, log("new", at=1), log("c", at=1), log("b", trace=1, span=1))

    assert bodies(store) == ["a", "b", "c", "new"]
    assert again.known_logs == {1, 2}
    assert store.totals().duplicates == 2
    found = store.trace(trace_id(1), limit=10)
    assert found is not None
    assert len(found.logs) == 1


def test_records_are_the_same_only_where_all_of_them_is(store: Store) -> None:
    """Another time, body, sender, resource or scope makes another record."""
    store_now(store, log("a"), key=(KEY, 1))
    others = [
        log("a", at=1),
        log("b"),
        log("a", attributes={"n": 1}),
        log("a", service="till"),
        replace(log("a"), producer="another"),
        replace(log("a"), scope=b"\x0a\x01s"),
    ]

    resend(store, *others)

    assert len(bodies(store)) == 1 + len(others)
    assert store.totals().duplicates == 0


def test_of_equal_records_as_many_are_kept_as_one_request_had(store: Store) -> None:
    """A loop may log the same line twice in one nanosecond."""
    store_now(store, log("a"), log("a"), log("b"), key=(KEY, 1))

    resend(store, log("a"), log("a"), log("a"), log("c"), log("c"))

    assert bodies(store) == ["a", "a", "a", "b", "c", "c"]


def test_it_is_known_in_the_transaction_in_which_it_comes_twice(store: Store) -> None:
    """The first one may still be on its way to the disk."""
    rows = [log(f"line {number}", at=number) for number in range(300)]
    first = store.submit(batch(rows, key=(KEY, 1)))
    again = store.submit(replace(batch(rows, key=(KEY, 2)), resent=True))

    first.result(timeout=20)
    again.result(timeout=20)

    assert len(bodies(store)) == 300


def test_it_may_come_three_times_and_be_handed_in_again(store: Store) -> None:
    """Each request by its own key, and one of them twice, as after the end of a hub."""
    rows = [log("a"), log("b", trace=2)]
    for number in (1, 2, 2, 3):
        resend(store, *rows, number=number)

    assert bodies(store) == ["a", "b"]


def test_what_nobody_says_may_have_come_before_is_stored_as_it_comes(store: Store) -> None:
    """Two equal records of two requests are two."""
    store_now(store, log("a"), key=(KEY, 1))
    store_now(store, log("a"), key=(KEY, 2))

    assert bodies(store) == ["a", "a"]


def test_it_is_known_after_the_store_was_opened_again(
    store: Store, address: str, clock: FakeClock
) -> None:
    """The hub before this one has stored it."""
    store_now(store, log("a"), log("b"), key=(KEY, 1))
    store.close()
    with closing(open_store(address, clock=clock)) as opened:
        resend(opened, log("a"), log("b"), log("c"))
        assert bodies(opened) == ["a", "b", "c"]


def test_it_is_known_on_the_next_day(store: Store, clock: FakeClock) -> None:
    """What waited on a disk over midnight belongs where it came first."""
    store_now(store, log("a"), log("b", trace=1), key=(KEY, 1))
    clock.advance(86_400)
    store_now(store, log("today", at=86_400), key=(KEY, 2))

    resend(store, log("a"), log("b", trace=1), log("c"))

    assert bodies(store) == ["a", "b", "c", "today"]


def test_spans_are_known_by_their_ids_as_ever(store: Store) -> None:
    """The mark changes nothing for them."""
    store_now(store, span(), key=(KEY, 1))
    again = replace(batch([span(), span(2)], key=(KEY, 2)), resent=True)
    store.submit(again).result(timeout=20)

    found = store.trace(trace_id(1), limit=10)
    assert found is not None
    assert len(found.spans) == 2


def test_metrics_of_a_resource_are_stored_once(store: Store) -> None:
    """What one resource sent at once is the record."""
    first = MetricsRow("shop", T0, 2, b"\x0a\x00", "p")
    other = MetricsRow("shop", T0, 2, b"\x0a\x00\x0a\x00", "p")
    store.submit(Batch(metrics=[first], key=(KEY, 1))).result(timeout=20)
    again = Batch(metrics=[replace(first, received_ns=T0 + 9), other], key=(KEY, 2), resent=True)
    store.submit(again).result(timeout=20)

    stored = store.scan(ScanFilter("metrics"), 10).rows
    assert sorted(row.data for row in stored) == [first.data, other.data]
    assert store.totals().duplicates == 1
