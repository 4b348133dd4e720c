"""A receiver that is away for a day: row 2 of the fault table.

    python -m tests.faults.rows.day [--per-second 100] [--mebibytes 512] [--hours 24]

A real pipeline with a real spool on a real disk; only the time is not real, so that a day takes as
long as its records take to write. Prints one line. Without options it is the day of the table:
8,640,000 records into 512 MiB, which takes about two minutes and that much disk.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.settings import BatchSettings
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.testing import FakeClock
from otbridge.typing import Retryable, Success
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, split_request

if TYPE_CHECKING:
    from otbridge.typing import SendResult, Signal

ENVELOPE = Envelope.of({"service.name": "shop"}, "faults")
STEP = 120
"""Seconds of the day between two looks at the disk."""
AGE = 600.0
"""Seconds after which a segment ends: twenty times the default, for as many fewer files."""
MARK = b"\x0a\x01n\x12\x09\x21"
"""What stands before a record's number: the attribute `n`, a 64-bit float of eight bytes."""
PATIENCE = 60.0


class FarAway:
    """A receiver that is away until it is told to come back; it then notes what it gets."""

    name = "far away"

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.back = False
        self.asked: list[float] = []
        """When it was asked while it was away."""
        self.numbers: list[int] = []

    def send(self, signal: Signal, request: bytes, timeout: float) -> SendResult:
        if not self.back:
            self.asked.append(self._clock.monotonic())
            return Retryable("unreachable")
        self.numbers += [number_of(record) for _, record in split_request(signal, request)]
        return Success()

    def close(self) -> None:
        """Hold nothing."""


@dataclass
class Outcome:
    """What a day has shown."""

    accepted: int = 0
    delivered: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    twice: int = 0
    kept: range = range(0)
    """Numbers of the plain records that came back, where that is one unbroken range."""
    unbroken: bool = False
    errors_lost: int = 0
    """Records of ERROR that did not come back."""
    asked: int = 0
    """Attempts to reach the receiver during the outage."""
    shortest_wait: float = 0.0
    """Seconds between two such attempts, at least, after the first ten minutes."""
    most_bytes: int = 0
    """The most that was on disk at any look."""
    adds_up: bool = True
    """Whether the ledger did so at every look."""
    seconds: float = 0.0
    """Real ones."""

    def __str__(self) -> str:
        dropped = ", ".join(f"{count:,} {reason}" for reason, count in self.dropped.items())
        return (
            f"a day's outage: {self.accepted:,} accepted, {self.delivered:,} delivered after it, "
            f"{dropped or 'none dropped'}, {self.twice} twice, {self.errors_lost} errors lost; "
            f"asked {self.asked:,} times, {self.most_bytes / (1 << 20):.1f} MiB on disk at most, "
            f"{self.seconds:.0f} s"
        )


def number_of(record: bytes) -> int:
    place = record.index(MARK) + len(MARK)
    return int.from_bytes(record[place : place + 8], "little")


def numbered(number: int, severity: int, empty: bytes) -> bytes:
    """Return *empty* with its number filled in: a million encodings would take longer."""
    place = empty.index(MARK) + len(MARK)
    return empty[:place] + number.to_bytes(8, "little") + empty[place + 8 :]


def live_through(
    folder: Path, *, per_second: int, hours: float, limit: int, segment: int, error_every: int = 997
) -> Outcome:
    """Log *per_second* records for so many *hours* of outage, then let the receiver come back.

    Args:
        folder: Of the spool.
        per_second: Records a second.
        hours: How long the receiver is away.
        limit: Bytes of the spool.
        segment: Bytes of one of its segments.
        error_every: Every so many records one is an ERROR.
    """
    begin = time.monotonic()
    clock = FakeClock()
    sink = FarAway(clock)
    settings = SpoolSettings(
        durability="process", max_bytes=limit, segment_bytes=segment, segment_age_s=AGE
    )
    spool = Spool(
        str(folder), "shop", report=_ignore, settings=settings, clock=clock, background=False
    )
    pipeline = Pipeline(
        "logs",
        sink,
        report=_ignore,
        spool=spool,
        clock=clock,
        batch=BatchSettings(max_records=256),  # each look at the receiver takes one along
    )
    plain, error = (
        encode_log_record(1, 1, severity, "", "order placed", {"n": 0.0}) for severity in (9, 17)
    )
    outcome, errors = Outcome(), set[int]()
    for _ in range(int(hours * 3600 / STEP)):
        for number in range(outcome.accepted, outcome.accepted + per_second * STEP):
            is_error = number % error_every == 0
            if is_error:
                errors.add(number)
            severity = 17 if is_error else 9
            pipeline.put(
                ENVELOPE, numbered(number, severity, error if is_error else plain), severity
            )
        outcome.accepted += per_second * STEP
        clock.advance(STEP)
        spool.tend()
        _look(outcome, pipeline, folder)
    outcome.asked = len(sink.asked)
    late = [at for at in sink.asked if at > 600]
    outcome.shortest_wait = min((b - a for a, b in itertools.pairwise(late)), default=0)
    sink.back = True
    _drain(pipeline, clock)
    _look(outcome, pipeline, folder)
    _account(outcome, pipeline, sink.numbers, errors)
    pipeline.shutdown(1.0)
    spool.close()
    outcome.seconds = time.monotonic() - begin
    return outcome


def _look(outcome: Outcome, pipeline: Pipeline, folder: Path) -> None:
    found = pipeline.ledger.snapshot()
    total = found.delivered + found.lost + found.spooled + found.in_memory
    outcome.adds_up &= found.accepted == total == outcome.accepted
    on_disk = sum(path.stat().st_size for path in folder.rglob("*.seg"))
    outcome.most_bytes = max(outcome.most_bytes, on_disk)


def _drain(pipeline: Pipeline, clock: FakeClock) -> None:
    """Let time pass until the disk is empty."""
    deadline = time.monotonic() + PATIENCE
    while pipeline.ledger.spooled or pipeline.ledger.in_memory:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not drained: {pipeline.ledger.snapshot()}")
        clock.advance(1.0)
        time.sleep(0.005)  # the worker is a real thread


def _account(outcome: Outcome, pipeline: Pipeline, numbers: list[int], errors: set[int]) -> None:
    ledger = pipeline.ledger.snapshot()
    outcome.delivered, outcome.dropped = ledger.delivered, dict(ledger.dropped)
    had = set(numbers)
    outcome.twice = len(numbers) - len(had)
    outcome.errors_lost = len(errors - had)
    kept = sorted(had - errors)
    outcome.kept = range(kept[0], kept[-1] + 1)
    outcome.unbroken = len(kept) == sum(number not in errors for number in outcome.kept)


def _ignore(sentence: str) -> None:
    """Take a report that nobody wants to have."""


def main() -> int:
    """Live through a day and print its line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--per-second", type=int, default=100)
    parser.add_argument("--mebibytes", type=int, default=512)
    parser.add_argument("--hours", type=float, default=24)
    chosen = parser.parse_args()
    limit = chosen.mebibytes << 20
    segment = min(4 << 20, limit // 128)
    with tempfile.TemporaryDirectory() as folder:
        outcome = live_through(
            Path(folder),
            per_second=chosen.per_second,
            hours=chosen.hours,
            limit=limit,
            segment=segment,
        )
    print(outcome)  # noqa: T201 - this is a program
    good = outcome.adds_up and outcome.unbroken and not outcome.twice
    return 0 if good and outcome.most_bytes <= limit + segment else 1


if __name__ == "__main__":
    sys.exit(main())
