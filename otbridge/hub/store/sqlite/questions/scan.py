"""Everything of one signal in the order in which it was stored: what an export reads."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import crc32

from otbridge.hub.store.sqlite.files import legacy
from otbridge.hub.store.sqlite.packs.pack_dictionaries import PackReader
from otbridge.hub.store.sqlite.questions.conditions import Conditions
from otbridge.hub.store.sqlite.questions.records import Records, spans_in
from otbridge.hub.store.vocabulary import ScanPage, ScanPosition
from otbridge.wire.rows import MetricsRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.store.sqlite.packs.packs import Pack
    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.hub.store.vocabulary import ScanFilter
    from otbridge.typing import Signal
    from otbridge.wire.rows import LogRow, SpanRow

    Step = Callable[[Reader, str, ScanFilter, int, int], "_Found"]
    """(reader, day, wanted, place, limit) -> what is behind the place."""

__all__ = ["page"]

_STEP: Final = 5_000
"""Rows of the file that one statement looks at: a few milliseconds, whatever the filter."""

_STEPS: Final = 40
"""Steps in one question, however little they find; the next page goes on from there."""

_PACKS: Final = 10
"""Packs in one step: as much work as rows that have their records beside them."""


class _Found(NamedTuple):
    """What a step has found."""

    rows: list[Any]
    place: int
    """Where the next step begins."""
    more: bool
    """Whether there may be anything behind it."""


def page(reader: Reader, wanted: ScanFilter, limit: int, after: ScanPosition | None) -> ScanPage:
    """Answer `Store.scan`."""
    rows: list[Any] = []
    position = after or ScanPosition("", 0)
    steps = 0
    for day in [day for day in reader.days if day >= position.day]:
        place = position.row if day == position.day else 0
        for step in _steps(reader, day, wanted.signal):
            while True:
                if len(rows) == limit or steps == _STEPS:
                    return ScanPage(rows, ScanPosition(day, place))
                steps += 1
                found = step(reader, day, wanted, place, limit - len(rows))
                rows += found.rows
                place = found.place
                if not found.more:
                    break
    return ScanPage(rows, None)


def _steps(reader: Reader, day: str, signal: Signal) -> list[Step]:
    """Return how the records of one file are read, in the order in which they were stored."""
    if signal == "metrics":
        return [_METRICS.step]
    old, packed = (_OLD_SPANS, _spans) if signal == "traces" else (_OLD_LOGS, _logs)
    return [old.step, packed] if reader.has_old(day) else [packed]


class _Rows(NamedTuple):
    """A table that has a record in each row."""

    table: str
    select: str
    """Its first column is the row's number."""
    time: str
    read: Callable[[tuple[Any, ...]], Any]

    def step(self, reader: Reader, day: str, wanted: ScanFilter, place: int, limit: int) -> _Found:
        """Return what is in the next rows."""
        found_last = reader.first(day, f"SELECT max(Id) FROM {self.table}")
        last = (found_last[0] if found_last else 0) or 0
        end = min(place + _STEP, last)
        where = Conditions("o.Id > ? AND o.Id <= ?")
        where.parameters += (place, end)
        if wanted.from_ns is not None:
            where.add(f"o.{self.time} >= ?", wanted.from_ns)
        if wanted.to_ns is not None:
            where.add(f"o.{self.time} < ?", wanted.to_ns)
        sql = f"{self.select} WHERE {where} ORDER BY o.Id LIMIT ?"
        found = reader.rows(day, sql, *where.parameters, limit)
        if len(found) == limit:
            end = found[-1][0]  # there may be more in this step
        return _Found(reader.keep_sound(found, self.read), max(place, end), end < last)


def _read_metrics(columns: tuple[Any, ...]) -> MetricsRow | None:
    _, crc, service, received_ns, points, raw = columns
    return MetricsRow(service, received_ns, points, raw) if crc32(raw) == crc else None


_OLD_SPANS: Final = _Rows("otel_traces", legacy.SELECT_SPAN, "Timestamp", legacy.read_span)
_OLD_LOGS: Final = _Rows("otel_logs", legacy.SELECT_LOG, "Timestamp", legacy.read_log)
_METRICS: Final = _Rows(
    "otel_metrics",
    "SELECT o.Id, o.Crc, o.ServiceName, o.ReceivedTimestamp, o.DataPoints, o.Raw"
    " FROM otel_metrics o",
    "ReceivedTimestamp",
    _read_metrics,
)


def _spans(reader: Reader, day: str, wanted: ScanFilter, place: int, limit: int) -> _Found:
    """Return the spans in the next packs; a place is the number of the one before."""
    records = Records(reader, day)

    def read(first: int, pack: Pack, at: int) -> SpanRow | None:
        (span,) = spans_in(first, pack, at, at + 1)
        return records.span(span) if _fits(span.start_ns, wanted) else None

    table = _Packed("otel_span_packs", "SpanCount", read)
    return table.step(reader, day, wanted, place, limit)


def _logs(reader: Reader, day: str, wanted: ScanFilter, place: int, limit: int) -> _Found:
    """Return the log records in the next packs; a place is the number of the one before."""
    records = Records(reader, day)

    def read(_: int, pack: Pack, at: int) -> LogRow | None:
        row = records.log_in(pack, at)
        return row if row is not None and _fits(row.time_ns, wanted) else None

    return _Packed("otel_log_packs", "LogCount", read).step(reader, day, wanted, place, limit)


class _Packed(NamedTuple):
    """A table of packs."""

    table: str
    counted: str
    """Its column of how many records a pack has."""
    read: Callable[[int, Pack, int], Any]
    """(number of the pack's first record, pack, place) -> the record, where it is sound and
    wanted."""

    def step(self, reader: Reader, day: str, wanted: ScanFilter, place: int, limit: int) -> _Found:
        """Return what is in the next packs."""
        packs = self._packs(reader, day, wanted, place + 1)
        read_pack = PackReader(lambda sql, number: reader.rows(day, sql, number)).read
        rows: list[Any] = []
        for first, count, raw, crc in packs:
            begin = max(place + 1 - first, 0)
            pack = read_pack(raw, crc)
            if pack is None:
                reader.corrupt += max(count - begin, 0)
                continue
            for at in range(begin, count):
                if len(rows) == limit:
                    return _Found(rows, first + at - 1, more=True)
                row = self.read(first, pack, at)
                if row is not None:
                    rows.append(row)
        behind = packs[-1][0] + packs[-1][1] - 1 if packs else place
        return _Found(rows, max(place, behind), len(packs) == _PACKS)

    def _packs(
        self, reader: Reader, day: str, wanted: ScanFilter, number: int
    ) -> list[tuple[int, int, bytes, int]]:
        """Return the next packs from that of *number* on that have something in the wanted time."""
        begun = f"SELECT max(Id) FROM {self.table} WHERE Id <= ?"  # it may be in the middle of one
        where = Conditions(f"Id >= coalesce(({begun}), 0)")
        where.parameters.append(number)
        if wanted.from_ns is not None:
            where.add("MaxTimestamp >= ?", wanted.from_ns)
        if wanted.to_ns is not None:
            where.add("MinTimestamp < ?", wanted.to_ns)
        sql = f"SELECT Id, {self.counted}, Raw, Crc FROM {self.table} WHERE {where} ORDER BY Id LIMIT ?"
        return reader.rows(day, sql, *where.parameters, _PACKS)


def _fits(time_ns: int, wanted: ScanFilter) -> bool:
    return (wanted.from_ns is None or time_ns >= wanted.from_ns) and (
        wanted.to_ns is None or time_ns < wanted.to_ns
    )
