"""Conditions on attributes, and counts of their values, as functions that SQL can call.

Records are compressed, so no index has their attributes by type. What an index of words can narrow
it narrows (a value that is asked for by `=`); of what is left each record is unpacked and looked
at, newest first, until there is enough or the question's time is up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from otbridge.hub.store.conditions import value_of
from otbridge.hub.store.sqlite.questions.records import Records
from otbridge.hub.store.text import MAX_PAIR, match_expression
from otbridge.hub.store.vocabulary import Term
from otbridge.wire.otlp_outline import read_log, read_span
from otbridge.wire.otlp_rows import plain_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from otbridge.hub.store.conditions import AttributeCondition
    from otbridge.hub.store.sqlite.questions.reader import Reader

__all__ = [
    "LOG_FITS",
    "OLD_LOG_FITS",
    "TRACE_FITS",
    "TraceAttributes",
    "define",
    "log_fits",
    "trace_fits",
    "words",
    "written",
]

LOG_FITS: Final = "otbridge_log_fits"
OLD_LOG_FITS: Final = "otbridge_old_log_fits"
TRACE_FITS: Final = "otbridge_trace_fits"

_LONGEST: Final = 200
"""Characters of a value that is counted; longer ones count by their beginning."""


def define(reader: Reader, day: str, conditions: Sequence[AttributeCondition]) -> None:
    """Have the functions of this module judge by *conditions* in questions about *day*."""

    def old_log_fits(data: bytes) -> bool:
        return _may_fit(data, conditions) and _fits(read_log(data).attributes, conditions)

    functions: dict[str, Callable[[Any], bool]] = {
        LOG_FITS: log_fits(reader, day, conditions),
        OLD_LOG_FITS: old_log_fits,
        TRACE_FITS: trace_fits(reader, day, conditions),
    }
    for name, function in functions.items():
        reader.define(day, name, function)


def log_fits(
    reader: Reader, day: str, conditions: Sequence[AttributeCondition]
) -> Callable[[int], bool]:
    """Return who tells whether the log record with a number meets all *conditions*."""
    records = Records(reader, day)

    def fits(number: int) -> bool:
        if not conditions:
            return True
        data = records.log_data(number)
        return (
            data is not None
            and _may_fit(data, conditions)
            and _fits(read_log(data).attributes, conditions)
        )

    return fits


def trace_fits(
    reader: Reader, day: str, conditions: Sequence[AttributeCondition]
) -> Callable[[int], bool]:
    """Return who tells whether a span of the trace with a key meets all *conditions*."""
    traces = TraceAttributes(reader, day)

    def fits(key: int) -> bool:
        if not conditions:
            return True
        return any(
            _may_fit(data, conditions) and _fits(read_span(data).attributes, conditions)
            for data in traces.records(key)
        )

    return fits


def _may_fit(data: bytes, conditions: Sequence[AttributeCondition]) -> bool:
    return all(condition.may_fit(data) for condition in conditions)


def _fits(attributes: Sequence[bytes], conditions: Sequence[AttributeCondition]) -> bool:
    return all(condition.fits(attributes) for condition in conditions)


def words(condition: AttributeCondition, pair_bytes: int) -> str | None:
    """Return the words that a record which meets the *condition* has, or None where it is any."""
    texts = condition.texts()
    if not texts or any(len(text) > MAX_PAIR for text in texts):
        return None
    found = [match_expression(Term(text, condition.key), pair_bytes) for text in texts]
    return " OR ".join(expression for expression in found if expression)


class TraceAttributes:
    """The spans of one day's traces, and their attributes."""

    def __init__(self, reader: Reader, day: str) -> None:
        self._reader = reader
        self._day = day
        self._records = Records(reader, day)

    def of(self, key: int) -> Iterator[Sequence[bytes]]:
        """Yield the attributes of each span of the trace with this *key*, open spans too."""
        for data in self.records(key):
            yield read_span(data).attributes

    def records(self, key: int) -> Iterator[bytes]:
        """Yield each span of the trace as it came."""
        yield from self._records.span_data(key)
        beside = ["SELECT Raw FROM otel_open_spans WHERE TraceKey = ?"]
        if self._reader.has_old(self._day):
            beside.append("SELECT Raw FROM otel_traces WHERE TraceKey = ?")
        for sql in beside:
            for (data,) in self._reader.rows(self._day, sql, key):
                yield data


def written(key: bytes, attributes: Sequence[bytes]) -> str | None:
    """Return the value of *key* as JSON has it, or None where it is not there."""
    value = value_of(key, attributes)
    if value is None:
        return None
    plain = plain_value(value)
    if isinstance(plain, str):
        plain = plain[:_LONGEST]
    return msgspec.json.encode(plain).decode()
