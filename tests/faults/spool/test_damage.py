"""Bits that flip, files that are cut, bytes that somebody else has put there."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from otbridge.delivery.spool.frames import record_frame
from otbridge.testing import FakeClock
from otbridge.wire.compression import compress
from otbridge.wire.otlp_request import compose
from tests.faults.spool.scenario import ENVELOPES, framed, make_spool, recover
from tests.faults.spool.simulated_disk import SimulatedDisk

RECORDS = 32
REQUESTS = 4


@pytest.fixture(scope="module")
def written() -> tuple[SimulatedDisk, Counter[bytes], str]:
    """One segment of records and requests; what is in it; and its path."""
    disk = SimulatedDisk()
    spool = make_spool(disk, FakeClock(), [], segment_bytes=1 << 20)
    records = Counter[bytes]()
    for number in range(RECORDS):
        record = framed(number, 40 + number)
        assert spool.append("logs", ENVELOPES[number % 3], record)
        records[record] += 1
        if number % (RECORDS // REQUESTS) == 5:
            entries = [(ENVELOPES[0], framed(1000 + number + n, 30)) for n in range(3)]
            assert spool.append_request("logs", compress(compose(entries), "gzip"), "gzip", 3)
            records.update(record for _, record in entries)
    spool.sync()
    (path,) = (path for path in disk.files() if path.endswith(".seg"))
    return disk, records, path


def test_a_flipped_bit_costs_the_frame_that_it_is_in(
    written: tuple[SimulatedDisk, Counter[bytes], str],
) -> None:
    """At a thousand places: no wrong payload, one frame at most, counted record by record."""
    disk, records, path = written
    data = disk.files()[path]
    random = Random(1)
    for _ in range(1000):
        place, bit = random.randrange(len(data)), random.randrange(8)
        left = disk.killed()
        left.replace(path, data[:place] + bytes((data[place] ^ 1 << bit,)) + data[place + 1 :])
        found = recover(left)
        assert found.delivered <= records, f"bit {bit} of byte {place}"
        missing = (records - found.delivered).total()
        assert missing <= 3, f"bit {bit} of byte {place}"
        assert found.lost + found.torn == missing, f"bit {bit} of byte {place}"


def test_a_damaged_request_at_the_end_is_counted_with_its_records() -> None:
    """Nothing comes after it to tell how many they were: it says so itself."""
    disk = SimulatedDisk()
    spool = make_spool(disk, FakeClock(), [])
    entries = [(ENVELOPES[0], framed(n, 30)) for n in range(5)]
    assert spool.append("logs", *entries[0])
    assert spool.append_request("logs", compose(entries), "none", 5)
    spool.sync()
    (path,) = (path for path in disk.files() if path.endswith(".seg"))
    data = disk.files()[path]
    left = disk.killed()
    left.replace(path, data[:-1] + b"?")
    found = recover(left)
    assert found.delivered.total() == 1
    assert found.lost == 5


def test_a_file_cut_anywhere_loses_the_frame_that_is_cut(
    written: tuple[SimulatedDisk, Counter[bytes], str],
) -> None:
    """At every byte: what stands before it is delivered, and the cut frame counted as torn."""
    disk, _, path = written
    data = disk.files()[path]
    before = 0
    for length in range(len(data)):
        left = disk.killed()
        left.replace(path, data[:length])
        found = recover(left)
        assert found.delivered.total() >= before
        before = found.delivered.total()
        assert found.torn <= 1
        assert found.lost == 0


def test_a_hole_of_zeros_costs_what_was_in_it(
    written: tuple[SimulatedDisk, Counter[bytes], str],
) -> None:
    """A block that never reached the disk, anywhere behind the envelopes."""
    disk, records, path = written
    data = disk.files()[path]
    for place in range(600, len(data) - 600, 97):
        left = disk.killed()
        left.replace(path, data[:place] + bytes(512) + data[place + 512 :])
        found = recover(left)
        assert found.delivered <= records
        assert found.lost == (records - found.delivered).total()


def test_a_record_that_holds_a_frame_is_not_taken_for_two() -> None:
    """Not even when the frame around it is damaged: the salt is not known to who writes records."""
    disk = SimulatedDisk()
    spool = make_spool(disk, FakeClock(), [])
    forged = record_frame(0, 1, 0, framed(666, 20)) * 3
    outer = b"\x12\x80\x02" + forged.ljust(256, b".")
    assert spool.append("logs", ENVELOPES[0], outer)
    assert spool.append("logs", ENVELOPES[0], framed(2, 20))
    spool.sync()
    (path,) = (path for path in disk.files() if path.endswith(".seg"))
    data = disk.files()[path]
    for place in range(data.index(outer) - 28, data.index(outer) + len(outer)):
        left = disk.killed()
        left.replace(path, data[:place] + bytes((data[place] ^ 0x10,)) + data[place + 1 :])
        assert recover(left).delivered == Counter([framed(2, 20)])


def test_a_hundred_thousand_false_headers_do_not_keep_a_reader_busy() -> None:
    """Without the salt none of them is looked at, although each claims to be half a megabyte."""
    disk = SimulatedDisk()
    spool = make_spool(disk, FakeClock(), [], segment_bytes=4 << 20)
    header = record_frame(0, 5, 0, b"")[:12] + (1 << 19).to_bytes(4, "little")
    for number in range(3):
        assert spool.append("logs", ENVELOPES[0], header * (40_000 + number))
    spool.sync()
    (path,) = (path for path in disk.files() if path.endswith(".seg"))
    data = bytearray(disk.files()[path])
    data[data.index(header) - 14] ^= 0xFF  # in the length of the first: nothing good follows there
    left = disk.killed()
    left.replace(path, bytes(data))
    found = recover(left)
    assert found.lost == 1
    assert found.delivered == Counter([header * 40_001, header * 40_002])


def test_a_segment_of_rubbish_is_put_aside_and_the_others_are_delivered(
    written: tuple[SimulatedDisk, Counter[bytes], str],
) -> None:
    """It goes to the quarantine, where a person can look at it."""
    disk, records, path = written
    left = disk.killed()
    fd = left.create(path.replace(".plain.", ".error."))
    left.write(fd, Random(3).randbytes(4096), 0)
    left.close(fd)
    found = recover(left)
    assert found.delivered == records
    assert found.lost == 1
    assert [name for name in left.files() if "/quarantine/" in name]


def test_another_version_is_left_as_it_is(
    written: tuple[SimulatedDisk, Counter[bytes], str],
) -> None:
    """A newer otbridge's segment is neither read, nor moved, nor deleted; and that is said."""
    disk, records, path = written
    left = disk.killed()
    newer = path.replace(".v1.", ".v2.")
    fd = left.create(newer)
    left.write(fd, b"from the future", 0)
    left.close(fd)
    found = recover(left)
    assert found.delivered == records
    assert left.files()[newer] == b"from the future"
    assert any("another version" in sentence for sentence in found.reports)


def test_a_damaged_book_means_sending_twice_and_losing_nothing(
    written: tuple[SimulatedDisk, Counter[bytes], str],
) -> None:
    """Whatever is in it: rubbish, nothing, or the beginning of something."""
    disk, records, path = written
    book = path.rpartition("/")[0] + "/book"
    for rubbish in (b"", b"\0" * 16384, Random(4).randbytes(16384), b"{" * 20000):
        left = disk.killed()
        left.replace(book, rubbish)
        assert recover(left).delivered == records
