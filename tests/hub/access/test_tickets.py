"""One-time tickets: what a page shows in place of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otbridge.hub.access.key import Kind
from otbridge.hub.access.key_file import KeyRequest, add_key, revoke_key
from otbridge.hub.access.keyring import Keyring
from otbridge.hub.access.tickets import TICKET_S, BridgeTickets
from tests.hub.access.conftest import SHOP, Keyed
from tests.hub.access.test_doors import answer_to, post_to_bridge

if TYPE_CHECKING:
    from pathlib import Path

TICKET = "/v1/bridge/ticket"


def ask(keyed: Keyed, kind: str, wanted: Any = None, **more: str) -> Any:
    body = {"key": keyed.ingest["id"] if wanted is None else wanted}
    return keyed.hub.http.post(TICKET, json=body, headers=keyed.headers(kind, **more))


def test_a_ticket_lets_one_page_in_once(keyed: Keyed) -> None:
    answer = ask(keyed, "write")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_in_s"] == TICKET_S
    ticket = answer.json()["ticket"]
    assert answer_to(keyed.hub, ticket) == "ready"
    assert answer_to(keyed.hub, ticket) == 4401
    assert post_to_bridge(keyed.hub, ticket) == 401


def test_a_post_takes_a_ticket_too(keyed: Keyed) -> None:
    ticket = ask(keyed, "admin").json()["ticket"]
    assert post_to_bridge(keyed.hub, ticket) == 200
    assert post_to_bridge(keyed.hub, ticket) == 401


def test_a_ticket_is_bound_to_the_keys_pages(keyed: Keyed) -> None:
    ticket = ask(keyed, "write").json()["ticket"]
    assert answer_to(keyed.hub, ticket, "http://localhost:3000") == 4401
    assert answer_to(keyed.hub, ticket) == 4401  # it was shown once


def test_a_ticket_is_no_key_of_any_other_door(keyed: Keyed) -> None:
    ticket = ask(keyed, "write").json()["ticket"]
    headers = {"authorization": f"Bearer {ticket}", "origin": SHOP}
    assert keyed.hub.http.post("/v1/logs", json={}, headers=headers).status_code == 401
    assert keyed.hub.http.get("/api/v1/logs", headers=headers).status_code == 401


@pytest.mark.parametrize(("kind", "status"), [("ingest", 403), ("read", 403)])
def test_only_a_server_gets_tickets(keyed: Keyed, kind: str, status: int) -> None:
    assert ask(keyed, kind).status_code == status
    assert keyed.hub.http.post(TICKET, json={}).status_code == 401


@pytest.mark.parametrize(("wanted", "status"), [("k0", 404), ("", 404), (1, 400), ([], 400)])
def test_a_ticket_stands_for_an_ingest_key(keyed: Keyed, wanted: Any, status: int) -> None:
    answer = ask(keyed, "write", wanted)
    assert answer.status_code == status
    assert answer.json()["error"]["do"]
    assert ask(keyed, "write", keyed.write["id"]).status_code == 404


def test_a_ticket_is_a_matter_of_seconds_and_of_its_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key, _ = add_key(path, KeyRequest(Kind.INGEST, "", "", "shop-web", (SHOP,)))
    ring = Keyring(path)
    now = [0.0]
    tickets = BridgeTickets(ring, lambda: now[0])
    first, second, third = (tickets._issue(key).reveal() for _ in range(3))
    now[0] = TICKET_S - 0.1
    assert tickets.redeem(first) == key
    assert tickets.redeem(first) is None
    now[0] = TICKET_S
    assert tickets.redeem(second) is None
    now[0] = 0.0
    revoke_key(path, key.id)
    ring.refresh()
    assert tickets.redeem(third) is None


def test_unused_tickets_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key, _ = add_key(path, KeyRequest(Kind.INGEST, "", "", "shop-web", (SHOP,)))
    now = [0.0]
    tickets = BridgeTickets(Keyring(path), lambda: now[0])
    for _ in range(12_000):
        tickets._issue(key)
    assert len(tickets._tickets) == 10_000
    now[0] = TICKET_S
    tickets._issue(key)
    assert len(tickets._tickets) == 1


def test_a_ticket_of_one_tenant_stands_for_no_key_of_another(tmp_path: Path) -> None:
    from otbridge.hub.access.principal import Principal

    path = tmp_path / "keys.json"
    page, _ = add_key(path, KeyRequest(Kind.INGEST, "", "acme", "shop-web", (SHOP,)))
    ours, _ = add_key(path, KeyRequest(Kind.WRITE, tenant="acme"))
    theirs, _ = add_key(path, KeyRequest(Kind.WRITE, tenant="other"))
    tickets = BridgeTickets(Keyring(path), lambda: 0.0)
    assert tickets._wanted(Principal.of(ours), page.id) == page
    assert tickets._wanted(Principal.of(theirs), page.id) is None
