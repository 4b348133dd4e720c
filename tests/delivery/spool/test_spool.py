"""The spool in a real folder: what it promises to those who write, and to those who read."""

from __future__ import annotations

import signal
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otbridge.delivery.spool.files import SystemFiles
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.slots import SLOT_BYTES
from otbridge.errors import ConfigurationError
from otbridge.wire.compression import compress
from otbridge.wire.otlp_request import Envelope, compose

if TYPE_CHECKING:
    from otbridge.delivery.spool.reader import SpoolReader
    from otbridge.delivery.spool.spool import Spool
    from otbridge.testing import FakeClock
    from otbridge.typing import Signal
    from tests.delivery.spool.conftest import MakeSpool


BOOK = 2 * SLOT_BYTES
"""What a folder takes besides its segments."""


def record(number: int, size: int = 20) -> bytes:
    payload = b"%d" % number
    return b"\x12" + bytes((size,)) + payload.ljust(size, b".")


def drain(reader: SpoolReader, max_records: int = 1000) -> list[bytes]:
    """Read and acknowledge everything."""
    found: list[bytes] = []
    while (batch := reader.next_batch(1 << 20, max_records)) is not None:
        found += [framed for _, framed in batch.unpack()]
        assert reader.ack(batch) == len(batch)
    return found


def segments(spool: Spool) -> list[Path]:
    return sorted(Path(spool.root).rglob("*.seg"))


def test_records_come_back_in_their_order_with_their_envelopes(
    make_spool: MakeSpool, envelope: Envelope
) -> None:
    """Across segments, and from several envelopes."""
    spool = make_spool(segment_bytes=500)
    reader = spool.reader("there", "logs")
    other = Envelope(b"\x0a\x01x", b"\x0a\x01y")
    written = [(other if number % 3 == 0 else envelope, record(number)) for number in range(60)]
    for entry in written:
        assert spool.append("logs", *entry)
    assert len(segments(spool)) > 3
    found = []
    while (batch := reader.next_batch(1 << 20, 7)) is not None:
        found += [(e.resource, e.scope, framed) for e, framed in batch.entries]
        reader.ack(batch)
    assert found == [(e.resource, e.scope, framed) for e, framed in written]


def test_nothing_is_made_before_the_first_record(make_spool: MakeSpool) -> None:
    """A program that never spools leaves no folder behind."""
    spool = make_spool()
    spool.reader("there", "logs")
    assert spool.stats().folders == 0
    assert not Path(spool.root).exists()


def test_a_batch_is_the_same_until_it_is_acknowledged(
    make_spool: MakeSpool, envelope: Envelope
) -> None:
    """However often it is asked for, and whatever comes meanwhile."""
    spool = make_spool()
    reader = spool.reader("there", "logs")
    spool.append("logs", envelope, record(1))
    first = reader.next_batch(1000, 10)
    spool.append("logs", envelope, record(2))
    assert reader.next_batch(1000, 10) is first
    assert first is not None
    reader.ack(first)
    assert drain(reader) == [record(2)]


def test_batches_keep_to_their_limits(make_spool: MakeSpool, envelope: Envelope) -> None:
    """Records, bytes; but one record always fits."""
    spool = make_spool()
    reader = spool.reader("there", "logs")
    for number in range(10):
        spool.append("logs", envelope, record(number))
    sizes = []
    for max_bytes, max_records in ((1 << 20, 3), (60, 100), (1, 100), (1 << 20, 100)):
        batch = reader.next_batch(max_bytes, max_records)
        assert batch is not None
        sizes.append(len(batch))
        reader.ack(batch)
    assert sizes == [3, 2, 1, 4]


def test_a_request_comes_back_as_it_was(make_spool: MakeSpool, envelope: Envelope) -> None:
    """Compressed, with its number of records; and can be taken apart."""
    spool = make_spool()
    reader = spool.reader("there", "traces")
    entries = [(envelope, record(number)) for number in range(5)]
    request = compress(compose(entries), "gzip")
    assert spool.append_request("traces", request, "gzip", 5)
    batch = reader.next_batch(1, 1)
    assert batch is not None
    assert (batch.request, batch.encoding, len(batch)) == (request, "gzip", 5)
    assert [framed for _, framed in batch.unpack()] == [framed for _, framed in entries]
    assert batch.plain_request() == compose(entries)


@pytest.mark.parametrize(
    ("request_bytes", "encoding", "records"),
    [(bytes((16 << 20) + 1), "none", 1), (b"x", "br", 1), (b"x", "none", 0)],
)
def test_what_cannot_be_a_request_is_not_taken(
    make_spool: MakeSpool, request_bytes: bytes, encoding: str, records: int
) -> None:
    """Too large, compressed in a way nobody could undo, or empty."""
    assert not make_spool().append_request("logs", request_bytes, encoding, records)


