"""C4: a receiver that asks for time gets it."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from otbridge.testing.answers import Answer
from otbridge.testing.conform.check import Check, Finding, failed, passed
from otbridge.testing.receiver import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]

_EARLY_SECONDS: Final = 0.05
"""The clocks of sender and receiver are one, but the answer has to travel."""
_DATE_SECONDS: Final = 3
"""A date has whole seconds, so at least one less is asked for."""
_LONGER_THAN_TIMEOUT: Final = 12
"""More than the 10 s that an export may take by default."""


def _waits(answer: Answer, least: float, most: float) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        with OtlpReceiver() as receiver:
            receiver.answer_next(answer)
            return _watch(bench, receiver, least, most)

    return run


def _waits_until_date(bench: Bench) -> Finding:
    asked: list[float] = []

    def answer(_: bytes) -> Answer:
        if asked:
            return Answer.ok()
        asked.append(time.time() + _DATE_SECONDS)
        date = formatdate(asked[0], usegmt=True)
        return Answer.refuse(503, retry_after=date)

    with OtlpReceiver(answer) as receiver:
        return _watch(bench, receiver, _DATE_SECONDS - 1, _DATE_SECONDS + 3)


def _watch(bench: Bench, receiver: OtlpReceiver, least: float, most: float) -> Finding:
    with bench.start(receiver) as running:
        running.wait_for_requests(1, 10)
        came = running.wait_for_requests(2, most + 1)
        running.kill()
    if not came:
        return failed("it was not sent again")
    first, second = receiver.requests[:2]
    gap = second.at - first.at
    words = f"sent again after {gap:.1f} s"
    return passed(words) if least - _EARLY_SECONDS <= gap <= most else failed(words)


def _asked(seconds: int, status: int) -> Answer:
    return Answer.refuse(status, retry_after=str(seconds))


def _nonsense(value: str) -> Callable[[Bench], Finding]:
    return _waits(Answer.refuse(503, retry_after=value), 0.0, 8.0)


def _without_header(seconds: float, code: str) -> Answer:
    return replace(Answer.retry_in(seconds, code=code), headers={})


CHECKS: Final = (
    Check(
        "C4", "waits for Retry-After: 2 of a 429", _waits(_asked(2, 429), 2, 5),
        level="SHOULD", protocols=("http",),
    ),
    Check(
        "C4", "waits for Retry-After: 2 of a 503", _waits(_asked(2, 503), 2, 5),
        level="SHOULD", protocols=("http",),
    ),
    Check(
        "C4", "waits until the date in Retry-After", _waits_until_date,
        level="SHOULD", protocols=("http",),
    ),
    Check(
        "C4", f"waits for Retry-After: {_LONGER_THAN_TIMEOUT}, longer than one export may take",
        _waits(_asked(_LONGER_THAN_TIMEOUT, 429), _LONGER_THAN_TIMEOUT, _LONGER_THAN_TIMEOUT + 4),
        level="SHOULD", protocols=("http",), long=True,
    ),
    Check(
        "C4", "goes its own pace where Retry-After is nonsense", _nonsense("soon"),
        level="SHOULD", protocols=("http",),
    ),
    Check(
        "C4", "goes its own pace where Retry-After is negative", _nonsense("-5"),
        level="SHOULD", protocols=("http",),
    ),
    Check(
        "C4", "waits for the RetryInfo of UNAVAILABLE",
        _waits(_without_header(2.5, "UNAVAILABLE"), 2.5, 5.5),
        level="SHOULD", protocols=("grpc",),
    ),
    Check(
        "C4", "waits for the RetryInfo of RESOURCE_EXHAUSTED",
        _waits(_without_header(2.5, "RESOURCE_EXHAUSTED"), 2.5, 5.5),
        level="SHOULD", protocols=("grpc",),
    ),
    Check(
        "C4", f"waits for a RetryInfo of {_LONGER_THAN_TIMEOUT} s, longer than one export may take",
        _waits(
            _without_header(_LONGER_THAN_TIMEOUT, "UNAVAILABLE"),
            _LONGER_THAN_TIMEOUT, _LONGER_THAN_TIMEOUT + 4,
        ),
        level="SHOULD", protocols=("grpc",), long=True,
    ),
)  # fmt: skip
