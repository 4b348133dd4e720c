"""Writers, a reader, limits, crashes and recoveries in any order, against a model of a few lines."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from otbridge.testing import FakeClock
from otbridge.wire.otlp_request import compose
from tests.faults.spool.scenario import DESTINATION, ENVELOPES, framed, make_spool
from tests.faults.spool.simulated_disk import SimulatedDisk

SEVERITIES = st.sampled_from((0, 9, 17, 21))


class Spooling(RuleBasedStateMachine):
    """A process with a spool, which may die at any time and is followed by another.

    The model: every accepted record is held until it is acknowledged or the accounts say that it
    was given up.
    """

    def __init__(self) -> None:
        super().__init__()
        self.disk = SimulatedDisk()
        self.clock = FakeClock()
        self.reports: list[str] = []
        self.number = 0
        self.held: Counter[bytes] = Counter()
        self.envelopes: dict[bytes, Any] = {}
        self.lost = 0
        """Records that the spools of processes that died had counted as lost."""
        self.batch: Any = None

    @initialize(max_bytes=st.sampled_from((3000, 1 << 20)))
    def begin(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.start()

    def start(self) -> None:
        self.spool = make_spool(
            self.disk, self.clock, self.reports, max_bytes=self.max_bytes, max_age_s=400.0
        )
        self.reader = self.spool.reader(DESTINATION, "logs")
        self.batch = None

    def counted(self) -> int:
        """Return how many records all processes so far have counted as lost."""
        return self.lost + sum(self.spool.stats().lost.get("logs", {}).values())

    def entries(self, count: int, length: int) -> list[tuple[Any, bytes]]:
        made = []
        for _ in range(count):
            self.number += 1
            made.append((ENVELOPES[self.number % 3], framed(self.number, length)))
            self.envelopes[made[-1][1]] = made[-1][0]
        self.held.update(record for _, record in made)
        return made

    @rule(length=st.integers(6, 300), severity=SEVERITIES)
    def append(self, length: int, severity: int) -> None:
        (entry,) = self.entries(1, length)
        assert self.spool.append("logs", *entry, severity)

    @rule(count=st.integers(1, 12), length=st.integers(6, 150), severity=SEVERITIES)
    def append_batch(self, count: int, length: int, severity: int) -> None:
        assert not self.spool.append_batch("logs", self.entries(count, length), severity)

    @rule(count=st.integers(1, 6), severity=SEVERITIES)
    def append_request(self, count: int, severity: int) -> None:
        request = compose(self.entries(count, 40))
        assert self.spool.append_request("logs", request, "none", count, severity)

    @rule(max_bytes=st.sampled_from((1, 200, 5000)), max_records=st.integers(1, 20))
    def read(self, max_bytes: int, max_records: int) -> None:
        self.batch = self.reader.next_batch(max_bytes, max_records)
        if self.batch is None:
            assert not self.reader.waiting
            return
        for envelope, record in self.batch.unpack():
            assert self.held[record] == 1, "never written, or acknowledged before"
            written = self.envelopes[record]
            assert (envelope.resource, envelope.scope) == (written.resource, written.scope)

    @precondition(lambda self: self.batch is not None)
    @rule()
    def acknowledge(self) -> None:
        records = [record for _, record in self.batch.unpack()]
        if self.reader.ack(self.batch):
            self.held.subtract(records)
            self.held = +self.held
        self.batch = None

    @rule(seconds=st.sampled_from((0.1, 31.0, 200.0)))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.spool.tend()

    @rule()
    def die(self) -> None:
        self.lost = self.counted()
        self.disk = self.disk.killed()
        self.start()

    @rule()
    def end_well(self) -> None:
        self.spool.close()
        assert self.disk.descriptors == 0
        self.lost = self.counted()
        self.start()

    @rule()
    def adopt(self) -> None:
        self.spool.adopt_orphans()

    @invariant()
    def accounts_add_up(self) -> None:
        if not hasattr(self, "spool"):
            return
        stats = self.spool.stats()
        assert stats.delivered("logs") == self.reader.acknowledged
        assert stats.waiting.get("logs", 0) == self.reader.waiting
        assert not [sentence for sentence in self.reports if "gave up" not in sentence]

    def teardown(self) -> None:
        """Whatever has happened: the next process delivers exactly what is left."""
        if not hasattr(self, "spool"):
            return
        self.die()
        self.spool.adopt_orphans()
        found = Counter[bytes]()
        while (batch := self.reader.next_batch(1000, 50)) is not None:
            found.update(record for _, record in batch.unpack())
            assert self.reader.ack(batch) == len(batch)
        assert found <= self.held
        assert (self.held - found).total() == self.counted()
        self.spool.close()
        assert not [path for path in self.disk.files() if path.endswith((".seg", "/book"))]


TestSpooling = Spooling.TestCase
TestSpooling.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