def test_large_records_are_kept_as_requests_of_one(
    make_spool: MakeSpool, envelope: Envelope
) -> None:
    """From 1 to 16 MiB, alone and among others; beyond, the caller still has them."""
    spool = make_spool()
    reader = spool.reader("there", "logs")
    large = b"\x12\x80\x80\x80\x01" + bytes(2 << 20)
    assert spool.append("logs", envelope, large)
    left = spool.append_batch("logs", [(envelope, record(1)), (envelope, large)])
    assert not left
    assert sorted(drain(reader), key=len) == [record(1), large, large]
    huge = bytes((16 << 20) + 1)
    assert not spool.append("logs", envelope, huge)
    assert list(spool.append_batch("logs", [(envelope, huge)])) == [(envelope, huge)]


def test_signals_do_not_mix(make_spool: MakeSpool, envelope: Envelope) -> None:
    """Each has its own streams, and its own reader."""
    spool = make_spool()
    signals: tuple[Signal, ...] = ("logs", "traces", "metrics")
    readers = {signal: spool.reader("there", signal) for signal in signals}
    for number, name in enumerate(readers):
        assert spool.append(name, envelope, record(number))
    assert [drain(reader) for reader in readers.values()] == [[record(n)] for n in range(3)]


def test_errors_are_delivered_first(make_spool: MakeSpool, envelope: Envelope) -> None:
    """Somebody who looks after an outage wants to know why."""
    spool = make_spool()
    reader = spool.reader("there", "logs")
    for number, severity in enumerate((9, 17, 9, 21)):
        spool.append("logs", envelope, record(number), severity)
    assert drain(reader) == [record(1), record(3), record(0), record(2)]


def test_every_destination_gets_every_record(make_spool: MakeSpool, envelope: Envelope) -> None:
    """One that is away does not keep the other waiting, and nothing leaves before both have it."""
    spool = make_spool(segment_bytes=300)
    near, far = spool.reader("near", "logs"), spool.reader("far", "logs")
    for number in range(30):
        spool.append("logs", envelope, record(number))
    assert len(drain(near)) == 30
    assert (near.waiting, far.waiting) == (0, 30)
    assert spool.stats().waiting == {"logs": 30}
    assert len(segments(spool)) > 3
    assert len(drain(far)) == 30
    assert len(segments(spool)) == 1


def test_the_accounts_add_up(make_spool: MakeSpool, envelope: Envelope) -> None:
    """Before and after each step."""
    spool = make_spool(segment_bytes=400, max_bytes=BOOK + 1500)
    reader = spool.reader("there", "logs")
    for number in range(200):
        spool.append("logs", envelope, record(number))
        if number % 50 == 7 and (batch := reader.next_batch(100, 2)) is not None:
            reader.ack(batch)
        stats = spool.stats()
        assert stats.delivered("logs") == reader.acknowledged
    assert stats.written == {"logs": 200}
    lost = stats.lost["logs"]["spool_full"]
    assert lost + reader.acknowledged + stats.waiting["logs"] == 200
    assert (
        len(drain(reader)) == 200 - lost - reader.acknowledged + stats.waiting["logs"] * 0 or lost
    )


def test_what_is_full_loses_its_oldest_first_and_errors_last(
    make_spool: MakeSpool, envelope: Envelope, reports: list[str]
) -> None:
    """Whole segments go; each record is counted; it is said once."""
    spool = make_spool(segment_bytes=400, max_bytes=BOOK + 2000)
    reader = spool.reader("there", "logs")
    for number in range(100):
        spool.append("logs", envelope, record(number), 17 if number < 10 else 9)
    kept = drain(reader)
    assert kept[:10] == [record(number) for number in range(10)]
    assert kept[10:] == [record(number) for number in range(110 - len(kept), 100)]
    assert spool.stats().lost == {"logs": {"spool_full": 100 - len(kept)}}
    assert len(reports) == 1
    assert "more than the spool may hold" in reports[0]


def test_a_disk_with_little_room_is_not_filled(make_spool: MakeSpool, envelope: Envelope) -> None:
    """Half of what is free is the limit where that is less than the one that was set."""

    class SmallDisk(SystemFiles):
        __slots__ = ()

        def free_bytes(self, path: str) -> int:
            return BOOK + 4000

    spool = make_spool(files=SmallDisk(), segment_bytes=400)
    for number in range(300):
        spool.append("logs", envelope, record(number))
    used = sum(path.stat().st_size for path in segments(spool))
    assert used < 12_000
    assert spool.stats().lost["logs"]["spool_full"] > 50


