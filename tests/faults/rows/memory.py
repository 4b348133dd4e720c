"""How much memory trouble costs a program: rows 1 and 41 of the fault table, in real processes.

    python -m tests.faults.rows.memory            as long as the table says: two minutes
    python -m tests.faults.rows.memory --short    the same number of records in less time

The program is an ordinary one, with otbridge at its defaults; the receiver is a real one. Memory
is what the kernel counts as resident, above what it was after the first record was delivered.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from otbridge.testing import Answer, OtlpReceiver

PROGRAM: Final = """
import json, sys, time
import otbridge

def resident():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) << 10

def tell(**what):
    print(json.dumps(what), flush=True)

otbridge.configure("shop", metrics=False, capture_stdlib=False)
log = otbridge.get_logger("shop")
log.info("first", n=0)
assert otbridge.flush(10).delivered == 1
idle, most, slowest = resident(), 0, 0.0
tell(idle=idle)
sys.stdin.readline()
count, per_second = int(float(sys.argv[1])), float(sys.argv[2])
begin = time.perf_counter()
for number in range(1, count + 1):
    if per_second:
        ahead = number / per_second - (time.perf_counter() - begin)
        if ahead > 0.001:
            time.sleep(ahead)
    log.info("order placed", n=number, customer="c-4711", amount=12.5, currency="EUR")
    if number % 500 == 0:
        most = max(most, resident())
tell(put_s=time.perf_counter() - begin)
sys.stdin.readline()            # until the receiver is back, or has stayed away long enough
begin = time.perf_counter()
while time.perf_counter() - begin < float(sys.argv[3]):
    found = otbridge.stats()["logs"]
    most = max(most, resident())
    if not found.in_memory + found.spooled:
        break
    time.sleep(0.01)
found = otbridge.stats()["logs"]
tell(drain_s=time.perf_counter() - begin, most=most, **found.as_dict())
otbridge.shutdown(0.2)
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program has needed, and what became of its records."""

    name: str
    risen_mib: float
    """The most that its memory rose above idle."""
    put_s: float
    """Seconds in which the records were logged."""
    drain_s: float
    """Seconds from the receiver's return until nothing waited."""
    accepted: int
    delivered: int
    dropped: dict[str, int]
    waiting: int
    """Records that were still in memory or on disk."""
    stderr: list[str]
    """What was said on standard error."""

    def __str__(self) -> str:
        lost = sum(self.dropped.values())
        return (
            f"{self.name}: {self.accepted:,} records in {self.put_s:.1f} s, "
            f"{self.delivered:,} delivered within {self.drain_s:.1f} s of the receiver's return, "
            f"{lost:,} dropped, {self.waiting:,} waiting; {self.risen_mib:.1f} MiB above idle"
        )


class Running:
    """The program, from the outside."""

    def __init__(
        self, receiver: OtlpReceiver, folder: Path, *arguments: float, **settings: str
    ) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "OTBRIDGE_"))}
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *(f"{argument:g}" for argument in arguments)],
            env={
                **kept,
                "OTBRIDGE_ENDPOINT": receiver.http_url,
                "OTBRIDGE_SPOOL_DIR": str(folder),
                "OTBRIDGE_CONSOLE": "off",
                "OTBRIDGE_LIVE": "off",
                **settings,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.idle = self.hear()["idle"]

    def hear(self) -> dict[str, float]:
        """Return what it says next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._process.communicate()[1]
        return dict(json.loads(line))

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def outcome(self, name: str, put_s: float) -> Outcome:
        """Let it wait for an empty disk, and end."""
        self.go_on()
        found = self.hear()
        _, stderr = self._process.communicate(timeout=60)
        dropped: dict[str, int] = dict(found["dropped"])  # type: ignore[call-overload]  # JSON
        return Outcome(
            name,
            risen_mib=(found["most"] - self.idle) / (1 << 20),
            put_s=put_s,
            drain_s=found["drain_s"],
            accepted=int(found["accepted"]),
            delivered=int(found["delivered"]),
            dropped=dropped,
            waiting=int(found["in_memory"] + found["spooled"]),
            stderr=stderr.splitlines(),
        )

    def kill(self) -> None:
        """End it, should it still run."""
        self._process.kill()
        self._process.communicate()


def outage(folder: Path, records: int, per_second: float, **settings: str) -> Outcome:
    """Row 1: nobody listens while *records* are logged at a pace; then somebody does."""
    with OtlpReceiver() as receiver:
        port = receiver.http_port
        program = Running(receiver, folder, records, per_second, 30, **settings)
    try:
        program.go_on()
        put_s = program.hear()["put_s"]
        with OtlpReceiver(http_port=port):
            return program.outcome(f"{put_s:.0f} s of outage", put_s)
    finally:
        program.kill()


def burst(folder: Path, records: int, policy: str, **settings: str) -> Outcome:
    """Row 41: *records* as fast as a loop can, into a queue that nobody empties."""
    with OtlpReceiver() as receiver:
        program = Running(
            receiver, folder, records, 0, 0.05, OTBRIDGE_QUEUE_POLICY=policy, **settings
        )
        receiver.answer_always(Answer.hang())
        try:
            program.go_on()
            put_s = program.hear()["put_s"]
            return program.outcome(f"burst, {policy}", put_s)
        finally:
            program.kill()


def main() -> int:
    """Run both rows and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="the same records in less time")
    chosen = parser.parse_args()
    pace = 5000.0 if chosen.short else 500.0
    good = True
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for level in ("memory", "process"):
            away = outage(folder / level, 30_000, pace, OTBRIDGE_DURABILITY=level)
            print(f"durability={level}: {away}", flush=True)  # noqa: T201 - this is a program
            good &= away.risen_mib < 30 and away.drain_s <= 10 and not away.dropped
        for policy in ("spool", "drop_oldest", "drop_newest"):
            full = burst(folder / policy, 100_000 if chosen.short else 1_000_000, policy)
            print(full, flush=True)  # noqa: T201 - this is a program
            good &= full.risen_mib < 64 + 20
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
