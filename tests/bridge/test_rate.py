"""What one client may send."""

from __future__ import annotations

from otbridge.bridge.rate import Bucket, Buckets, RateLimit

LIMIT = RateLimit(bytes_per_s=10_000, burst_bytes=100_000)


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    """The burst is free; after it as much passes as time has filled in, to the byte."""
    bucket = Bucket(LIMIT, 0.0)
    assert [bucket.charge(10_000, 0.0) for _ in range(10)] == [0.0] * 10
    wait = bucket.charge(10_000, 0.0)
    assert wait == 1.0
    assert bucket.charge(10_000, wait) == 0.0


def test_ten_times_the_rate_passes_the_rate() -> None:
    """Of ten times the allowed traffic, sent by a client that waits as told, the limit passes."""
    bucket, now, passed = Bucket(LIMIT, 0.0), 0.0, 0
    while now < 100.0:
        wait = bucket.charge(5_000, now)
        passed += 5_000 if not wait else 0
        now += wait or 0.05
    assert abs(passed - (100_000 + 100 * 10_000)) <= 0.02 * 1_100_000


def test_tiny_messages_cost_a_kibibyte() -> None:
    """A flood of empty messages is limited like large ones."""
    bucket = Bucket(LIMIT, 0.0)
    passed = sum(bucket.charge(1, 0.0) == 0.0 for _ in range(1000))
    assert passed == 100_000 // 1024


def test_only_a_client_that_never_waits_is_exhausted() -> None:
    """A thousand refusals in a row are too many; a wait in between starts anew."""
    bucket = Bucket(LIMIT, 0.0)
    seen = []
    for count, now in ((1000, 0.0), (200, 0.0), (1, 120.0)):
        for _ in range(count):
            bucket.charge(1, now)
        seen.append(bucket.exhausted)
    assert seen == [False, True, False]


def test_addresses_have_their_own_buckets_and_old_ones_are_forgotten() -> None:
    """One client's traffic does not slow another's; memory is bounded."""
    buckets = Buckets(LIMIT)
    assert buckets.charge("a", 100_000, 0.0) == 0.0
    assert buckets.charge("a", 100_000, 0.0) > 0.0
    assert buckets.charge("b", 100_000, 0.0) == 0.0
    for number in range(5000):
        buckets.charge(str(number), 1, 0.0)
    assert len(buckets._buckets) == 4096