def test_a_batch_that_was_given_up_while_it_was_sent_is_not_counted_twice(
    make_spool: MakeSpool, envelope: Envelope
) -> None:
    """`ack` says that nothing of it was held any more."""
    spool = make_spool(segment_bytes=400, max_bytes=BOOK + 1200)
    reader = spool.reader("there", "logs")
    for number in range(10):
        spool.append("logs", envelope, record(number))
    batch = reader.next_batch(1000, 5)
    for number in range(100):
        spool.append("logs", envelope, record(number))
    assert batch is not None
    assert reader.ack(batch) == 0
    assert reader.acknowledged == 0
    assert spool.stats().delivered("logs") == 0


def test_old_records_go(
    make_spool: MakeSpool, envelope: Envelope, clock: FakeClock, reports: list[str]
) -> None:
    """By the monotonic clock: a wall clock that jumps takes nothing."""
    spool = make_spool(max_age_s=100.0, segment_age_s=30.0)
    reader = spool.reader("there", "logs")
    spool.append("logs", envelope, record(1))
    clock.advance(50)
    spool.tend()
    spool.append("logs", envelope, record(2))
    clock.advance(60)
    spool.tend()
    assert drain(reader) == [record(2)]
    assert spool.stats().lost == {"logs": {"expired": 1}}
    assert "too old" in reports[0]


def test_what_was_found_is_kept_for_five_minutes_however_old_it_looks(
    make_spool: MakeSpool, envelope: Envelope, clock: FakeClock
) -> None:
    """A clock that was a year ahead must not cost what can be sent now."""
    first = make_spool()
    first.append("logs", envelope, record(1))
    first.close()
    clock.advance(400 * 86_400)
    second = make_spool()
    reader = second.reader("there", "logs")
    second.tend()
    clock.advance(200)
    second.tend()
    assert reader.waiting == 1
    clock.advance(200)
    second.tend()
    assert reader.waiting == 0
    assert second.stats().lost == {"logs": {"expired": 1}}


def test_a_segment_ends_after_half_a_minute_and_leaves_when_it_was_delivered(
    make_spool: MakeSpool, envelope: Envelope, clock: FakeClock
) -> None:
    """An idle program has nothing on disk."""
    spool = make_spool()
    reader = spool.reader("there", "logs")
    spool.append("logs", envelope, record(1))
    drain(reader)
    assert len(segments(spool)) == 1
    clock.advance(31)
    assert spool.tend() == spool.settings.adopt_s
    assert not segments(spool)


def test_the_next_process_goes_on_where_this_one_stopped(
    make_spool: MakeSpool, envelope: Envelope
) -> None:
    """What was acknowledged is not sent again, what was not is."""
    first = make_spool(segment_bytes=300)
    reader = first.reader("there", "logs")
    for number in range(20):
        first.append("logs", envelope, record(number))
    batch = reader.next_batch(1000, 3)
    assert batch is not None
    had = [framed for _, framed in batch.entries]
    reader.ack(batch)
    first.close()
    assert first.stats().waiting == {"logs": 20 - len(had)}
    second = make_spool()
    found = second.reader("there", "logs")
    assert second.adopt_orphans() == 1
    assert second.stats().adopted == {"logs": 20 - len(had)}
    assert sorted(had + drain(found)) == sorted(record(number) for number in range(20))
    assert not segments(second)


def test_another_service_is_not_touched(make_spool: MakeSpool, envelope: Envelope) -> None:
    """Its folder is its own."""
    first = make_spool("bank")
    first.append("logs", envelope, record(1))
    first.close()
    assert make_spool("shop").adopt_orphans() == 0


