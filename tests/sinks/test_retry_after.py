"""The Retry-After header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.sinks.retry_after import parse_retry_after

NOW = 1_767_225_600.0  # Thu, 01 Jan 2026 00:00:00 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("30", 30.0),
        (" 5 ", 5.0),
        ("1000000000", 1e9),
        ("-5", None),
        ("inf", None),
        ("tomorrow", None),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 00:00:30 -0000", 30.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("Thu, 99 Jan 2026 00:00:30 GMT", None),
    ],
)
def test_seconds_and_dates_are_read_and_nonsense_is_not(
    header: str | None, seconds: float | None
) -> None:
    assert parse_retry_after(header, NOW) == seconds


@given(st.text())
def test_no_header_makes_it_raise(header: str) -> None:
    found = parse_retry_after(header, NOW)
    assert found is None or found >= 0
