"""Cursors lead back to where a page ended, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.errors import QueryError
from otbridge.hub.query.cursors import (
    log_cursor,
    read_log_cursor,
    read_scan_cursor,
    read_trace_cursor,
    scan_cursor,
    trace_cursor,
)
from otbridge.hub.store.vocabulary import LogPosition, ScanPosition, TracePosition

times = st.integers(min_value=0, max_value=2**63 - 1)


@given(start_ns=times, trace_id=st.binary(min_size=16, max_size=16))
def test_a_trace_cursor_is_read_as_it_was_written(start_ns: int, trace_id: bytes) -> None:
    position = TracePosition(start_ns, trace_id)

    assert read_trace_cursor("cursor", trace_cursor(position)) == position


@given(time_ns=times, day=st.dates().map(str), row=times)
def test_a_log_cursor_is_read_as_it_was_written(time_ns: int, day: str, row: int) -> None:
    position = LogPosition(time_ns, day, row)

    assert read_log_cursor("cursor", log_cursor(position)) == position


@given(text=st.text(max_size=80))
def test_other_texts_are_refused(text: str) -> None:
    for read in (read_trace_cursor, read_log_cursor):
        with pytest.raises(QueryError, match="cursor is not one of ours"):
            read("cursor", text)


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(QueryError):
        read_log_cursor("cursor", trace_cursor(TracePosition(1, bytes(16))))
    with pytest.raises(QueryError):
        read_trace_cursor("cursor", log_cursor(LogPosition(1, "2026-01-01", 1)))


@pytest.mark.parametrize(
    "cursor",
    [
        "WyJ0IiwtMSwiMDAiXQ",  # a time below 0
        "WyJ0Iiw5MjIzMzcyMDM2ODU0Nzc1ODA4LCIwMCJd",  # a time beyond what a store can hold
        "WyJ0IiwxLCJ6eiJd",  # no hex
    ],
)
def test_a_forged_trace_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(QueryError):
        read_trace_cursor("cursor", cursor)


def test_a_cursor_of_an_export_leads_back_to_where_it_was_made() -> None:
    position = ScanPosition("2026-01-01.000002", 17)
    assert read_scan_cursor("cursor", scan_cursor(position)) == position
    for other in (log_cursor(LogPosition(1, "d", 2)), "abc", ""):
        with pytest.raises(QueryError, match="not one of ours"):
            read_scan_cursor("cursor", other)
