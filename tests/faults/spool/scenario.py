"""A program that uses the spool in every way there is, and remembers what it was promised."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.testing import FakeClock
from otbridge.wire.compression import compress
from otbridge.wire.otlp_request import Envelope, compose
from tests.faults.spool.simulated_disk import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.delivery.spool.files import Files
    from otbridge.delivery.spool.settings import Durability
    from otbridge.delivery.spool.spooled import SpooledBatch
    from otbridge.typing import Signal

SIGNALS: tuple[Signal, ...] = ("logs", "traces")
DESTINATION = "the receiver"
ENVELOPES = [Envelope(b"\x0a\x02r%d" % n, b"\x0a\x02s%d" % n) for n in range(3)]


@dataclass
class Promises:
    """What the spool has answered. Entries go into the disk's log as well, between its calls."""

    log: list[Any]
    accepted: Counter[bytes] = field(default_factory=Counter)
    acknowledged: Counter[bytes] = field(default_factory=Counter)
    unsure: Counter[bytes] = field(default_factory=Counter)
    """Records that `append` returned False for: they may be on the disk, nobody relies on it."""

    def take(self, records: Iterable[bytes]) -> None:
        records = list(records)
        self.accepted.update(records)
        self.log.append(("accepted", records))

    def settle(self, records: Iterable[bytes]) -> None:
        records = list(records)
        self.acknowledged.update(records)
        self.log.append(("acknowledged", records))


def make_spool(
    files: Files,
    clock: FakeClock,
    reports: list[str],
    *,
    durability: Durability = "process",
    segment_bytes: int = 600,
    **settings: Any,
) -> Spool:
    """Return a spool with small segments and neither threads nor randomness."""
    random = Random(7)
    return Spool(
        ROOT,
        "shop",
        report=reports.append,
        settings=SpoolSettings(durability=durability, segment_bytes=segment_bytes, **settings),
        clock=clock,
        files=files,
        background=False,
        random=random.randbytes,
    )


def framed(number: int, length: int) -> bytes:
    """Return a record as it stands in a request: field 2, with *number* in its text."""
    text = b"%06d" % number
    payload = text.ljust(max(length, len(text)), b".")
    return b"\x12" + bytes((len(payload) & 0x7F | 0x80, len(payload) >> 7)) + payload


def records_of(batch: SpooledBatch) -> list[bytes]:
    """Return the framed records of *batch*."""
    return [record for _, record in batch.unpack()]


class Program:
    """Appends, reads, acknowledges, waits and tends, as a seeded die says.

    Args:
        spool: What it uses.
        clock: Time.
        promises: Where it writes down what it was told.
        seed: Of the die.
    """

    def __init__(self, spool: Spool, clock: FakeClock, promises: Promises, seed: int) -> None:
        self.spool = spool
        self.clock = clock
        self.promises = promises
        self.random = Random(seed)
        self.number = seed * 10_000
        self.readers = {signal: spool.reader(DESTINATION, signal) for signal in SIGNALS}

    def run(self, steps: int) -> None:
        does = [self.append] * 6 + [self.append_batch, self.append_request]
        does += [self.deliver] * 3 + [self.tend, self.sync]
        for _ in range(steps):
            self.random.choice(does)()

    def entry(self) -> tuple[Envelope, bytes]:
        self.number += 1
        return self.random.choice(ENVELOPES), framed(self.number, self.random.randrange(6, 120))

    def append(self) -> None:
        envelope, record = self.entry()
        signal, severity = self.random.choice(SIGNALS), self.random.choice((9, 9, 9, 17))
        self._told([record], taken=self.spool.append(signal, envelope, record, severity))

    def append_batch(self) -> None:
        entries = [self.entry() for _ in range(self.random.randrange(1, 8))]
        left = self.spool.append_batch(self.random.choice(SIGNALS), entries)
        kept = [record for _, record in left]
        self._told([record for _, record in entries if record not in kept], taken=True)
        self._told(kept, taken=False)

    def append_request(self) -> None:
        entries = [self.entry() for _ in range(self.random.randrange(1, 5))]
        encoding = self.random.choice(("gzip", "none"))
        request = compress(compose(entries), encoding)
        taken = self.spool.append_request(
            self.random.choice(SIGNALS), request, encoding, len(entries)
        )
        self._told([record for _, record in entries], taken=taken)

    def deliver(self) -> None:
        reader = self.readers[self.random.choice(SIGNALS)]
        batch = reader.next_batch(self.random.choice((100, 1000)), self.random.choice((1, 3, 100)))
        if batch is not None:
            records = records_of(batch)
            if reader.ack(batch):
                self.promises.settle(records)

    def tend(self) -> None:
        self.clock.advance(self.random.choice((0.5, 31.0)))
        self.spool.tend()

    def sync(self) -> None:
        if self.spool.sync():
            self.promises.log.append(("synced",))

    def _told(self, records: list[bytes], *, taken: bool) -> None:
        if taken:
            self.promises.take(records)
        else:
            self.promises.unsure.update(records)


@dataclass
class Aftermath:
    """What the next process found."""

    delivered: Counter[bytes]
    lost: int
    """Records that all processes so far have counted as lost."""
    torn: int
    reports: list[str]
    envelopes: dict[bytes, Envelope]


def recover(files: Any, *, destination: str = DESTINATION) -> Aftermath:
    """Be the next process: take over what is there, and deliver all of it."""
    from otbridge.delivery.spool.names import service_folder
    from otbridge.delivery.spool.totals import read_totals

    reports: list[str] = []
    spool = make_spool(files, FakeClock(), reports)
    readers = [spool.reader(destination, signal) for signal in SIGNALS]
    spool.adopt_orphans()
    delivered: Counter[bytes] = Counter()
    envelopes: dict[bytes, Envelope] = {}
    for reader in readers:
        while (batch := reader.next_batch(1000, 10)) is not None:
            for envelope, record in batch.unpack():
                delivered[record] += 1
                envelopes[record] = envelope
            assert reader.ack(batch) == len(batch)
        assert reader.waiting == 0
    stats = spool.stats()
    for signal, reader in zip(SIGNALS, readers, strict=True):
        assert stats.delivered(signal) == reader.acknowledged
    torn = stats.torn
    spool.close()
    totals = read_totals(files, f"{ROOT}/{service_folder('shop')}")
    lost = sum(sum(of["lost"].values()) for of in totals["signals"].values())
    return Aftermath(delivered, lost, torn, reports, envelopes)
