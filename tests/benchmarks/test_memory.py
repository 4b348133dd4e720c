"""The figures for memory are about this process, and about the time since they were asked for."""

from __future__ import annotations

import sys

import pytest

from tests.benchmarks.memory import forget_peak, peak_mib, resident_mib

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc elsewhere")


def test_a_peak_that_has_passed_is_seen_and_can_be_forgotten() -> None:
    """What was given back long ago does not hide what is taken now."""
    bytearray(b"x") * (96 << 20)  # a peak before the measurement
    forget_peak()
    idle = peak_mib()
    bytearray(b"x") * (48 << 20)
    assert 40 < peak_mib() - idle < 60
    assert resident_mib() < peak_mib() - 40
