"""How long a process takes to take over what a killed one left: row 19 of the fault table.

    python -m tests.faults.rows.recovery [--megabytes 100]

A process fills a spool and is killed in the midst of it, so that its last frame is cut off more
often than not; the next one takes the folder over. Prints one line.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from tests.faults.spool.victim import NUMBER

VICTIM = """
import sys
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.wire.otlp_request import Envelope
from tests.faults.spool.victim import FILLER, NUMBER

spool = Spool(sys.argv[1], "victim", report=print, settings=SpoolSettings(sync_s=3600))
spool.reader("oracle", "logs")
envelope = Envelope(b"resource", b"scope")
number, written, most = 0, 0, int(sys.argv[2])
while True:
    record = NUMBER.pack(number) + FILLER
    assert spool.append("logs", envelope, record)
    number += 1
    written += len(record)
    if written >= most:
        print(number, flush=True)
        most = float("inf")
"""


@dataclass
class Outcome:
    """What a recovery has shown."""

    megabytes: float
    """On disk, in millions of bytes."""
    owed: int
    """Records that were appended when the process was killed, at least."""
    recovered: int
    """Different records that the next process found."""
    twice: int
    seconds_to_first: float
    """From the start of taking over until the first batch could be sent."""
    work_to_first: float
    """Of these, seconds of processor time: a busy machine is nobody's fault."""

    @property
    def work_per_100_megabytes(self) -> float:
        return self.work_to_first * 100 / self.megabytes

    def __str__(self) -> str:
        return (
            f"recovery: {self.megabytes:.0f} MB with {self.recovered:,} records taken over in "
            f"{self.seconds_to_first:.2f} s, {max(0, self.owed - self.recovered)} lost, "
            f"{self.twice} twice"
        )


def recover(folder: Path, least_bytes: int) -> Outcome:
    """Kill a process that has written *least_bytes* of records; be the one that comes after it."""
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(folder), str(least_bytes)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
    ) as victim:
        assert victim.stdout is not None
        owed = int(victim.stdout.readline())
        victim.send_signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
    size = sum(path.stat().st_size for path in folder.rglob("*.seg"))
    spool = Spool(str(folder), "victim", report=print, settings=SpoolSettings(), background=False)
    reader = spool.reader("oracle", "logs")
    begin, work = time.perf_counter(), time.process_time()
    spool.adopt_orphans()
    batch = reader.next_batch(2 << 20, 8192)
    seconds, work = time.perf_counter() - begin, time.process_time() - work
    numbers: list[int] = []
    while batch is not None:
        numbers += [NUMBER.unpack_from(record)[0] for _, record in batch.unpack()]
        reader.ack(batch)
        batch = reader.next_batch(2 << 20, 8192)
    spool.close()
    had = set(numbers)
    return Outcome(size / 1e6, owed, len(had), len(numbers) - len(had), seconds, work)


def main() -> int:
    """Recover and print the line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=100)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = recover(Path(folder), int(chosen.megabytes * 1e6))
    print(outcome)  # noqa: T201 - this is a program
    lost = outcome.recovered < outcome.owed
    return 1 if lost or outcome.work_per_100_megabytes > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
