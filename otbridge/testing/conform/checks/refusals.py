"""C3: what is refused for good is dropped, harms nobody else, and is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.answers import Answer
from otbridge.testing.conform.check import Check, Finding, failed, not_applicable, passed
from otbridge.testing.conform.trial import distinct_records
from otbridge.testing.receiver import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.check import Bench
    from otbridge.typing import Signal

__all__ = ["CHECKS"]


class _RefusesFirst:
    """Refuses the records of the first request for good, in whatever requests they come."""

    def __init__(self, signal: Signal) -> None:
        self._signal: Signal = signal
        self._refused: set[bytes] = set()

    def __call__(self, body: bytes) -> Answer:
        records = distinct_records(self._signal, body)
        self._refused = self._refused or records
        known = records & self._refused
        return Answer.refuse(400, message="conform") if known else Answer.ok()


def _goes_on(bench: Bench) -> Finding:
    """Refuse the first of two batches; the second has to come, and the first not again."""
    task = bench.task(batches=2)
    with (
        OtlpReceiver(_RefusesFirst(bench.signal)) as receiver,
        bench.start(receiver, task) as running,
    ):
        seen = running.finish()
    if len(seen.requests) < 2 and seen.account is None:
        return not_applicable("the client made a single batch")
    words = f"{seen.arrived} of {task.records} records of the next batch are delivered"
    return (passed if seen.arrived >= task.records else failed)(words)


def _counts(answer: Answer | None = None) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        with (
            OtlpReceiver(answer or _RefusesFirst(bench.signal)) as receiver,
            bench.start(receiver) as running,
        ):
            seen = running.finish()
        if seen.account is None:
            return not_applicable(seen.own_words)
        return (failed if seen.account.delivered else passed)(seen.own_words)

    return run


CHECKS: Final = (
    Check("C3", "drops a refused batch and delivers the next", _goes_on),
    Check("C3", "does not count a refused batch as delivered", _counts(), level="SHOULD"),
    Check(
        "C3",
        "does not count a batch as delivered that was answered with a redirect",
        _counts(Answer.refuse(302, location="/login")),
        level="SHOULD",
        protocols=("http",),
    ),
    Check(
        "C3",
        "does not count a batch as delivered that was answered with a login page",
        _counts(Answer.raw(200, b"<html><title>Log in</title></html>", "text/html")),
        level="SHOULD",
        protocols=("http",),
    ),
    Check(
        "C3",
        "does not count a batch as delivered that was answered with 200 and garbage",
        _counts(Answer.raw(200, b"\xff\xff\xff\xff", "application/x-protobuf")),
        level="SHOULD",
        protocols=("http",),
    ),
)
