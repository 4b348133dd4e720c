"""What the fault tests share: a process's worth of delivery, and the identity of its ledger."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.settings import RetrySettings
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing import OtlpReceiver
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from otbridge.delivery.spool.settings import Durability
    from otbridge.typing import Sink

ENVELOPE = Envelope.of({"service.name": "shop"}, "faults")


class Delivery:
    """A pipeline with a spool, fed with numbered records.

    Args:
        root: Folder of the spool.
        to: A receiver, or a sink.
        level: Durability.
        spooled: Whether there is a spool at all.
        files: File system of the spool.
        options: Of the pipeline.
    """

    def __init__(
        self,
        root: Path,
        to: OtlpReceiver | Sink,
        level: Durability = "memory",
        *,
        spooled: bool = True,
        files: Any = None,
        **options: Any,
    ) -> None:
        self.reports: list[str] = []
        self.put_seconds: list[float] = []
        self.spool = None
        if spooled:
            self.spool = Spool(
                str(root),
                "shop",
                report=self.reports.append,
                settings=SpoolSettings(durability=level),
                files=files,
            )
        self.pipeline = Pipeline(
            "logs",
            OtlpHttpSink(to.http_url) if isinstance(to, OtlpReceiver) else to,
            report=self.reports.append,
            spool=self.spool,
            **{"retry": RetrySettings(initial_s=0.01, max_s=0.1, brief_s=0.2), **options},
        )
        self.ledger = self.pipeline.ledger
        self._count = 0

    def put(self, records: int = 1, *, per_second: float | None = None, severity: int = 9) -> int:
        """Put numbered records, at a pace if need be; return how many were taken."""
        taken, begin = 0, time.perf_counter()
        for _ in range(records):
            if per_second is not None:
                ahead = len(self.put_seconds) / per_second - (time.perf_counter() - begin)
                time.sleep(max(0.0, ahead))
            number = self._count
            record = encode_log_record(1, 1, severity, "INFO", "event", {"n": number})
            self._count += 1
            before = time.perf_counter()
            taken += self.pipeline.put(ENVELOPE, record, severity)
            self.put_seconds.append(time.perf_counter() - before)
        return taken

    @property
    def slowest_put(self) -> float:
        """The 99th percentile of all puts, in seconds."""
        return sorted(self.put_seconds)[int(len(self.put_seconds) * 0.99)]

    def adds_up(self) -> None:
        found = self.ledger.snapshot()
        total = found.delivered + found.lost + found.spooled + found.in_memory
        assert found.accepted == total == self._count, found

    def drain(self, seconds: float = 10.0) -> None:
        """Flush until everything is delivered or settled otherwise."""
        deadline = time.monotonic() + seconds
        while self.ledger.in_memory or self.ledger.spooled:
            assert time.monotonic() < deadline, self.ledger.snapshot()
            self.pipeline.flush(1.0)
        self.adds_up()

    def end(self, timeout: float = 0.0) -> Any:
        result = self.pipeline.shutdown(timeout)
        if self.spool is not None:
            self.spool.close()
        return result


@pytest.fixture
def deliver(tmp_path: Path) -> Iterator[Callable[..., Delivery]]:
    """Make deliveries with one spool folder, ended in the end."""
    made: list[Delivery] = []

    def make(*args: Any, **options: Any) -> Delivery:
        made.append(Delivery(tmp_path / "spool", *args, **options))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
def numbers() -> Callable[[OtlpReceiver], Counter[int]]:
    """Count the records that a receiver has, by their number."""
    return lambda receiver: Counter(log.attributes[0].value.int_value for log in receiver.logs)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait for another thread, ten seconds at most."""

    def wait(reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not reached():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    return wait
