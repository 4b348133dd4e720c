"""S10, H7: what is answered when too much comes at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from threading import Barrier
from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed
from otbridge.testing.conform.server.check import Check
from otbridge.testing.conform.server.requests import of_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.server.answer import Answer
    from otbridge.testing.conform.server.check import Bench

__all__ = ["CHECKS"]

_AT_ONCE: Final = 48
_BYTES: Final = 64 << 10
"""A burst that a server in use would not notice much: 3 MiB."""

_LONGEST_S: Final = 300
"""Clients give up after some minutes: the OTel Collector's after five."""


def _refusals(bench: Bench) -> list[Answer]:
    """Return the answers to a burst that are not a success."""

    def send() -> list[Answer]:
        body = of_size(bench.signal, _BYTES)
        together = Barrier(_AT_ONCE)

        def one(_: int) -> Answer:
            together.wait()
            return bench.export(bench.signal, body)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(one, range(_AT_ONCE)))

    return [answer for answer in bench.once("burst", send) if not answer.accepted]


def _says(*statuses: str) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        refusals = _refusals(bench)
        for answer in refusals:
            if answer.status not in statuses:
                return failed(answer.words)
        if not refusals:
            return not_applicable(f"it takes {_AT_ONCE} requests at once")
        return passed(f"{len(refusals)} of {_AT_ONCE} at once are {refusals[0].words}")

    return run


def _readable_retry_after(bench: Bench) -> Finding:
    said = {
        answer.headers["retry-after"]
        for answer in _refusals(bench)
        if "retry-after" in answer.headers
    }
    if not said:
        return not_applicable("it sends no Retry-After")
    for text in said:
        if not _is_delay(text):
            return failed(f"Retry-After: {text[:60]}")
    return passed(f"Retry-After: {min(said)}")


def _is_delay(text: str) -> bool:
    if text.isascii() and text.isdigit():
        return int(text[:9]) <= _LONGEST_S
    try:
        parsedate_to_datetime(text)
    except ValueError:
        return False
    return True


def _sensible_retry_info(bench: Bench) -> Finding:
    from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]

    delays = []
    for answer in _refusals(bench):
        info = RetryInfo()
        try:
            details = answer.status_message().details
        except ValueError:
            return failed("details that are no Status")
        delays += [info.retry_delay.ToSeconds() for each in details if each.Unpack(info)]
    if not delays:
        return not_applicable("it sends no RetryInfo")
    good = min(delays) > 0 and max(delays) <= _LONGEST_S
    return (passed if good else failed)(f"RetryInfo of {min(delays)} to {max(delays)} s")


CHECKS: Final = (
    Check(
        "S10",
        "refuses what is too much at once with UNAVAILABLE",
        _says("UNAVAILABLE"),
        level="SHOULD",
        protocols=("grpc",),
    ),
    Check(
        "S10",
        "asks for a delay that is neither nothing nor for ever",
        _sensible_retry_info,
        level="SHOULD",
        protocols=("grpc",),
    ),
    Check(
        "H7",
        "refuses what is too much at once with 429 or 503",
        _says("429", "503"),
        level="SHOULD",
        protocols=("http",),
    ),
    Check(
        "H7",
        "asks for a delay in seconds, five minutes at most, or until a date",
        _readable_retry_after,
        level="SHOULD",
        protocols=("http",),
    ),
)
"""In the order in which they are reported."""
