"""Reads records out of the packs of one day, for one question."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from otbridge.hub.store.sqlite.packs import Pack, unpack
from otbridge.hub.store.sqlite.sources import SELECT_SOURCE, read_source
from otbridge.wire.otlp_outline import read_span
from otbridge.wire.otlp_rows import log_row, span_row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.hub.store.sqlite.packs import Times
    from otbridge.hub.store.sqlite.reader import Reader
    from otbridge.wire.otlp_rows import Origin
    from otbridge.wire.rows import LogRow, SpanRow

__all__ = ["PackedSpan", "Records", "read_pack", "spans_in"]


class PackedSpan(NamedTuple):
    """A span that was found and is not decoded yet; they sort by start, then as they were stored."""

    start_ns: int
    pack: int
    place: int
    data: bytes
    source: int
    times: Times | None


class _Run(NamedTuple):
    """The numbers of a pack's log records, and the pack where it is sound."""

    first: int
    end: int
    pack: Pack | None


class Records:
    """The records of one day."""

    def __init__(self, reader: Reader, day: str) -> None:
        self._reader = reader
        self._day = day
        self._sources: dict[int, Origin | None] = {}
        self._runs: list[_Run] = []

    # ---------------------------------------------------------------- spans

    def find_spans(self, keys: Iterable[int]) -> list[PackedSpan]:
        """Return the ended spans of these traces that are in packs, without decoding them."""
        packs: dict[int, Pack | None] = {}
        found: list[PackedSpan] = []
        for key in keys:
            parts = (
                "SELECT PackId, First, length(SpanIds) / 8 FROM otel_trace_parts WHERE TraceKey = ?"
            )
            for number, first, count in self._reader.rows(self._day, parts, key):
                if number not in packs:
                    packs[number] = self._span_pack(number)
                records = packs[number]
                if records is None:
                    self._reader.corrupt += count
                else:
                    found += spans_in(number, records, first, first + count)
        return found

    def _span_pack(self, number: int) -> Pack | None:
        columns = self._reader.first(
            self._day, "SELECT Raw, Crc FROM otel_span_packs WHERE Id = ?", number
        )
        self._reader.check_time()
        return None if columns is None else read_pack(*columns)

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
        run = self._run_of(number)
        if run is None or run.pack is None:
            self._reader.corrupt += 1
            return None
        return self.log_in(run.pack, number - run.first)

    def log_data(self, number: int) -> bytes | None:
        """Return the bytes of a log record by its number, or None where it is corrupt."""
        run = self._run_of(number)
        return None if run is None or run.pack is None else run.pack.records[number - run.first]

    def log_in(self, pack: Pack, place: int) -> LogRow | None:
        """Return the log record at *place* of a pack, or None where its source is corrupt."""
        origin = self.source(pack.sources[place])
        if origin is None:
            self._reader.corrupt += 1
            return None
        return log_row(pack.records[place], origin, pack.times.get(place))

    def _run_of(self, number: int) -> _Run | None:
        at = bisect_right(self._runs, number, key=lambda run: run.first) - 1
        if at >= 0 and number < self._runs[at].end:
            return self._runs[at]
        columns = self._reader.first(
            self._day,
            "SELECT Id, LogCount, Raw, Crc FROM otel_log_packs WHERE Id <= ?"
            " ORDER BY Id DESC LIMIT 1",
            number,
        )
        self._reader.check_time()
        if columns is None or number >= columns[0] + columns[1]:
            return None
        first, count, raw, crc = columns
        run = _Run(first, first + count, read_pack(raw, crc))
        self._runs.insert(at + 1, run)
        return run

    # ---------------------------------------------------------------- what they share

    def source(self, number: int) -> Origin | None:
        """Return where a record comes from, or None where that is corrupt."""
        if number not in self._sources:
            columns = self._reader.first(self._day, SELECT_SOURCE, number)
            self._sources[number] = None if columns is None else read_source(columns)
        return self._sources[number]


def spans_in(number: int, records: Pack, first: int, end: int) -> list[PackedSpan]:
    """Return the spans at these places of a pack."""
    found = []
    for place in range(first, end):
        data = records.records[place]
        times = records.times.get(place)
        start_ns = times[0] if times else read_span(data).start_time
        found.append(PackedSpan(start_ns, number, place, data, records.sources[place], times))
    return found


def read_pack(raw: bytes, crc: Any) -> Pack | None:
    """Return the pack, or None where its checksum does not fit."""
    return unpack(raw) if crc32(raw) == crc else None
