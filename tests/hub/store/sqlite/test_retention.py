"""What is too old or too much goes, oldest first; a day that is too much goes in parts."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store import StoreFull, open_store
from otbridge.hub.store.sqlite.files.ballast import BALLAST_BYTES
from otbridge.hub.store.sqlite.writing import day_files
from otbridge.hub.store.vocabulary import Expired, LogFilter, LogPosition, Retention, TraceFilter
from tests.hub.store.builders import batch, log, span, store_now, trace_id

if TYPE_CHECKING:
    from otbridge.hub.store import Store
    from otbridge.hub.store.sqlite import SqliteStore
    from otbridge.testing.clock import FakeClock

DAY = 86_400
SMALL = Retention(bytes=32_000_000)
"""Parts of 4 MB."""


def bodies(store: Store) -> list[str]:
    return [found.row.body_text[:20].strip() for found in store.logs(LogFilter(), 700)]


def files(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.db"))


def fill(store: Store, first: int, last: int) -> None:
    """Store a hundred logs of 10 kB that do not compress, a quarter of a part, for each number."""
    for number in range(first, last):
        noise = (
            f"{number:<20}{random.Random(each).randbytes(10_000).hex()}" for each in range(100)
        )
        store_now(store, *(log(text, trace=number + 1, at=number) for text in noise))


def test_days_that_are_too_old_are_deleted_and_no_longer_answer(
    tmp_path: Path, clock: FakeClock
) -> None:
    with closing(open_store(tmp_path, clock=clock, retention=Retention(days=2))) as store:
        for day in range(4):
            store_now(store, span(trace=day + 1), log(str(day)))
            clock.advance(DAY)
        assert len(bodies(store)) == 4

        expired = store.expire().result(timeout=20)
        assert expired.days == ("2026-01-01", "2026-01-02")
        assert expired.bytes > 100_000
        assert bodies(store) == ["3", "2"]
        assert store.trace(trace_id(1), limit=1) is None
        assert files(tmp_path) == ["2026-01-03", "2026-01-04"]
        assert not list(tmp_path.glob("2026-01-01*"))

        assert store.expire().result(timeout=20) == Expired()
        assert store.totals().deleted_bytes == expired.bytes
        store_now(store, log("goes on"))
        assert len(bodies(store)) == 3


def test_what_became_too_old_while_nobody_ran_goes_at_the_start(
    tmp_path: Path, clock: FakeClock
) -> None:
    with closing(open_store(tmp_path, clock=clock)) as store:
        store_now(store, log("old"))
    clock.advance(8 * DAY)
    with closing(open_store(tmp_path, clock=clock)) as store:
        assert bodies(store) == []
        assert store.totals().days == ()


def test_a_record_stays_for_the_whole_of_its_days(tmp_path: Path, clock: FakeClock) -> None:
    clock.advance(DAY - 1)  # a second before midnight
    with closing(open_store(tmp_path, clock=clock, retention=Retention(days=1))) as store:
        store_now(store, log("late"))
        clock.advance(DAY)
        assert store.expire().result(timeout=20).days == ()
        clock.advance(1)
        assert store.expire().result(timeout=20).days == ("2026-01-01",)


def test_a_day_that_is_too_much_goes_on_in_parts_and_its_morning_goes(
    tmp_path: Path, clock: FakeClock
) -> None:
    with closing(open_store(tmp_path, clock=clock, retention=SMALL)) as store:
        fill(store, 0, 60)
        kept = files(tmp_path)
        assert 3 <= len(kept) <= 9
        assert {name[:10] for name in kept} == {"2026-01-01"}
        assert "2026-01-01" not in kept
        totals = store.totals()
        assert totals.days == ("2026-01-01",)
        assert totals.deleted_bytes > 0

        numbers = sorted({int(body) for body in bodies(store)})
        assert numbers == list(range(60 - len(numbers), 60))
        assert len(numbers) > 5
        assert store.expire().result(timeout=20).days == ("2026-01-01",)


def test_the_files_never_exceed_what_is_to_be_kept(tmp_path: Path, clock: FakeClock) -> None:
    with closing(open_store(tmp_path, clock=clock, retention=SMALL)) as store:
        for number in range(60):
            fill(store, number, number + 1)
            # The write-ahead log of one file comes on top; a checkpoint comes every 4 MB.
            assert sum(path.stat().st_size for path in tmp_path.glob("*.db")) <= SMALL.bytes


def test_parts_are_one_answer(tmp_path: Path, clock: FakeClock) -> None:
    with closing(open_store(tmp_path, clock=clock, retention=SMALL)) as store:
        fill(store, 0, 12)
        assert len(files(tmp_path)) > 1
        seen: list[str] = []
        after: LogPosition | None = None
        while page := store.logs(LogFilter(), 77, after):
            seen += [found.row.body_text[:20].strip() for found in page]
            after = page[-1].position
        assert seen == [str(number) for number in range(11, -1, -1) for _ in range(100)]


def test_a_trace_stays_whole_in_the_part_it_began_in(tmp_path: Path, clock: FakeClock) -> None:
    with closing(open_store(tmp_path, clock=clock, retention=SMALL)) as store:
        store_now(store, span(1, trace=500, is_open=True))
        fill(store, 0, 12)
        assert len(files(tmp_path)) > 1
        store_now(store, span(1, trace=500), span(2, trace=500))
        found = store.trace(trace_id(500), limit=9)
        assert found is not None
        assert (found.summary.span_count, found.summary.state) == (2, "complete")
        assert len(store.traces(TraceFilter(), 9)) == 1


def test_a_restart_goes_on_in_the_last_part(tmp_path: Path, clock: FakeClock) -> None:
    with closing(open_store(tmp_path, clock=clock, retention=SMALL)) as store:
        fill(store, 0, 8)
    before = files(tmp_path)
    for _ in range(2):
        with closing(open_store(tmp_path, clock=clock, retention=SMALL)) as store:
            store_now(store, log("after"))
    assert files(tmp_path)[: len(before)] == before
    assert len(files(tmp_path)) <= len(before) + 1


def test_less_to_keep_takes_effect_at_the_next_start(tmp_path: Path, clock: FakeClock) -> None:
    with closing(open_store(tmp_path, clock=clock)) as store:
        for day in range(3):
            fill(store, day, day + 1)
            clock.advance(DAY)
    with closing(open_store(tmp_path, clock=clock, retention=Retention(bytes=1_500_000))) as store:
        assert store.totals().days == ("2026-01-03",)


def test_a_question_that_looks_at_a_day_being_deleted_gets_what_is_left(
    store: SqliteStore, clock: FakeClock
) -> None:
    store_now(store, log("old"))
    clock.advance(8 * DAY)
    store_now(store, log("new"))
    with store._readers.lend() as reader:
        assert store.expire().result(timeout=20).days == ("2026-01-01",)
        assert [reader.rows(day, "SELECT Id FROM otel_log_rows") for day in reader.days] == [
            [],
            [(1,)],
        ]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_deleted_files_give_their_disk_back_at_once(store: SqliteStore, clock: FakeClock) -> None:
    """A deleted file that somebody has open still takes its room."""
    store_now(store, log("old"))
    clock.advance(8 * DAY)
    store_now(store, log("new"))
    with store._readers.lend() as first, store._readers.lend() as second:
        for reader in (first, second):
            assert len([reader.rows(day, "SELECT 1") for day in reader.days]) == 2
    with store._readers.lend() as busy:
        store.expire().result(timeout=20)
        assert len(open_files("2026-01-01")) > 0
        assert len(busy.days) == 2
    assert open_files("2026-01-01") == []


def open_files(day: str) -> list[str]:
    links = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [target for target in links if day in target and "store" in target]


def test_a_wrong_clock_does_not_suspend_the_limit(tmp_path: Path, clock: FakeClock) -> None:
    clock.advance(5 * DAY)
    with closing(open_store(tmp_path, clock=clock, retention=SMALL)) as store:
        fill(store, 0, 30)
        clock.advance(-5 * DAY)
        fill(store, 30, 60)
        assert sum(path.stat().st_size for path in tmp_path.glob("*.db")) <= SMALL.bytes
        assert "59" in bodies(store)


def test_a_disk_that_fills_up_costs_the_oldest_files_and_then_refuses(
    store: SqliteStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_now(store, log("old"))
    clock.advance(DAY)
    store_now(store, log("new"))
    monkeypatch.setattr(day_files, "_DISK_RESERVE", 2**62)
    monkeypatch.setattr(day_files, "_DISK_SHARE", 1)  # asks for the whole disk

    with pytest.raises(StoreFull, match="MiB left"):
        store_now(store, log("newest"))
    assert bodies(store) == ["new"]


ON_A_SMALL_DISK = """
import os, pathlib, sys
from otbridge.hub.store import StoreFull, open_store
from otbridge.hub.store.sqlite.writing import day_files
from otbridge.hub.store.vocabulary import LogFilter
from tests.hub.store.builders import batch, log

