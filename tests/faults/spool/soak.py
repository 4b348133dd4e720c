"""Real processes, real SIGKILLs: what was acknowledged is delivered.

    python -m tests.faults.spool.soak [--kills 40] [--least 100000] [--seed N]

Starts victims one after the other under one root, kills each at a random moment, sometimes puts
half a frame behind what it wrote, and in the end takes over what is left. Prints one line.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom

from otbridge.delivery.spool.files import SystemFiles
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.delivery.spool.totals import read_totals
from tests.faults.spool.victim import NUMBER, STRIDE

REPOSITORY = Path(__file__).parents[3]


@dataclass
class Outcome:
    """What a soak has shown."""

    seed: int
    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    twice: int = 0
    torn: int = 0
    corrupt: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"spool soak: seed {self.seed}, {self.kills} SIGKILLs, {self.acknowledged:,} "
            f"acknowledged, {self.lost} lost, {self.twice:,} delivered twice, {self.torn} torn, "
            f"{self.corrupt} corrupt, {self.seconds:.1f} s"
        )


def soak(folder: Path, seed: int, kills: int, least: int) -> Outcome:
    """Kill at least *kills* victims that have had at least *least* records acknowledged."""
    begin = time.monotonic()
    random = Random(seed)
    outcome = Outcome(seed)
    root, delivered = folder / "spool", folder / "delivered"
    safe: list[range] = []
    while outcome.kills < kills or outcome.acknowledged < least:
        first = outcome.kills * 2 * STRIDE
        ranges = kill_one(root, first, delivered, random.uniform(0.01, 0.35))
        safe += ranges
        outcome.kills += 1
        outcome.acknowledged += sum(map(len, ranges))
        if random.random() < 0.3:
            tear(root, random)
    had = read_delivered(delivered)
    finish(root, had, outcome)
    outcome.lost = sum(number not in had for numbers in safe for number in numbers)
    outcome.twice = sum(count - 1 for count in had.values())
    outcome.seconds = time.monotonic() - begin
    return outcome


def kill_one(root: Path, first: int, delivered: Path, after: float) -> list[range]:
    """Start a victim, kill it *after* so many seconds of work; return what it was promised."""
    victim = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.spool.victim", str(root), str(first), str(delivered)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        bufsize=0,
    )
    with victim:
        assert victim.stdout is not None
        told = victim.stdout.read(NUMBER.size) or b""
        end = time.monotonic() + after
        os.set_blocking(victim.stdout.fileno(), False)
        while time.monotonic() < end:
            told += victim.stdout.read() or b""
            time.sleep(0.001)
        victim.send_signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
        told += victim.stdout.read() or b""
    ends = {first: first, first + STRIDE: first + STRIDE}
    for (number,) in NUMBER.iter_unpack(told[: len(told) // NUMBER.size * NUMBER.size]):
        ends[first + (number - first) // STRIDE * STRIDE] = number
    return [range(begin, end) for begin, end in ends.items()]


def tear(root: Path, random: Random) -> None:
    """Put the beginning of another frame behind a segment, as a write that was cut off would."""
    segments = sorted(root.rglob("*.seg"))
    if segments:
        path = random.choice(segments)
        beginning = path.read_bytes()[:8]
        with path.open("ab") as file:
            file.write(beginning + random.randbytes(4) + b"\xff" + random.randbytes(11))


def read_delivered(path: Path) -> Counter[int]:
    """Return how often each record was delivered."""
    data = path.read_bytes() if path.exists() else b""
    return Counter(number for (number,) in NUMBER.iter_unpack(data[: len(data) // 8 * 8]))


def finish(root: Path, had: Counter[int], outcome: Outcome) -> None:
    """Be the last process: take over everything that is left."""
    settings = SpoolSettings(segment_bytes=256 << 10)
    spool = Spool(str(root), "victim", report=print, settings=settings, background=False)
    reader = spool.reader("oracle", "logs")
    spool.adopt_orphans()
    while (batch := reader.next_batch(1 << 20, 10_000)) is not None:
        had.update(NUMBER.unpack_from(record)[0] for _, record in batch.unpack())
        reader.ack(batch)
    spool.close()
    totals = read_totals(SystemFiles(), str(next(root.iterdir())))
    outcome.torn = totals["torn"]
    outcome.corrupt = totals["signals"]["logs"]["lost"].get("corrupt", 0)
    left = [path for path in root.rglob("*") if path.is_file() and path.name != "totals"]
    assert not left, left


def main() -> int:
    """Run a soak and print its line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--least", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1 << 32))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = soak(Path(folder), chosen.seed, chosen.kills, chosen.least)
    print(outcome)  # noqa: T201 - this is a program
    return 1 if outcome.lost else 0


if __name__ == "__main__":
    sys.exit(main())
