"""How long a batch waits for more."""

from otbridge.delivery.linger import Linger
from otbridge.delivery.settings import BatchSettings


def test_the_wait_doubles_up_to_the_longest() -> None:
    linger = Linger(BatchSettings(first_age_s=0.1, max_age_s=0.5))
    assert [linger.next() for _ in range(5)] == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_a_pause_longer_than_the_longest_wait_starts_over() -> None:
    linger = Linger(BatchSettings(first_age_s=0.1, max_age_s=0.5))
    linger.next()
    linger.paused(0.4)
    assert linger.next() == 0.2
    linger.paused(0.6)
    assert linger.next() == 0.1


def test_a_short_longest_wait_is_the_first_too() -> None:
    assert Linger(BatchSettings(first_age_s=0.1, max_age_s=0.05)).next() == 0.05
