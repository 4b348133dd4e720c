"""How much a key may bring: the books of every burst add up."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from otbridge.hub.access.key import Key, Kind, Quota
from otbridge.hub.access.quotas import ADDRESS_QUOTA, Bucket, Quotas
from tests.hub.access.conftest import SHOP, new_key
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from pathlib import Path

PROTOBUF = "application/x-protobuf"
HOME = "127.0.0.1"


class Turned:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def key(quota: Quota, kind: Kind = Kind.WRITE, key_id: str = "k1") -> Key:
    return Key(key_id, kind, b"", quota=quota)


def logs(count: int) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for _ in range(count):
        records.add().body.string_value = "x"
    return request.SerializeToString()


def test_of_ten_times_the_quota_exactly_the_quota_is_taken() -> None:
    clock = Turned()
    quotas = Quotas(clock)
    sender = key(Quota(records=1000))
    answers = [quotas.charge(sender, HOME, records=10) for _ in range(1000)]
    assert answers.count(0) == 100
    assert all(0 < wait <= 1 for wait in answers if wait)
    assert quotas.use_of("k1")["records"] == 1000
    assert quotas.use_of("k1")["limited"] == 900


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(0, 30)), max_size=200))
def test_over_any_time_no_more_is_taken_than_a_full_bucket_and_what_flows_in(
    sends: list[tuple[int, float]],
) -> None:
    clock = Turned()
    quotas = Quotas(clock)
    sender = key(Quota(records=600))
    taken = 0
    for records, passed in sends:
        clock.now += passed
        if quotas.charge(sender, HOME, records=records) == 0:
            taken += records
        assert taken <= 600 + clock.now * 10 + 1e-3


def test_whoever_waits_as_told_is_taken() -> None:
    clock = Turned()
    quotas = Quotas(clock)
    sender = key(Quota(records=60, requests=600))
    for _ in range(20):
        wait = quotas.charge(sender, HOME, records=40, requests=1)
        clock.now += wait
        if wait:
            assert quotas.charge(sender, HOME, records=40, requests=1) == 0


def test_a_request_that_is_refused_for_one_reason_costs_nothing_of_another() -> None:
    clock = Turned()
    quotas = Quotas(clock)
    sender = key(Quota(records=10, bytes=100))
    assert quotas.charge(sender, HOME, records=1, size=100) == 0
    for _ in range(50):
        assert quotas.charge(sender, HOME, records=1, size=100) > 0
    assert quotas.charge(sender, HOME, records=9) == 0


def test_more_than_a_minutes_quota_at_once_goes_through_a_full_bucket() -> None:
    bucket = Bucket(100, 0.0)
    assert bucket.wait_s(250, 0.0) == 0
    bucket.take(250)
    assert bucket.wait_s(1, 0.0) > 60
    assert bucket.wait_s(1, 91.0) == 0


def test_one_address_cannot_use_up_a_public_key_for_everybody() -> None:
    quotas = Quotas(Turned())
    page = key(Quota(requests=6_000), Kind.INGEST)
    most = ADDRESS_QUOTA.requests or 0
    loud = [quotas.charge(page, "192.0.2.7", requests=1) for _ in range(10 * most)]
    assert loud.count(0) == most
    assert quotas.charge(page, "192.0.2.8", requests=1) == 0


@pytest.mark.parametrize("address", [HOME, "::1", "::ffff:127.0.0.1", "", "socket"])
def test_an_address_of_this_machine_may_be_a_proxy_and_stand_for_many(address: str) -> None:
    quotas = Quotas(Turned())
    page = key(Quota(), Kind.INGEST)
    assert not any(quotas.charge(page, address, requests=1) for _ in range(2_000))


def test_servers_are_not_counted_by_address() -> None:
    quotas = Quotas(Turned())
    assert not any(quotas.charge(key(Quota()), "192.0.2.7", requests=1) for _ in range(2_000))


def test_addresses_are_forgotten() -> None:
    quotas = Quotas(Turned())
    for number in range(5_000):
        quotas.charge(key(Quota(), Kind.INGEST), f"192.0.{number >> 8}.{number & 255}", requests=1)
    assert len(quotas._addresses) == 4096


def test_a_changed_quota_holds_at_once_and_a_revoked_key_leaves_nothing() -> None:
    quotas = Quotas(Turned())
    assert quotas.charge(key(Quota(records=1)), HOME, records=1) == 0
    assert quotas.charge(key(Quota(records=1)), HOME, records=1) > 0
    assert quotas.charge(key(Quota(records=100)), HOME, records=50) == 0
    quotas.forget(set())
    assert not quotas._keys
    assert quotas.use_of("k1")["records"] == 0


def test_a_burst_of_ten_times_the_quota_at_a_real_hub(tmp_path: Path) -> None:
    """Accepted is the quota, and what flowed in meanwhile; the rest is 429, and nothing is lost."""
    made = new_key(tmp_path, "write", "--records-per-minute", "1200")
    reader = new_key(tmp_path, "read")
    body = logs(20)
    seen: Counter[int] = Counter()
    waits: set[int] = set()
    with HubProcess(tmp_path) as hub:
        headers = {"authorization": f"Bearer {made['key']}", "content-type": PROTOBUF}

        def send(count: int) -> None:
            for _ in range(count):
                answer = hub.http.post("/v1/logs", content=body, headers=headers)
                seen[answer.status_code] += 1
                if answer.status_code == 429:
                    waits.add(int(answer.headers["retry-after"]))

        began = time.monotonic()
        senders = [threading.Thread(target=send, args=(150,)) for _ in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        passed = time.monotonic() - began
        stats: dict[str, Any] = hub.http.get(
            "/api/v1/stats", headers={"authorization": f"Bearer {reader['key']}"}
        ).json()
    assert set(seen) == {200, 429}
    accepted = seen[200] * 20
    limit = 1200 + 20 * passed
    assert abs(accepted - limit) <= 0.02 * limit + 20  # one request more or less
    assert waits == {1}
    assert stats["received"]["logs"] == accepted
    assert stats["rejected"]["rate_limited"] == seen[429]
    (use,) = (each for each in stats["access"]["keys"] if each["id"] == made["id"])
    assert (use["records"], use["limited"]) == (accepted, seen[429])


def test_a_page_hears_429_in_its_own_words(tmp_path: Path) -> None:
    made = new_key(
        tmp_path, "ingest", "--service", "a", "--origin", SHOP, "--requests-per-minute", "2"
    )
    with HubProcess(tmp_path) as hub:
        headers = {"x-otbridge-key": made["key"], "origin": SHOP}
        answers = [hub.http.post("/v1/logs", json={}, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "30"
    assert answers[2].headers["access-control-allow-origin"] == SHOP
    assert "Retry-After" in answers[2].headers["access-control-expose-headers"]
    assert answers[2].json()["code"] == 8
