"""C3: what is refused for good is dropped, harms nobody else, and is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.answers import Answer
from otbridge.testing.conform.check import Check, Finding, failed, not_applicable, passed

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]

_REFUSED: Final = Answer.refuse(400, message="conform")


def _goes_on(bench: Bench) -> Finding:
    """Refuse the first of two batches; the second has to come, and the first not again."""
    seen = bench.trial(_REFUSED, task=bench.task(batches=2))
    if len(seen.requests) < 2:
        return (
            failed("it sent nothing any more")
            if seen.account is not None
            else not_applicable("the client made a single batch")
        )
    if len(seen.requests) == 2 and seen.arrived:
        return passed("the next batch is delivered")
    return failed(f"{len(seen.requests)} requests for two batches")


def _counts(answer: Answer) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        seen = bench.trial(answer)
        if seen.account is None:
            return not_applicable(seen.own_words)
        right = seen.account.failed == seen.task.total
        return (passed if right else failed)(seen.own_words)

    return run


CHECKS: Final = (
    Check("C3", "drops a refused batch and delivers the next", _goes_on),
    Check("C3", "counts a refused batch as failed", _counts(_REFUSED), level="SHOULD"),
    Check(
        "C3",
        "counts a batch as failed that was answered with a redirect",
        _counts(Answer.refuse(302, location="/login")),
        level="SHOULD",
        protocols=("http",),
    ),
    Check(
        "C3",
        "counts a batch as failed that was answered with 200 and a login page",
        _counts(Answer.raw(200, b"<html><title>Log in</title></html>", "text/html")),
        level="SHOULD",
        protocols=("http",),
    ),
    Check(
        "C3",
        "counts a batch as failed that was answered with 200 and bytes that are no response",
        _counts(Answer.raw(200, b"\xff\xff\xff\xff", "application/x-protobuf")),
        level="SHOULD",
        protocols=("http",),
    ),
)
