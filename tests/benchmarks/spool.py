"""What a record on disk costs: to write one by one, in batches and as requests, and to read.

    python tests/benchmarks/spool.py [--records 100000] [--runs 5]

One thread, records of 250 bytes, an ordinary file system; medians of the runs. `wall` includes
what the kernel does for us, `cpu` counts it too. The cost of a bare `os.write` of as many bytes
stands beside it as the floor. `recover` is what the next process needs until it could send
everything: taking over, reading, checking, acknowledging.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.wire.compression import compress
from otbridge.wire.otlp_request import Envelope, compose

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.delivery.spool.settings import Durability

ENVELOPE = Envelope(os.urandom(300), os.urandom(40))
RECORDS = [b"\x12\xf7\x01" + os.urandom(247) for _ in range(512)]
FRAME_BYTES = 24 + 4 + 250
SYNCED_RECORDS = 300


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Return wall-clock and CPU seconds of *work*."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def run(root: Path, count: int) -> dict[str, tuple[float, float]]:
    """Return wall-clock and CPU microseconds a record of each way."""
    found: dict[str, tuple[float, float]] = {}

    def note(name: str, records: int, spent: tuple[float, float]) -> None:
        found[name] = (spent[0] / records * 1e6, spent[1] / records * 1e6)

    def spool_of(name: str, durability: Durability = "process") -> Spool:
        settings = SpoolSettings(durability=durability)
        return Spool(str(root / name), "bench", report=print, settings=settings)

    note("os.write (the floor)", count, timed(lambda: bare(root / "floor", count)))
    spool = spool_of("one by one")
    note("append, process", count, timed(lambda: one_by_one(spool, count)))
    spool.close()
    note("recover", count, timed(lambda: recover(str(root / "one by one"), count)))
    with_power = spool_of("power", "power")
    note("append, power", SYNCED_RECORDS, timed(lambda: one_by_one(with_power, SYNCED_RECORDS)))
    with_power.close()
    batches = spool_of("batches")
    note("append_batch of 512", count, timed(lambda: in_batches(batches, count)))
    batches.close()
    requests = spool_of("requests")
    body = compress(compose([(ENVELOPE, record) for record in RECORDS]), "gzip")
    note("append_request of 512", count, timed(lambda: as_requests(requests, body, count)))
    requests.close()
    return found


def bare(path: Path, count: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in range(count):
        os.write(fd, RECORDS[number % 512])
    os.close(fd)


def one_by_one(spool: Spool, count: int) -> None:
    for number in range(count):
        assert spool.append("logs", ENVELOPE, RECORDS[number % 512], 9)


def in_batches(spool: Spool, count: int) -> None:
    entries = [(ENVELOPE, record) for record in RECORDS]
    for _ in range(count // 512):
        assert not spool.append_batch("logs", entries)


def as_requests(spool: Spool, body: bytes, count: int) -> None:
    for _ in range(count // 512):
        assert spool.append_request("logs", body, "gzip", 512)


def recover(root: str, count: int) -> None:
    spool = Spool(root, "bench", report=print, background=False)
    reader = spool.reader("there", "logs")
    spool.adopt_orphans()
    found = 0
    while (batch := reader.next_batch(2 << 20, 8192)) is not None:
        found += reader.ack(batch)
    assert found == count, found
    spool.close()


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    rows: dict[str, list[tuple[float, float]]] = {}
    for _ in range(chosen.runs):
        with tempfile.TemporaryDirectory() as folder:
            for name, spent in run(Path(folder), chosen.records).items():
                rows.setdefault(name, []).append(spent)
    print(f"{'µs a record of 250 bytes':26} {'wall':>8} {'cpu':>8}")
    for name, runs in rows.items():
        wall = statistics.median(wall for wall, _ in runs)
        cpu = statistics.median(cpu for _, cpu in runs)
        print(f"{name:26} {wall:8.2f} {cpu:8.2f}")
    wall, cpu = (statistics.median(run[n] for run in rows["recover"]) for n in (0, 1))
    print(
        f"recovery of segments: {FRAME_BYTES / wall:.0f} MB/s, by CPU {FRAME_BYTES / cpu:.0f} MB/s"
    )


if __name__ == "__main__":
    main()
