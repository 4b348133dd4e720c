"""Two tenants of one hub have stores that know nothing of each other, of whichever kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter, TraceFilter
from otbridge.hub.tenants.names import address_of
from tests.hub.store.builders import log, span, store_now

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.testing import FakeClock


def test_what_one_tenant_wrote_is_in_no_other_store(
    address: str, tmp_path: Path, clock: FakeClock
) -> None:
    """Nor in the hub's own, whose address the tenants' are made from."""
    base = address if "://" in address else f"sqlite://{address}"
    places = {
        "": base,
        **{tenant: address_of(base, tmp_path, tenant) for tenant in ("acme", "acme-eu")},
    }
    assert len(set(places.values())) == 3
    stores = {tenant: open_store(place, clock=clock) for tenant, place in places.items()}
    try:
        for number, store in enumerate(stores.values()):
            # Of the same trace, with the same span id, at the same time.
            store_now(store, span(name=f"step {number}"), log(f"line {number}", trace=1))
        for number, store in enumerate(stores.values()):
            assert [one.name for one in store.traces(TraceFilter(), 10)] == [f"step {number}"]
            bodies = [stored.row.body_text for stored in store.logs(LogFilter(), 10)]
            assert bodies == [f"line {number}"]
            totals = store.totals()
            assert (totals.spans, totals.logs) == (1, 1)
    finally:
        for store in stores.values():
            store.close()
