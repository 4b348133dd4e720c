"""One program of one SDK, from its start to its successor's end, and what became of its lines."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from otbridge.testing import Answer, OtlpReceiver
from otbridge.testing.conform.tap import closed_port
from tests.faults.losses.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from otbridge.testing import Received
    from tests.faults.losses.senders import Sender

HERE: Final = Path(__file__).parent
_QUIET_SECONDS: Final = 1.5
"""A successor that has sent nothing for this long has nothing more to send."""
_FOREIGN: Final = ("OTEL_", "OTBRIDGE_", "LOGFIRE_", "PYTEST_")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the lines."""

    sent: int
    """Log calls that returned."""
    delivered: int
    """Different lines that a receiver has accepted."""
    later: int
    """Those of them that only the next start of the program brought."""
    twice: int
    """Lines that came more than once."""
    stderr: str
    accounts: tuple[Mapping[str, int], ...]
    """What the SDK counts, of each process that ended normally."""
    exit_seconds: float | None
    """From the moment when the program was to end; None where that says nothing."""
    killed: bool
    """Whether it had to be killed in the end."""

    @property
    def lost(self) -> int:
        return max(0, self.sent - self.delivered)

    @property
    def said(self) -> str:
        """Whether the sender spoke of the loss, and how truly."""
        if not self.lost:
            return ""
        counted = sum(account["failed"] for account in self.accounts)
        claimed = sum(account["delivered"] for account in self.accounts)
        logged = bool(self.stderr.strip())
        # Some SDKs' own warnings are lines of the same logging, and in their numbers.
        own = max(0, counted + claimed - self.sent)
        if self.lost <= counted <= self.lost + own:
            return "counted"
        if claimed - own > self.delivered:
            return f"claims {claimed - own:,} delivered" + ("; logged" if logged else "")
        if counted:
            return f"counted {counted:,}"
        return "logged" if logged else "silent"


class Trial:
    """Runs programs of one sender against one address.

    Args:
        sender: Whose.
        folder: For output, and for a spool of its own.
        answer: What the receiver says until it is healed.
    """

    def __init__(
        self, sender: Sender, folder: Path, answer: Answer | Callable[[bytes], Answer] | None = None
    ) -> None:
        self.sender = sender
        self.folder = folder
        self.port = closed_port()
        self.seen: list[Received] = []
        self._answer = answer or Answer.ok()
        self._receiver: OtlpReceiver | None = None
        self._programs: list[Program] = []
        self.exit_seconds: float | None = None
        folder.mkdir(parents=True)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._programs:
            program.end()
        self.close()

    # ------------------------------------------------------------------ receiver

    def open(self) -> None:
        """Let the receiver serve."""
        self._receiver = OtlpReceiver(self._answer, http_port=self.port).start()

    def close(self) -> None:
        """Let nobody listen at the address."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.stop()
            self.seen += receiver.requests

    @property
    def requests(self) -> list[Received]:
        """Every request so far."""
        return self.seen + (self._receiver.requests if self._receiver is not None else [])

    # ------------------------------------------------------------------ programs

    def start(self, program: str, *numbers: float) -> Program:
        """Start one of the programs of `producer`."""
        arguments = [program, *(f"{number:g}" for number in numbers)]
        return self.run([str(HERE / "producer.py"), self.sender.setup, *arguments])

    def run(self, arguments: list[str]) -> Program:
        """Start the sender's interpreter with *arguments*."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)},
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_SERVICE_NAME": "shop",
            "HOME": str(self.folder),  # a data folder of its own; naming a spool is a setting
            "XDG_DATA_HOME": str(self.folder / "data"),
            "LOSSES_SDK": self.sender.setup,
            **dict(self.sender.environment),
        }
        started = Program([self.sender.python, *arguments], environment, self.folder)
        self._programs.append(started)
        return started

    def fate(self) -> Fate:
        """Heal the receiver, start the program once more as usual, and count."""
        sent = sum(program.sent for program in self._programs)
        stderr = "".join(program.stderr for program in self._programs)
        accounts = tuple(
            json.loads(path.read_text()) for path in sorted(self.folder.glob("account-*.json"))
        )
        killed = any(program.killed for program in self._programs)
        before = _lines(self.requests)
        rejected = sum(_rejected(request) for request in self.requests)
        after = before
        if sent > len(set(before)) - rejected:
            successor = f"{self._heal_and_succeed()}-"
            after = [line for line in _lines(self.requests) if not line.startswith(successor)]
        own = len(set(after))
        return Fate(
            sent=sent,
            delivered=own - rejected,
            later=own - len(set(before)),
            twice=len(after) - own,
            stderr=stderr,
            accounts=accounts,
            exit_seconds=self.exit_seconds,
            killed=killed,
        )

    def _heal_and_succeed(self) -> int:
        """Start the program once more, with the receiver well again; return its process id."""
        self.close()
        self._answer = Answer.ok()
        self.open()
        successor = self.start("then-wait", 1)
        successor.wait_sent(1)
        last, seen = time.monotonic(), 0
        while time.monotonic() - last < _QUIET_SECONDS + (not seen) * 2:
            time.sleep(0.05)
            if len(self.requests) != seen:
                last, seen = time.monotonic(), len(self.requests)
        successor.end()
        return successor.pid


def _lines(requests: list[Received]) -> list[str]:
    """Return the marks of the lines in all accepted requests."""
    return [mark for request in requests if request.answer.accepts for mark in marks(request)]


def marks(request: Received) -> Iterator[str]:
    """Yield the attribute `n` of each record in *request*: the line's own mark."""
    if request.signal == "logs":
        records = (
            record
            for resource in request.message.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        )
    elif request.signal == "traces":  # Logfire's log lines are spans
        records = (
            span
            for resource in request.message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        )
    else:
        return
    for record in records:
        for pair in record.attributes:
            if pair.key == "n":
                yield pair.value.string_value


def _rejected(request: Received) -> int:
    """Return how many lines of an accepted request the receiver has said that it refused."""
    if not request.answer.accepts or not request.answer.body:
        return 0
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

    answer = ExportLogsServiceResponse.FromString(request.answer.body)
    return int(answer.partial_success.rejected_log_records)