def test_files_and_folders_are_for_their_owner_only(
    make_spool: MakeSpool, envelope: Envelope
) -> None:
    """0700 and 0600, whatever the umask."""
    spool = make_spool()
    spool.append("logs", envelope, record(1))
    for path in [Path(spool.root), *Path(spool.root).rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_root_that_others_may_write_to_is_refused(make_spool: MakeSpool, tmp_path: Path) -> None:
    """With the command that helps."""
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool").chmod(0o777)
    with pytest.raises(ConfigurationError, match="chmod go-w"):
        make_spool()


def test_a_root_that_is_a_file_is_refused(make_spool: MakeSpool, tmp_path: Path) -> None:
    """And left alone."""
    (tmp_path / "spool").write_text("mine")
    with pytest.raises(ConfigurationError, match="not a folder"):
        make_spool()


def test_a_link_in_the_way_is_not_followed(
    make_spool: MakeSpool, envelope: Envelope, tmp_path: Path, reports: list[str]
) -> None:
    """Somebody who could make one there could have our records written elsewhere."""
    spool = make_spool()
    spool.append("logs", envelope, record(1))
    (service,) = Path(spool.root).iterdir()
    target = tmp_path / "elsewhere"
    target.mkdir()
    (service / "1-1").symlink_to(target)
    assert make_spool().adopt_orphans() == 0
    assert list(target.iterdir()) == []


def test_a_folder_that_somebody_removed_is_made_again(
    make_spool: MakeSpool, envelope: Envelope, clock: FakeClock, reports: list[str]
) -> None:
    """What was in it is counted as missing; what comes next is safe again."""
    spool = make_spool()
    reader = spool.reader("there", "logs")
    spool.append("logs", envelope, record(1))
    for path in sorted(Path(spool.root).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    clock.advance(1)
    spool.tend()
    assert spool.stats().lost == {"logs": {"missing": 1}}
    assert "somebody has removed" in reports[0]
    assert spool.append("logs", envelope, record(2))
    assert drain(reader) == [record(2)]
    assert spool.stats().delivered("logs") == 1


def test_many_threads_lose_nothing(make_spool: MakeSpool, envelope: Envelope) -> None:
    """Eight writers and a reader; every record once."""
    spool = make_spool(segment_bytes=4000)
    reader = spool.reader("there", "logs")
    each = 500

    def write(begin: int) -> None:
        for number in range(begin, begin + each):
            assert spool.append("logs", envelope, record(number), number % 20)

    threads = [threading.Thread(target=write, args=(n * each,)) for n in range(8)]
    for thread in threads:
        thread.start()
    found: list[bytes] = []
    while any(thread.is_alive() for thread in threads):
        found += drain(reader, 50)
    found += drain(reader)
    assert sorted(found) == sorted(record(number) for number in range(8 * each))


def test_threads_that_wait_for_the_disk_share_a_sync(
    make_spool: MakeSpool, envelope: Envelope
) -> None:
    """At `power`: far fewer syncs than records."""

    class Counting(SystemFiles):
        __slots__ = ("syncs",)

        def __init__(self) -> None:
            super().__init__()
            self.syncs = 0

        def sync(self, fd: int) -> None:
            self.syncs += 1
            together.wait(0.002)
            super().sync(fd)

    together = threading.Event()
    files = Counting()
    spool = make_spool(files=files, durability="power")

    def write() -> None:
        for number in range(20):
            assert spool.append("logs", envelope, record(number))

    threads = [threading.Thread(target=write) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files.syncs < 16 * 20 / 3
    assert spool.stats().written == {"logs": 320}


def test_a_signal_handler_that_logs_does_no_harm(make_spool: MakeSpool, envelope: Envelope) -> None:
    """In the middle of an append it is told to keep its record; nothing is lost, nothing hangs."""
    spool = make_spool(segment_bytes=2000)
    reader = spool.reader("there", "logs")
    kept: list[bytes] = []

    def handler(number: int, frame: object) -> None:
        mine = record(100_000 + len(kept) + len(taken))
        (taken if spool.append("logs", envelope, mine) else kept).append(mine)

    taken: list[bytes] = []
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    try:
        written = [record(number) for number in range(3000)]
        for each in written:
            assert spool.append("logs", envelope, each)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert sorted(drain(reader)) == sorted(written + taken)


def test_an_exception_from_a_signal_handler_costs_no_other_record(
    make_spool: MakeSpool, envelope: Envelope
) -> None:
    """Ctrl-C in the middle of a write: what was accepted before and after is there."""
    spool = make_spool(segment_bytes=2000)
    reader = spool.reader("there", "logs")

    def handler(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    accepted = []
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for number in range(3000):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00002 + number % 7 * 1e-6)
                taken = spool.append("logs", envelope, record(number))
                if taken:
                    accepted.append(record(number))
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    found = drain(reader)
    assert not set(accepted) - set(found)
    assert spool.stats().lost == {}


def test_after_closing_nothing_is_taken(make_spool: MakeSpool, envelope: Envelope) -> None:
    """Closing twice is harmless."""
    spool = make_spool()
    reader = spool.reader("there", "logs")
    spool.append("logs", envelope, record(1))
    spool.close()
    spool.close()
    assert not spool.append("logs", envelope, record(2))
    assert reader.next_batch(1000, 10) is None
    assert not spool.stats().available


@pytest.mark.parametrize(
    "wrong",
    [{"max_bytes": 0}, {"durability": "eternal"}, {"max_free_share": 2.0}, {"sync_s": -1.0}],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    """By name, with what would be right."""
    with pytest.raises(ConfigurationError, match=f"SpoolSettings.{next(iter(wrong))} is"):
        SpoolSettings(**wrong)  # type: ignore[arg-type] # wrong on purpose
