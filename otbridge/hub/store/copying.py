"""Copies everything that one store holds into another, once, in as many attempts as it takes.

How far it came is written down after every page. Each page becomes a batch with a key, so one that
was stored and not written down any more is not stored twice.
"""

from __future__ import annotations

import os
from collections import deque
from secrets import token_hex
from time import sleep
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from otbridge.hub.store import StoreFull
from otbridge.hub.store.vocabulary import ScanFilter, ScanPosition
from otbridge.wire.rows import Batch, LogRow, MetricsRow, SpanRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from otbridge.hub.store import Store
    from otbridge.typing import Signal

__all__ = ["SIGNALS", "Progress", "copy_store", "missing"]

SIGNALS: Final[tuple[Signal, ...]] = ("traces", "logs", "metrics")

_PAGE: Final = 1_000
"""Records in one batch."""

_IN_FLIGHT: Final = 10
"""Batches that the target has in hand: enough for it to take them in large groups."""

_PATIENCE: Final = 60
"""Times a batch is offered to a target that is full, a second apart."""


class Progress(msgspec.Struct):
    """How far a copy has come. Kept in a file, which only its owner may read."""

    stream: str = msgspec.field(default_factory=lambda: f"copy {token_hex(8)}")
    """What the batches' keys begin with."""
    batches: dict[str, int] = msgspec.field(default_factory=dict)
    """Batches stored, by signal."""
    position: dict[str, tuple[str, int] | None] = msgspec.field(default_factory=dict)
    """Where the page begins that is to be scanned next, by signal; None at the beginning."""
    passed: dict[str, int] = msgspec.field(default_factory=dict)
    """Records of that page that were copied, by signal: it was the last, and had fewer then."""
    records: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """Records copied by signal and service; of metrics, data points."""

    @classmethod
    def read(cls, path: Path) -> Progress:
        """Read it, or begin where there is none (or none that can be read)."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError):
            return cls()

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        part = path.with_name(f"{path.name}.part")
        part.unlink(missing_ok=True)
        number = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(number, "wb") as out:
            out.write(msgspec.json.encode(self))
        part.replace(path)

    def total(self, signal: Signal) -> int:
        """Return how many records (of metrics: data points) of a signal were copied."""
        return sum(self.records.get(signal, {}).values())


class _Page(NamedTuple):
    """One page on its way."""

    rows: list[SpanRow] | list[LogRow] | list[MetricsRow]
    begin: ScanPosition | None
    passed: int
    """Records before these that the same page has."""
    end: ScanPosition | None
    """Where the next page begins; None where this is the last."""
    batch: Batch
    stored: Future[None]


def copy_store(
    source: Store, target: Store, progress: Progress, told: Callable[[Progress], None]
) -> None:
    """Copy what *source* holds into *target*: ended spans, logs and metrics.

    Args:
        source: Nobody may write into it meanwhile.
        target: May be in use.
        progress: How far it came before, and what to go on behind; brought up to date.
        told: Called after every page that is stored.

    Raises:
        StoreError: One of the two cannot go on; what was copied so far is in *progress*.
    """
    for signal in SIGNALS:
        waiting: deque[_Page] = deque()
        for page in _pages(source, target, signal, progress):
            waiting.append(page)
            if len(waiting) == _IN_FLIGHT:
                _settle(waiting.popleft(), target, signal, progress)
                told(progress)
        while waiting:
            _settle(waiting.popleft(), target, signal, progress)
            told(progress)


def _pages(source: Store, target: Store, signal: Signal, progress: Progress) -> Iterator[_Page]:
    """Hand over page after page to *target*."""
    begun = progress.position.get(signal)
    begin = ScanPosition(*begun) if begun else None
    passed = progress.passed.get(signal, 0)
    sequence = progress.batches.get(signal, 0)
    while True:
        found = source.scan(ScanFilter(signal), _PAGE, begin)
        rows = found.rows[passed:]
        batch = _batch(rows)
        batch.key = (f"{progress.stream} {signal}", sequence)
        stored = target.submit(batch)
        yield _Page(rows, begin, passed, found.next_position, batch, stored)
        if found.next_position is None:
            return
        begin, passed, sequence = found.next_position, 0, sequence + 1


def _batch(rows: list[SpanRow] | list[LogRow] | list[MetricsRow]) -> Batch:
    batch = Batch()
    for row in rows:
        match row:
            case SpanRow():
                batch.spans.append(row)
            case LogRow():
                batch.logs.append(row)
            case MetricsRow():
                batch.metrics.append(row)
    return batch


def _settle(page: _Page, target: Store, signal: Signal, progress: Progress) -> None:
    """Wait until a page is stored, and write down that it is."""
    stored = page.stored
    for attempt in range(_PATIENCE):
        try:
            stored.result()
            break
        except StoreFull:
            if attempt == _PATIENCE - 1:
                raise
            sleep(1)  # the target says when it has room by taking the batch, and not before
            stored = target.submit(page.batch)
    counts = progress.records.setdefault(signal, {})
    for row in page.rows:
        weight = row.data_points if isinstance(row, MetricsRow) else 1
        counts[row.service] = counts.get(row.service, 0) + weight
    progress.batches[signal] = progress.batches.get(signal, 0) + 1
    if page.end is None:
        progress.position[signal] = page.begin
        progress.passed[signal] = page.passed + len(page.rows)
    else:
        progress.position[signal] = page.end
        progress.passed[signal] = 0


def missing(target: Store, progress: Progress) -> list[str]:
    """Return what of the copied records *target* does not have, a sentence for each lack.

    Raises:
        StoreError: The target cannot be asked.
    """
    held = {service.name: service for service in target.services()}
    lacks: list[str] = []
    for signal, words in (("traces", "spans"), ("logs", "log records")):
        for service, copied in sorted(progress.records.get(signal, {}).items()):
            found = held.get(service)
            count = 0 if found is None else getattr(found, _COUNTS[signal])
            if count < copied:
                lacks.append(f"{service}: {copied - count:,} of {copied:,} {words} are missing")
    points = progress.total("metrics")
    if target.totals().data_points < points:
        lacks.append(f"some of {points:,} data points are missing")
    return lacks


_COUNTS: Final = {"traces": "span_count", "logs": "log_count"}
