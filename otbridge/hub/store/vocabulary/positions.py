"""Where a page of answers ended, and the next one begins."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LogPosition", "ScanPosition", "SessionPosition", "TracePosition"]


class TracePosition(NamedTuple):
    """Where a page of traces ended; the order is newest start first, then by trace id."""

    start_ns: int
    trace_id: bytes


class LogPosition(NamedTuple):
    """Where a page of logs ended; the order is newest first, then latest stored first."""

    time_ns: int
    day: str
    row: int


class SessionPosition(NamedTuple):
    """Where a page of sessions ended; the order is newest start first, then by key and id."""

    start_ns: int
    key: str
    id: str


class ScanPosition(NamedTuple):
    """Where a page of a scan ended; the order is that of storing."""

    day: str
    row: int
