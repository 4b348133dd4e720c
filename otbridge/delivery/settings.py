"""What can be set about delivery, one class per stage, with the reasons for the defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from otbridge.errors import ConfigurationError

__all__ = ["BatchSettings", "QueuePolicy", "QueueSettings", "RetrySettings"]

QueuePolicy = Literal["spool", "drop_oldest", "drop_newest", "block", "sample"]
"""What a full queue does with the next record: `otbridge.delivery.policies` has one class each."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How much may wait in memory, and what happens beyond. The limit reached first holds."""

    max_records: int = 65_536
    """A third of a second at 200,000 records a second, which is what one process can write: time
    for a sender that shares one interpreter lock with the writers. About 20 MiB when full of
    plain records; a quarter of it loses records at that speed."""
    max_bytes: int = 64 << 20
    """64 MiB of encoded records, for those that are not plain."""
    policy: QueuePolicy = "spool"
    """`spool`: what does not fit goes to disk, and where there is none the oldest go: neither
    blocks, and of a burst most is kept. `drop_oldest`, `drop_newest`, `sample`, or `block`, which
    waits up to *block_s*."""
    block_s: float = 1.0
    """Seconds that one call may wait under `block`."""

    def __post_init__(self) -> None:
        _positive(self, "max_records", "max_bytes", "block_s")


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """When a batch is sent: when it is large enough, or when its first record is old enough."""

    max_records: int = 8192
    """Larger batches cost less a record; measured, batches of 512 lose records at full speed
    whatever the queue, because the sender gets the interpreter lock for one batch at a time."""
    max_bytes: int = 2 << 20
    """2 MiB: half of what gRPC servers take by default (4 MiB)."""
    max_age_s: float = 0.25
    """Seconds; half of the 500 ms in which a record has to be on the hub's screen."""
    first_age_s: float = 0.02
    """Seconds that the first batch after a pause may wait. The wait doubles with every batch up to
    *max_age_s*: a lone record is seen at once, a stream of them goes in full batches."""

    def __post_init__(self) -> None:
        _positive(self, "max_records", "max_bytes", "max_age_s", "first_age_s")


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How long, and how often, a batch is tried."""

    initial_s: float = 0.5
    """Ceiling of the first wait, in seconds; it doubles with every attempt."""
    max_s: float = 30.0
    """Ceiling of every later wait, in seconds."""
    max_elapsed_s: float = 300.0
    """Seconds from the first attempt after which no further one is made. As in the Collector's
    exporters; the official SDK gives up after six seconds."""
    brief_s: float = 2.0
    """The same where there is somewhere else to keep records, a spool or a fallback: long enough
    for a restart or a lost packet, short enough that little is in memory when a process is
    killed. The breaker goes on from there."""
    jitter: float = 1.0
    """Share of each wait that is random: 1 is full jitter, any wait from 0 to its ceiling, which
    spreads the clients of a returning receiver best; 0 is none."""
    attempt_s: float = 10.0
    """Seconds that one attempt may take (`OTEL_EXPORTER_OTLP_TIMEOUT` is 10,000 ms)."""

    def __post_init__(self) -> None:
        _positive(self, "initial_s", "max_s", "attempt_s")
        if not 0 <= self.jitter <= 1 or min(self.max_elapsed_s, self.brief_s) < 0:
            raise ConfigurationError(
                f"Wrong retry settings: jitter={self.jitter}, max_elapsed_s={self.max_elapsed_s}.",
                "The jitter is a share from 0 to 1, and time does not go backwards.",
                "Leave them out to use 1.0 and 300.",
            )


def _positive(settings: object, *names: str) -> None:
    for name in names:
        value = getattr(settings, name)
        if not value > 0:
            raise ConfigurationError(
                f"{type(settings).__name__}.{name} is {value!r}.",
                "It has to be more than 0.",
                "Leave it out to use the default.",
            )
