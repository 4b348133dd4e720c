"""What a client under test is asked to do, and what it may say about it: the driver's contract.

A driver is any program. It is started with the usual `OTEL_EXPORTER_OTLP_*` variables, which it
leaves to the SDK that it drives, and with a task in these variables:

    CONFORM_SIGNALS   `logs`, `traces`, or `logs,traces`
    CONFORM_RECORDS   records (log records, ended spans) per batch and signal, e.g. 5
    CONFORM_BATCHES   batches; flush between two of them
    CONFORM_BYTES     characters of padding in each record, in the body or an attribute
    CONFORM_FLUSH     1: flush before shutting down; 0: only end, as programs do
    CONFORM_SECONDS   how long that flush may take

It makes the records, waits until its standard input ends, flushes if so asked, shuts its SDK
down, and exits with 0. If its SDK keeps count, it prints as its last line

    {"delivered": 4, "failed": 1, "waiting": 0}

which is compared with the truth. A driver that reads none of this and simply sends one record is
fine, too: checks that need more are then reported as not applicable.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Account", "Task"]


class Account(NamedTuple):
    """What a client says became of its records."""

    delivered: int
    failed: int
    """Refused by the receiver or given up by the client."""
    waiting: int
    """Neither delivered nor given up, e.g. kept on disk."""

    @classmethod
    def read(cls, output: str) -> Self | None:
        """Return the account on the last line of *output*, or None where there is none."""
        try:
            found = json.loads(output.strip().rpartition("\n")[2])
            return cls(int(found["delivered"]), int(found["failed"]), int(found["waiting"]))
        except (ValueError, KeyError, TypeError):
            return None

    def tell(self) -> None:
        """Print this account, as a driver's last word."""
        print(json.dumps(self._asdict()), flush=True)  # noqa: T201 - standard output is the contract


@dataclass(frozen=True, slots=True)
class Task:
    """The variables above."""

    signals: tuple[str, ...] = ("logs",)
    records: int = 5
    batches: int = 1
    padding: int = 0
    flush: bool = True
    seconds: float = 8.0

    def environment(self) -> dict[str, str]:
        """Return the variables for a driver."""
        return {
            "CONFORM_SIGNALS": ",".join(self.signals),
            "CONFORM_RECORDS": str(self.records),
            "CONFORM_BATCHES": str(self.batches),
            "CONFORM_BYTES": str(self.padding),
            "CONFORM_FLUSH": str(int(self.flush)),
            "CONFORM_SECONDS": str(self.seconds),
        }

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the task that a driver was given; what is not said has its default."""
        return cls(
            signals=tuple(environ.get("CONFORM_SIGNALS", "logs").split(",")),
            records=int(environ.get("CONFORM_RECORDS", "5")),
            batches=int(environ.get("CONFORM_BATCHES", "1")),
            padding=int(environ.get("CONFORM_BYTES", "0")),
            flush=environ.get("CONFORM_FLUSH", "1") != "0",
            seconds=float(environ.get("CONFORM_SECONDS", "8")),
        )

    @property
    def total(self) -> int:
        """Records of all batches and signals."""
        return self.records * self.batches * len(self.signals)

    def text(self) -> str:
        """Return the padding of one record: words, so that it compresses as real text does."""
        return ("lorem ipsum " * (self.padding // 12 + 1))[: self.padding]

    def hold(self) -> None:
        """Wait until standard input ends: as long as whoever tests wants the client to live."""
        sys.stdin.read()
