"""Where a page ended, as the opaque text that asks for the next one."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NoReturn, TypeVar

import msgspec

from otbridge.errors import QueryError
from otbridge.hub.store.vocabulary import (
    LogPosition,
    ScanPosition,
    SessionPosition,
    TracePosition,
)

__all__ = [
    "Key",
    "key_cursor",
    "log_cursor",
    "read_key_cursor",
    "read_log_cursor",
    "read_scan_cursor",
    "read_session_cursor",
    "read_trace_cursor",
    "refuse_cursor",
    "scan_cursor",
    "session_cursor",
    "trace_cursor",
]

Key = tuple[str | int | float, ...]
"""What a list is sorted by, and what tells its items apart."""

_MAX_TIME = 2**63 - 1
_T = TypeVar("_T")


def trace_cursor(position: TracePosition) -> str:
    """Return the cursor of a page of traces (or runs) that ends at *position*."""
    return _encode(("t", position.start_ns, position.trace_id.hex()))


def log_cursor(position: LogPosition) -> str:
    """Return the cursor of a page of logs that ends at *position*."""
    return _encode(("l", *position))


def session_cursor(position: SessionPosition) -> str:
    """Return the cursor of a page of sessions that ends at *position*."""
    return _encode(("v", *position))


def scan_cursor(position: ScanPosition) -> str:
    """Return the cursor of a page of an export that ends at *position*."""
    return _encode(("s", *position))


def read_trace_cursor(name: str, text: str) -> TracePosition:
    """Return the position that `trace_cursor` wrote down."""
    kind, start_ns, trace_id = _decode(name, text, tuple[str, int, str])
    if kind != "t" or not 0 <= start_ns <= _MAX_TIME:
        refuse_cursor(name)
    try:
        return TracePosition(start_ns, bytes.fromhex(trace_id))
    except ValueError:
        refuse_cursor(name)


def read_log_cursor(name: str, text: str) -> LogPosition:
    """Return the position that `log_cursor` wrote down."""
    kind, time_ns, day, row = _decode(name, text, tuple[str, int, str, int])
    if kind != "l" or not 0 <= time_ns <= _MAX_TIME or not 0 <= row <= _MAX_TIME:
        refuse_cursor(name)
    return LogPosition(time_ns, day, row)


def read_session_cursor(name: str, text: str) -> SessionPosition:
    """Return the position that `session_cursor` wrote down."""
    kind, start_ns, key, session_id = _decode(name, text, tuple[str, int, str, str])
    if kind != "v" or not 0 <= start_ns <= _MAX_TIME:
        refuse_cursor(name)
    return SessionPosition(start_ns, key, session_id)


def read_scan_cursor(name: str, text: str) -> ScanPosition:
    """Return the position that `scan_cursor` wrote down."""
    kind, day, row = _decode(name, text, tuple[str, str, int])
    if kind != "s" or not 0 <= row <= _MAX_TIME:
        refuse_cursor(name)
    return ScanPosition(day, row)


def key_cursor(order: str, key: Key) -> str:
    """Return the cursor of a page that ends with *key*, of a list in this *order*."""
    return _encode(("k", order, list(key)))


def read_key_cursor(name: str, text: str) -> tuple[str, Key]:
    """Return what `key_cursor` wrote down."""
    kind, order, key = _decode(name, text, tuple[str, str, list[str | int | float]])
    if kind != "k" or not key:
        refuse_cursor(name)
    return order, tuple(key)


def _encode(values: tuple[Any, ...]) -> str:
    return urlsafe_b64encode(msgspec.json.encode(values)).rstrip(b"=").decode()


def _decode(name: str, text: str, kind: type[_T]) -> _T:
    try:
        document = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(document, type=kind)
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        refuse_cursor(name)


def refuse_cursor(name: str) -> NoReturn:
    """Say that the argument *name* is no cursor of the list that was asked for."""
    raise QueryError(
        f"{name} is not one of ours.",
        "A cursor is the next_cursor of the page before, of the same list.",
        "Leave it out to begin with the first page.",
    )
