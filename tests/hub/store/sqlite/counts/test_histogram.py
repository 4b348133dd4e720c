"""A histogram of durations knows each to seven per cent, and is added to another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otbridge.hub.store.sqlite.counts.histogram import ONE, bucket_of, quantiles

DURATIONS = st.integers(0, 2**63 - 1)


@given(DURATIONS)
def test_a_bucket_is_within_seven_per_cent_of_what_is_in_it(duration: int) -> None:
    count, (middle,) = quantiles(ONE[bucket_of(duration)], (0.5,))
    assert count == 1
    assert abs(middle - duration) <= 0.07 * duration


@given(st.integers(0, 2**63 - 2))
def test_longer_durations_are_never_in_earlier_buckets(duration: int) -> None:
    assert 0 <= bucket_of(duration + 1) - bucket_of(duration) <= 1


def test_quantiles_are_of_what_is_not_longer() -> None:
    histogram = 50 * ONE[3] + 45 * ONE[7] + 5 * ONE[9]
    assert quantiles(histogram, (0.5, 0.51, 0.95, 0.99)) == (100, [3, 7, 7, 9])
    assert quantiles(0, (0.5, 0.99)) == (0, [0, 0])


@given(st.lists(DURATIONS, min_size=1), st.lists(DURATIONS))
def test_a_sum_of_histograms_is_that_of_all_durations(some: list[int], more: list[int]) -> None:
    one = sum(ONE[bucket_of(duration)] for duration in some)
    other = sum(ONE[bucket_of(duration)] for duration in more)
    shares = [(rank + 0.5) / len(some + more) for rank in range(len(some + more))]
    count, found = quantiles(one + other, shares)
    assert count == len(some) + len(more)
    for duration, middle in zip(sorted(some + more), found, strict=True):
        assert abs(middle - duration) <= 0.07 * duration
