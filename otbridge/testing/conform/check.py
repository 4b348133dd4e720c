"""What a check is: one scenario, one sentence, one finding."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from otbridge.testing.conform.task import Task
from otbridge.testing.conform.trial import Running
from otbridge.testing.receiver import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from otbridge.testing.answers import Answer
    from otbridge.testing.conform.certificates import Certificates
    from otbridge.testing.conform.client import Client, Protocol
    from otbridge.testing.conform.rules import Level
    from otbridge.testing.conform.trial import Seen
    from otbridge.typing import Signal

__all__ = ["Bench", "Check", "Finding", "failed", "not_applicable", "passed", "skipped"]

Verdict = Literal["pass", "fail", "n/a", "skip"]

_BOTH: tuple[Protocol, ...] = ("http", "grpc")


class Finding(NamedTuple):
    """The outcome of a check."""

    verdict: Verdict
    seen: str
    """What was seen, as a phrase for people."""


def passed(seen: str) -> Finding:
    """Return that the rule is kept."""
    return Finding("pass", seen)


def failed(seen: str) -> Finding:
    """Return that the rule is broken."""
    return Finding("fail", seen)


def not_applicable(why: str) -> Finding:
    """Return that the rule could not be tried on this client or server."""
    return Finding("n/a", why)


def skipped(why: str) -> Finding:
    """Return that whoever tests has to say more before the rule can be tried."""
    return Finding("skip", why)


@dataclass(frozen=True, slots=True)
class Check:
    """One scenario for one rule."""

    rule: str
    what: str
    """The client does this, if it passes."""
    run: Callable[[Bench], Finding]
    level: Level = "MUST"
    protocols: tuple[Protocol, ...] = _BOTH
    """Where the rule means anything."""
    long: bool = False
    """Whether it waits for more than a few seconds, and so had better begin early."""


@dataclass
class Bench:
    """Where one check tries one client over one protocol."""

    client: Client
    protocol: Protocol
    signal: Signal
    folder: Path
    """For this check alone."""
    certificates: Certificates | None = None
    """None where no `openssl` could make them."""
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def task(
        self, *, records: int = 5, batches: int = 1, padding: int = 0, flush: bool = True
    ) -> Task:
        """Return a task for this bench's signal."""
        return Task((self.signal,), records, batches, padding, flush)

    def variable(self, name: str, *, own: bool = False) -> str:
        """Return the name of an exporter's variable; *own*: the one of the signal alone."""
        return f"OTEL_EXPORTER_OTLP_{self.signal.upper() + '_' if own else ''}{name}"

    def endpoint(self, receiver: OtlpReceiver) -> str:
        """Return the base URL of *receiver* for this protocol."""
        if self.protocol == "http":
            return receiver.http_url
        scheme = receiver.http_url.partition(":")[0]
        return f"{scheme}://{receiver.grpc_target}"

    def port(self, receiver: OtlpReceiver) -> int:
        """Return the port of *receiver* for this protocol."""
        return int(self.endpoint(receiver).rpartition(":")[2])

    @contextmanager
    def start(
        self,
        receiver: OtlpReceiver,
        task: Task | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        watch_memory: bool = False,
    ) -> Iterator[Running]:
        """Start the client; it lives until it is told to finish.

        Args:
            receiver: Where it is to send.
            task: What; one batch of five records where nothing is said.
            environment: Variables that are different from the plain case; an empty text unsets.
            watch_memory: Whether to follow its memory.
        """
        plain = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint(receiver),
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc" if self.protocol == "grpc" else "http/protobuf",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_SERVICE_NAME": "conform",
            "XDG_DATA_HOME": str(self.folder),  # what a client keeps on disk stays in this check
        }
        folder = self.folder / f"run-{next(self._numbers)}"
        folder.mkdir(parents=True)
        with Running(
            self.client.command,
            task or self.task(),
            receiver,
            plain | dict(environment or {}),
            folder,
            watch_memory=watch_memory,
        ) as running:
            yield running

    def trial(
        self,
        *answers: Answer,
        task: Task | None = None,
        environment: Mapping[str, str] | None = None,
        watch_memory: bool = False,
        seconds: float = 15.0,
    ) -> Seen:
        """Let the client send, flush and end against a receiver that gives *answers* first."""
        with OtlpReceiver() as receiver:
            receiver.answer_next(*answers)
            with self.start(receiver, task, environment, watch_memory=watch_memory) as running:
                return running.finish(seconds)
