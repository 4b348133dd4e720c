"""Delivering from the disk, one service after the other, by the chain that programs use."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from otbridge._clock import SystemClock
from otbridge._configure.parts import make_sink
from otbridge.config import resolve
from otbridge.delivery.attempt import AttemptSender
from otbridge.delivery.dispatch import Dispatcher
from otbridge.delivery.hold import HoldSender
from otbridge.delivery.ledger import Ledger
from otbridge.delivery.losses import LossReporter
from otbridge.delivery.pace import Pace
from otbridge.delivery.retry import RetrySender
from otbridge.delivery.settings import BatchSettings, RetrySettings
from otbridge.delivery.spool.spool import Spool
from otbridge.delivery.spooling import Backlog
from otbridge.typing import Success
from otbridge.wire.otlp_request import compose

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.delivery.batch import Batch
    from otbridge.delivery.dispatch import Undelivered
    from otbridge.delivery.sender import Sender
    from otbridge.delivery.spool.reader import SpoolReader
    from otbridge.typing import SendResult, Signal

__all__ = ["Replay"]

_SIGNALS: Final[tuple[Signal, ...]] = ("logs", "traces", "metrics")


class Replay:
    """One run of `otbridge spool replay`.

    Args:
        root: The spool's root.
        endpoint: Where to send, if not where the settings say.
        patience: Seconds for which one batch is tried.
        say: Gets sentences about trouble.

    Raises:
        ConfigurationError: the settings, or *endpoint*, cannot be used.
    """

    def __init__(
        self, root: str, *, endpoint: str | None, patience: float, say: Callable[[str], None]
    ) -> None:
        config = resolve({"endpoint": endpoint})
        self._root = root
        self._say = say
        self._clock = SystemClock()
        self._sinks = {
            signal: make_sink(signal, config.destinations[signal]) for signal in _SIGNALS
        }
        self._retry = RetrySettings(brief_s=patience)
        self._told: set[str] = set()
        self.delivered = 0
        self.waiting = 0
        """Records that are still on disk, in folders that this run had."""
        self.lost: Counter[str] = Counter()
        """Records that the receiver refused, or that were damaged, by reason."""

    def deliver(self, service_folder: str) -> None:
        """Deliver what ended processes of one service left, until all is gone or nobody takes it."""
        spool = Spool(
            self._root,
            service_folder,
            folder=service_folder,
            report=self._say,
            clock=self._clock,
            background=False,
        )
        try:
            readers = {
                signal: spool.reader(sink.name, signal) for signal, sink in self._sinks.items()
            }
            spool.adopt_orphans()
            for signal, reader in readers.items():
                self._drain(signal, spool, reader)
        finally:
            stats = spool.stats()
            self.waiting += sum(stats.waiting.values())
            for of in stats.lost.values():
                self.lost.update(of)
            spool.close()
            for sink in self._sinks.values():
                sink.close()

    def sentence(self) -> str:
        """Return the outcome for people."""
        parts = [f"{self.delivered:,} records delivered"]
        parts += [f"{count:,} lost ({reason})" for reason, count in sorted(self.lost.items())]
        if self.waiting:
            parts.append(f"{self.waiting:,} still wait")
        return ", ".join(parts) + "."

    def outcome(self) -> dict[str, Any]:
        """Return the outcome for programs."""
        return {"delivered": self.delivered, "lost": dict(self.lost), "waiting": self.waiting}

    def _drain(self, signal: Signal, spool: Spool, reader: SpoolReader) -> None:
        ledger = Ledger()

        def keep(part: Undelivered) -> None:
            """Write again what was in one request with records that are settled."""
            left = spool.append_batch(signal, part.batch.entries)
            self.lost["undelivered"] += len(left)

        backlog = Backlog(
            spool,
            reader,
            dispatcher=self._dispatcher(signal, ledger),
            ledger=ledger,
            settings=BatchSettings(),
            compose=compose,
            clock=self._clock,
            seconds_to_send=lambda: 0.0,
            take_back=keep,
        )
        while backlog.send_one():
            pass
        booked = ledger.snapshot()
        self.delivered += booked.delivered
        self.lost.update(booked.rejected)
        self.lost.update(booked.dropped)

    def _dispatcher(self, signal: Signal, ledger: Ledger) -> Dispatcher:
        sink, pace = self._sinks[signal], Pace()
        attempt = AttemptSender(sink, self._retry.attempt_s, self._clock, pace)
        chain = RetrySender(
            HoldSender(_Telling(attempt, self._tell_of(sink.name)), self._clock),
            self._retry,
            self._clock,
            pace,
            on_wait=lambda _failure, _seconds: None,
            brief=True,
        )
        losses = LossReporter(f"{signal} to {sink.name}", self._say, self._clock)
        return Dispatcher(chain, ledger, losses)

    def _tell_of(self, name: str) -> Callable[[str], None]:
        def tell(why: str) -> None:
            if name not in self._told:
                self._told.add(name)
                self._say(f"{name}: {why}")

        return tell


class _Telling:
    """Passes batches on, and tells of what keeps them from being taken.

    Args:
        following: The next link.
        tell: Gets what a failed answer says.
    """

    def __init__(self, following: Sender, tell: Callable[[str], None]) -> None:
        self._following = following
        self._tell = tell

    def send(self, batch: Batch) -> SendResult:
        """Return the answer to *batch*."""
        result = self._following.send(batch)
        if not isinstance(result, Success):
            self._tell(f"{result.reason} {result.message}".rstrip())
        return result
