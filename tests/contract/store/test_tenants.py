"""Two tenants of one hub have stores that know nothing of each other, of whichever kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter, TraceFilter
from otbridge.hub.tenants.names import address_of
from tests.hub.access.conftest import new_key
from tests.hub.hub_process import HubProcess
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


def test_a_hub_shows_each_tenant_its_own(address: str, tmp_path: Path) -> None:
    """From the tenant's first record on, and again after a restart."""
    data = tmp_path / "data"
    keys = {
        tenant: {kind: headers(data, kind, tenant) for kind in ("write", "read")}
        for tenant in ("acme", "acme-eu", "")
    }
    with HubProcess(data, "--store", address) as hub:
        for tenant, key in keys.items():
            body = logs_saying(f"of {tenant or 'nobody'}")
            answer = hub.http.post("/v1/logs", json=body, headers=key["write"])
            assert answer.status_code == 200, answer.text
        assert [shown(hub, key["read"]) for key in keys.values()] == EACH_ITS_OWN
        assert hub.end() == (0, "")
    with HubProcess(data, "--store", address) as hub:
        assert [shown(hub, key["read"]) for key in keys.values()] == EACH_ITS_OWN


EACH_ITS_OWN = [["of acme"], ["of acme-eu"], ["of nobody"]]


def headers(data: Path, kind: str, tenant: str) -> dict[str, str]:
    key = new_key(data, kind, *(("--tenant", tenant) if tenant else ()))["key"]
    return {"authorization": f"Bearer {key}"}


def logs_saying(text: str) -> dict[str, list[object]]:
    record = {"timeUnixNano": "1767225600000000000", "body": {"stringValue": text}}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}


def shown(hub: HubProcess, key: dict[str, str]) -> list[str]:
    found = hub.http.get("/api/v1/logs", headers=key).json()["logs"]
    return [log["body"] for log in found]
