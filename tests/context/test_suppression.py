from __future__ import annotations

import threading

from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from otbridge.context.suppression import is_suppressed, suppress_this_thread, suppressed


def test_silence_is_inside_only_and_nests() -> None:
    assert not is_suppressed()
    with suppressed():
        with suppressed():
            assert is_suppressed()
        assert is_suppressed()
    assert not is_suppressed()


def test_opentelemetrys_instrumentations_are_silent_too() -> None:
    with suppressed():
        assert not is_instrumentation_enabled()
    assert is_instrumentation_enabled()


def test_a_thread_of_ours_is_silent_for_good_and_alone() -> None:
    seen = []

    def work() -> None:
        suppress_this_thread()
        seen.append(is_suppressed())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]
    assert not is_suppressed()
