"""The log keeps what it took until everybody has it, whatever the disk does."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import StoreError
from otbridge.hub.receive_log.log import ReceiveLog
from otbridge.hub.receive_log.settings import ReceiveLogSettings, reserve_of
from tests.hub.receive_log.kept import entry, everything, numbers, opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.spool.simulated_disk import SimulatedDisk


def segments(disk: SimulatedDisk) -> list[str]:
    return sorted(path for path in disk.files() if path.endswith(".log"))


def test_entries_are_read_in_order_over_all_segments(log: ReceiveLog, disk: SimulatedDisk) -> None:
    log.append([entry(number, records=2) for number in range(10)])
    log.append([entry(10)])
    assert numbers(everything(log)) == list(range(11))
    assert [kept.position for kept in everything(log)] == list(range(0, 21, 2))
    assert log.end == 21
    assert numbers(everything(log, position=6)) == list(range(3, 11))
    assert len(segments(disk)) >= 3


def test_a_reader_that_came_to_the_end_goes_on_with_what_comes(log: ReceiveLog) -> None:
    reader = log.reader(0)
    assert reader.next() is None
    for number in range(20):
        log.append([entry(number)])
        kept = reader.next()
        assert kept is not None
        assert kept.entry == entry(number)
        assert reader.next() is None


def test_the_next_process_goes_on_where_this_one_was(log: ReceiveLog, disk: SimulatedDisk) -> None:
    log.append([entry(number) for number in range(5)])
    again = opened(disk.killed())
    assert (again.end, again.found_end) == (5, 5)
    again.append([entry(5)])
    assert numbers(everything(again)) == list(range(6))


def test_a_log_belongs_to_one_process(log: ReceiveLog, disk: SimulatedDisk) -> None:
    log.append([entry(0)])
    with pytest.raises(StoreError, match="in use"):
        opened(disk)


def test_what_all_followers_have_passed_leaves_the_disk(
    log: ReceiveLog, disk: SimulatedDisk
) -> None:
    places = {"store": 0, "upstream": 0}
    log.follow("store", lambda: places["store"])
    log.follow("upstream", lambda: places["upstream"])
    log.append([entry(number) for number in range(20)])
    everywhere = len(segments(disk))
    places["store"] = 20
    log.let_go()
    assert len(segments(disk)) == everywhere
    places["upstream"] = 11
    log.let_go()
    assert numbers(everything(log, position=11)) == list(range(11, 20))
    assert log.bytes == sum(len(disk.files()[path]) for path in segments(disk))
    places["upstream"] = 20
    log.let_go()
    assert len(segments(disk)) == 1  # the one that is written to
    log.append([entry(20)])
    assert numbers(everything(log, position=20)) == [20]


def test_followers_go_on_where_they_were_and_new_ones_where_they_may(
    log: ReceiveLog, disk: SimulatedDisk
) -> None:
    log.append([entry(number) for number in range(9)])
    log.follow("store", lambda: 7)
    log.let_go()
    again = opened(disk.killed())
    assert again.begin_of("store") == 7
    assert again.begin_of("upstream", new=again.end) == 9
    assert again.begin_of("other") == again.begin_of("other", new=0) > 0  # the oldest there is


def test_a_follower_that_cannot_say_where_it_is_keeps_everything(
    log: ReceiveLog, disk: SimulatedDisk
) -> None:
    def fails() -> int:
        raise OSError(errno.EIO, "no")

    log.follow("store", lambda: 20)
    log.follow("upstream", fails)
    log.append([entry(number) for number in range(20)])
    there = segments(disk)
    log.let_go()
    assert segments(disk) == there


def test_positions_are_never_given_twice(log: ReceiveLog, disk: SimulatedDisk) -> None:
    """Not even where all that had them is gone."""
    log.follow("store", lambda: log.end)
    log.append([entry(number) for number in range(9)])
    log.close()
    for path in segments(disk):
        disk.unlink(path)
    again = opened(disk.killed())
    assert again.end == 9


def test_a_torn_tail_is_cut_off_and_counted(log: ReceiveLog, disk: SimulatedDisk) -> None:
    log.append([entry(0), entry(1)])
    (path,) = segments(disk)
    whole = disk.files()[path]
    for missing in range(1, len(whole) // 2):
        left = disk.killed()
        left.replace(path, whole[:-missing])
        again = opened(left)
        assert numbers(everything(again)) == [0]
        assert (again.torn, again.corrupt, again.end) == (1, 0, 1)
        again.append([entry(7)])
        assert numbers(everything(opened(left.killed()))) == [0, 7]


def test_a_damaged_entry_is_left_out_and_counted_once(log: ReceiveLog, disk: SimulatedDisk) -> None:
    log.append([entry(number, records=3) for number in range(9)])
    path = segments(disk)[1]
    data = disk.files()[path]
    for offset in range(0, len(data), 7):
        left = disk.killed()
        left.replace(path, data[:offset] + bytes([data[offset] ^ 0x40]) + data[offset + 1 :])
        again = opened(left)
        found = numbers(everything(again))
        assert len(found) == 8
        assert set(found) < set(range(9))
        assert numbers(everything(again)) == found
        assert again.corrupt == 3


def test_a_segment_that_cannot_be_read_is_put_beside(log: ReceiveLog, disk: SimulatedDisk) -> None:
    log.append([entry(number) for number in range(9)])
    second = segments(disk)[1]

    class Broken:
        def __getattr__(self, name: str) -> object:
            return getattr(disk, name)

        def open(self, path: str) -> int:
            if path == second:
                raise OSError(errno.EIO, "no")
            return disk.open(path)

    log._files = Broken()  # type: ignore[assignment]
    reader = log.reader(0)
    found, failures = [], 0
    while failures < 9:
        try:
            kept = reader.next()
        except OSError:
            failures += 1
            continue
        if kept is None:
            break
        found.append(kept)
    assert failures == 3
    assert len(found) == 9 - log.corrupt
    assert [path for path in disk.files() if path.endswith(".unreadable")] == [
        second + ".unreadable"
    ]


def test_a_segment_of_another_version_is_left_alone(log: ReceiveLog, disk: SimulatedDisk) -> None:
    log.append([entry(0)])
    newer = "/log/00000009.0000000000000500.00000001.v2.log"
    disk.close(disk.create(newer))
    disk.replace(newer, b"who knows")
    again = opened(disk.killed())
    assert again.foreign == 1
    again.append([entry(1)])
    assert numbers(everything(again)) == [0, 1]
    again.follow("store", lambda: again.end)
    again.let_go()
    assert disk.files()[newer] == b"who knows"


def test_some_of_the_disk_is_left_free(disk: SimulatedDisk) -> None:
    log = opened(disk, ReceiveLogSettings(reserve_bytes=1000))
    disk.free = 1050
    with pytest.raises(OSError, match="No space"):
        log.append([entry(0)])
    disk.free = 2000
    log.append([entry(1)])
    assert numbers(everything(log)) == [1]
    assert reserve_of(1 << 40) == 64 << 20
    assert reserve_of(400 << 20) == 10 << 20


def test_its_files_are_nobody_elses_business(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    log = ReceiveLog(str(folder))
    log.append([entry(0)])
    log.close()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_what_is_put_aside_is_kept_whole(log: ReceiveLog, disk: SimulatedDisk) -> None:
    log.append([entry(4)])
    (kept,) = everything(log)
    path = log.put_aside(kept)
    assert kept.entry.request in disk.files()[path]
    assert log.put_aside(kept) == path
