"""What was written a moment ago is sent from memory; the file is for everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.delivery.spool.files import SystemFiles
from otbridge.testing import FakeClock
from otbridge.wire.otlp_request import compose
from tests.faults.spool.scenario import ENVELOPES
from tests.faults.spool.scenario import make_spool as small_spool
from tests.faults.spool.simulated_disk import SimulatedDisk

if TYPE_CHECKING:
    from otbridge.delivery.spool.reader import SpoolReader
    from otbridge.delivery.spool.spool import Spool
    from otbridge.wire.otlp_request import Envelope
    from tests.delivery.spool.conftest import MakeSpool


class CountingFiles(SystemFiles):
    """Counts how many files are opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = 0

    def open(self, path: str) -> int:
        self.opened += path.endswith(".seg")
        return super().open(path)


@pytest.fixture
def files() -> CountingFiles:
    return CountingFiles()


def record(number: int) -> bytes:
    return b"\x12\x14" + (b"%d" % number).ljust(20, b".")


def drain(reader: SpoolReader, max_records: int = 7) -> list[bytes]:
    found: list[bytes] = []
    while (batch := reader.next_batch(1 << 20, max_records)) is not None:
        found += [framed for _, framed in batch.unpack()]
        assert reader.ack(batch) == len(batch)
    return found


def remembered(spool: Spool) -> int:
    """Return how many records are in memory."""
    folder = spool._holdings.own
    assert folder is not None
    return sum(
        len(segment.fresh) for stream in folder.streams.values() for segment in stream.segments
    )


def test_who_keeps_up_reads_no_file(
    make_spool: MakeSpool, envelope: Envelope, files: CountingFiles
) -> None:
    """Across segments, one by one and in batches."""
    spool = make_spool(segment_bytes=500, files=files)
    reader = spool.reader("there", "logs")
    for number in range(0, 60, 4):
        written = [record(number + n) for n in range(4)]
        assert spool.append("logs", envelope, written[0])
        assert not spool.append_batch("logs", [(envelope, each) for each in written[1:]])
        assert drain(reader) == written
    assert files.opened == 0


def test_what_everybody_has_leaves_memory(make_spool: MakeSpool, envelope: Envelope) -> None:
    """Acknowledged is forgotten, although the segment is written to still."""
    spool = make_spool()
    reader = spool.reader("there", "logs")
    for number in range(10):
        assert spool.append("logs", envelope, record(number))
    batch = reader.next_batch(1 << 20, 6)
    assert batch is not None
    assert remembered(spool) == 10
    reader.ack(batch)
    assert remembered(spool) == 4


def test_an_outage_costs_the_memory_of_two_segments(
    make_spool: MakeSpool, envelope: Envelope, files: CountingFiles
) -> None:
    """The others are read from their files, in the right order."""
    spool = make_spool(segment_bytes=500, files=files)
    reader = spool.reader("there", "logs")
    for number in range(100):
        assert spool.append("logs", envelope, record(number))
    assert remembered(spool) <= 2 * 500 // len(record(0))
    assert drain(reader) == [record(number) for number in range(100)]
    assert files.opened > 0


def test_every_destination_gets_everything(make_spool: MakeSpool, envelope: Envelope) -> None:
    """The fast one takes nothing away from the slow one."""
    spool = make_spool(segment_bytes=500)
    fast, slow = (spool.reader(name, "logs") for name in ("fast", "slow"))
    written = [record(number) for number in range(50)]
    for each in written:
        assert spool.append("logs", envelope, each)
    assert drain(fast) == written
    assert drain(slow, 3) == written


def test_a_request_among_records_is_read_from_the_file(
    make_spool: MakeSpool, envelope: Envelope
) -> None:
    """And so is what stands around it, each record once and in its order."""
    spool = make_spool()
    reader = spool.reader("there", "logs")
    for number in range(0, 30, 3):
        assert spool.append("logs", envelope, record(number))
        request = compose([(envelope, record(number + 1)), (envelope, record(number + 2))])
        assert spool.append_request("logs", request, "none", 2)
        if number == 9:
            assert drain(reader) == [record(each) for each in range(12)]
    assert drain(reader) == [record(each) for each in range(12, 30)]


def test_an_exception_in_the_middle_of_an_append_sends_no_other_record_instead(
    make_spool: MakeSpool, envelope: Envelope
) -> None:
    """As a signal handler may raise one between the write and the account of it.

    The number of the record that was never accepted goes to the next one.
    """
    files = SystemFiles()
    spool = make_spool(files=files)
    reader = spool.reader("there", "logs")
    assert spool.append("logs", envelope, record(0))
    (writer,) = (each for each in spool._intake.writers if each.segment is not None)
    segment = writer.segment
    assert segment is not None
    segment.fresh[segment.end] = (envelope, record(666))  # as it is left by such an exception
    request = b"\x0a\x02" + b"re"
    assert spool.append_request("logs", request, "none", 1)
    segment.fresh[segment.end] = (envelope, record(667))
    assert spool.append("logs", envelope, record(2))
    found: list[bytes] = []
    while (batch := reader.next_batch(1 << 20, 100)) is not None:
        found += [batch.request] if batch.request else [framed for _, framed in batch.entries]
        reader.ack(batch)
    assert found == [record(0), request, record(2)]


STEPS = st.lists(
    st.tuples(st.sampled_from(("one", "batch", "request")), st.integers(1, 9))
    | st.tuples(st.sampled_from(("fast", "slow")), st.integers(1, 12))
    | st.tuples(st.just("half a minute"), st.just(0)),
    max_size=50,
)


@given(STEPS)
def test_whatever_comes_in_between_everybody_gets_everything_once_and_in_its_order(
    steps: list[tuple[str, int]],
) -> None:
    """Records and requests, small segments, and two who read as they like."""
    clock = FakeClock()
    spool = small_spool(SimulatedDisk(), clock, [])
    readers = {name: spool.reader(name, "logs") for name in ("fast", "slow")}
    got: dict[str, list[bytes]] = {name: [] for name in readers}
    written: list[bytes] = []

    def read(name: str, records: int) -> bool:
        batch = readers[name].next_batch(300, records)
        if batch is not None:
            got[name] += [framed for _, framed in batch.unpack()]
            assert readers[name].ack(batch) == len(batch)
        return batch is not None

    for step, count in steps:
        entries = [(ENVELOPES[count % 3], record(len(written) + n)) for n in range(count)]
        if step == "half a minute":
            clock.advance(31)
            spool.tend()
        elif step in readers:
            read(step, count)
        else:
            if step == "one":
                entries = entries[:1]
                assert spool.append("logs", *entries[0])
            elif step == "batch":
                assert not spool.append_batch("logs", entries)
            else:
                assert spool.append_request("logs", compose(entries), "none", count)
            written += [framed for _, framed in entries]
    for name in readers:
        while read(name, 5):
            pass
        assert got[name] == written
    spool.close()