def fill_up(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 12))
        except OSError:
            return

disk = pathlib.Path(sys.argv[1])
day_files._DISK_RESERVE = 0  # as where somebody fills the disk between our look and our commit
store = open_store(disk / "store")
assert store.totals().ballast_bytes == 16 << 20, store.totals()
store.submit(batch([log("before")])).result()
fill_up(disk / "somebody else's")
store.submit(batch([log("x" * 1000) for _ in range(500)])).result()
print("took", store.totals().logs, store.totals().ballast_bytes)
fill_up(disk / "again")
try:
    store.submit(batch([log("x" * 1000) for _ in range(20_000)])).result()
except StoreFull as error:
    print("refused", error)
print("answers", len(store.logs(LogFilter(), 1000)))
store.close()
day_files._DISK_RESERVE = 128 << 20
store = open_store(disk / "store")
print("opens", store.totals().logs)
(disk / "somebody else's").unlink()
store.expire().result()
store.submit(batch([log("after")])).result()
print("goes on", store.totals().logs, store.totals().ballast_bytes)
store.close()
"""


def test_on_a_full_disk_the_ballast_takes_the_last_commit(tmp_path: Path) -> None:
    """On a real file system of 64 MB, which Linux lets anybody mount in a namespace of their own."""
    script = tmp_path / "script.py"
    script.write_text(ON_A_SMALL_DISK)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=64m tmpfs {disk} && exec {sys.executable} {script} {disk}"
    if subprocess.run(["unshare", "-Urm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs user namespaces, which this system does not give")
    result = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", mount], capture_output=True, text=True, check=False
    )
    assert result.stderr == ""
    took, refused, answers, opens, goes_on = result.stdout.splitlines()
    assert took == "took 501 0"
    assert refused.startswith("refused The store has no room left.")
    assert answers == "answers 501"
    assert opens == "opens 501"
    assert goes_on == f"goes on 502 {BALLAST_BYTES}"


def test_a_batch_for_a_deleted_part_is_stored_in_the_newest(
    tmp_path: Path, clock: FakeClock
) -> None:
    with closing(open_store(tmp_path, clock=clock, retention=Retention(days=1))) as store:
        store_now(store, span(1, trace=7, is_open=True))
        clock.advance(3 * DAY)
        store.expire().result(timeout=20)
        store.submit(batch([span(1, trace=7), span(2, trace=7)])).result(timeout=20)
        found = store.summary(trace_id(7))
        assert found is not None
        assert (found.span_count, found.state) == (2, "complete")
