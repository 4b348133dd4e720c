"""The event that a signal handler may set."""

import threading
from collections import deque

from otbridge.delivery.wake import Wake


def test_it_is_set_until_it_is_cleared() -> None:
    wake = Wake()
    assert not wake.is_set()
    assert not wake.wait(0)
    wake.set()
    wake.set()
    assert wake.is_set()
    assert wake.wait()
    assert wake.wait(1)
    wake.clear()
    wake.clear()
    assert not wake.is_set()


def test_a_waiting_thread_is_woken() -> None:
    wake = Wake()
    thread = threading.Thread(target=wake.wait)
    thread.start()
    wake.set()
    thread.join(5)
    assert not thread.is_alive()


def test_no_wake_up_is_lost() -> None:
    wake: Wake = Wake()
    work: deque[int] = deque()

    def produce() -> None:
        for number in range(20_000):
            work.append(number)
            wake.set()

    thread = threading.Thread(target=produce)
    thread.start()
    seen = 0
    while seen < 20_000:
        assert wake.wait(5)
        wake.clear()
        while work:
            work.popleft()
            seen += 1
    thread.join()
