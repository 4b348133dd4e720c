"""Reads records out of the packs of one day, for one question."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.store.sqlite.packs.pack_dictionaries import PackReader
from otbridge.hub.store.sqlite.writing.sources import SELECT_SOURCE, read_source
from otbridge.wire.otlp_outline import read_span
from otbridge.wire.otlp_rows import log_row, span_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from otbridge.hub.store.sqlite.packs.packs import Pack, Times
    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.wire.otlp_rows import Origin
    from otbridge.wire.rows import LogRow, SpanRow

__all__ = ["PackedSpan", "Records", "spans_in"]

_OPENED: Final = 48
"""Packs that one question keeps open, some 200 kB each: it goes from one to its neighbour."""

_PARTS: Final = "SELECT First, length(SpanIds) / 8 FROM otel_trace_parts WHERE TraceKey = ?"


class PackedSpan(NamedTuple):
    """A span that was found and is not decoded yet; they sort by start, then as they were stored."""

    start_ns: int
    number: int
    data: bytes
    source: int
    times: Times | None


class _Run(NamedTuple):
    """The numbers of a pack's records, and the pack where it is sound."""

    first: int
    end: int
    pack: Pack | None


class _Runs:
    """The packs of one table that a question has looked into."""

    def __init__(self, reader: Reader, day: str, table: str, count: str) -> None:
        self._reader = reader
        self._day = day
        self._select = (
            f"SELECT Id, {count}, Raw, Crc FROM {table} WHERE Id <= ? ORDER BY Id DESC LIMIT 1"
        )
        self._packs = PackReader(lambda sql, number: reader.rows(day, sql, number))
        self._opened: list[_Run] = []

    def of(self, number: int) -> _Run | None:
        """Return the run that has the record with this *number*."""
        at = bisect_right(self._opened, number, key=lambda run: run.first) - 1
        if at >= 0 and number < self._opened[at].end:
            return self._opened[at]
        columns = self._reader.first(self._day, self._select, number)
        self._reader.check_time()
        if columns is None or number >= columns[0] + columns[1]:
            return None
        first, count, raw, crc = columns
        run = _Run(first, first + count, self._packs.read(raw, crc))
        if len(self._opened) == _OPENED:
            self._opened.clear()
            at = -1
        self._opened.insert(at + 1, run)
        return run


class Records:
    """The records of one day."""

    def __init__(self, reader: Reader, day: str) -> None:
        self._reader = reader
        self._day = day
        self._sources: dict[int, Origin | None] = {}
        self._spans = _Runs(reader, day, "otel_span_packs", "SpanCount")
        self._logs = _Runs(reader, day, "otel_log_packs", "LogCount")

    # ---------------------------------------------------------------- spans

    def find_spans(self, keys: Iterable[int]) -> list[PackedSpan]:
        """Return the ended spans of these traces that are in packs, without decoding them."""
        found: list[PackedSpan] = []
        for key in keys:
            for run, first, end in self._runs_of_trace(key):
                if run.pack is None:
                    self._reader.corrupt += end - first
                else:
                    found += spans_in(run.first, run.pack, first - run.first, end - run.first)
        return found

    def span_data(self, key: int) -> Iterator[bytes]:
        """Yield the bytes of the trace's ended spans that are in packs."""
        for run, first, end in self._runs_of_trace(key):
            if run.pack is not None:
                yield from run.pack.records[first - run.first : end - run.first]

    def _runs_of_trace(self, key: int) -> Iterator[tuple[_Run, int, int]]:
        """Yield packs that have spans of the trace, and from which number to which they are its."""
        for first, count in self._reader.rows(self._day, _PARTS, key):
            at, end = first, first + count
            while at < end:  # what was written together may go on in the next pack
                run = self._spans.of(at)
                if run is None:
                    break
                yield run, at, min(run.end, end)
                at = run.end

    def span(self, found: PackedSpan) -> SpanRow | None:
        """Return a span that was found, or None where its source is corrupt."""
        origin = self.source(found.source)
        if origin is None:
            self._reader.corrupt += 1
            return None
        return span_row(found.data, origin, found.times)

    # ---------------------------------------------------------------- logs

    def log(self, number: int) -> LogRow | None:
        """Return a log record by its number, or None where it is corrupt."""
        run = self._logs.of(number)
        if run is None or run.pack is None:
            self._reader.corrupt += 1
            return None
        return self.log_in(run.pack, number - run.first)

    def log_data(self, number: int) -> bytes | None:
        """Return the bytes of a log record by its number, or None where it is corrupt."""
        run = self._logs.of(number)
        return None if run is None or run.pack is None else run.pack.records[number - run.first]

    def log_in(self, pack: Pack, place: int) -> LogRow | None:
        """Return the log record at *place* of a pack, or None where its source is corrupt."""
        origin = self.source(pack.sources[place])
        if origin is None:
            self._reader.corrupt += 1
            return None
        return log_row(pack.records[place], origin, pack.times.get(place))

    # ---------------------------------------------------------------- what they share

    def source(self, number: int) -> Origin | None:
        """Return where a record comes from, or None where that is corrupt."""
        if number not in self._sources:
            columns = self._reader.first(self._day, SELECT_SOURCE, number)
            self._sources[number] = None if columns is None else read_source(columns)
        return self._sources[number]


def spans_in(number: int, records: Pack, first: int, end: int) -> list[PackedSpan]:
    """Return the spans at these places of a pack whose first span has this *number*."""
    found = []
    for place in range(first, end):
        data = records.records[place]
        times = records.times.get(place)
        start_ns = times[0] if times else read_span(data).start_time
        found.append(PackedSpan(start_ns, number + place, data, records.sources[place], times))
    return found
