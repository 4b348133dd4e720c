"""S2, S3, S4, H4: how large requests and responses may be, and how that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed, skipped
from otbridge.testing.conform.server.check import NO_GZIP, Check
from otbridge.testing.conform.server.requests import new_trace_id, of_size, span, traces
from otbridge.testing.conform.server.target import RECOMMENDED_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.server.answer import Answer
    from otbridge.testing.conform.server.check import Bench

__all__ = ["CHECKS", "oversize"]

_MOST_ANSWERED: Final = 4 << 20
"""Bytes of a response (OTLP 1.11.0, OTLP/HTTP Response)."""

_NAMES: Final = 1200
_NAME: Final = "a name that an error message might repeat " * 100
"""Together they are more than a response may have."""

_FOR_GOOD: Final = (b"RetryInfo",)
"""What must not be in the details of a refusal that will be the same next time."""


def oversize(bench: Bench, *, compressed: bool = False) -> Answer:
    """Return the answer to a request that is larger than the server may take.

    Compressed, it is small as it comes. Since a server may well have one limit for what comes
    and a higher one for what that inflates to, the recommended one is exceeded in any case.
    """

    def send() -> Answer:
        if not compressed:
            return bench.export(bench.signal, of_size(bench.signal, _limit(bench)))
        size = max(_limit(bench), RECOMMENDED_LIMIT)
        return bench.export_gzip(bench.signal, of_size(bench.signal, size))

    return bench.once(f"oversize {compressed}", send)


def _limit(bench: Bench) -> int:
    return bench.server.max_body or RECOMMENDED_LIMIT


def _limited(*, compressed: bool) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        if compressed and not bench.takes_gzip:
            return not_applicable(NO_GZIP)
        answer = oversize(bench, compressed=compressed)
        if not answer.accepted:
            return passed(answer.words)
        if bench.server.max_body is None:
            return skipped(f"it takes {RECOMMENDED_LIMIT >> 20} MiB; say with --max-body what not")
        return failed(f"{answer.words} to more than {_limit(bench):,} bytes")

    return run


def _refused_with(
    status: str, *, compressed: bool, never: tuple[bytes, ...] = ()
) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        if compressed and not bench.takes_gzip:
            return not_applicable(NO_GZIP)
        answer = oversize(bench, compressed=compressed)
        if answer.accepted:
            return not_applicable("it was taken: see S2")
        if any(word in answer.details for word in never):
            return failed(f"{answer.status} with RetryInfo, as if it could be taken later")
        return (passed if answer.status == status else failed)(answer.words)

    return run


def _short_answers(bench: Bench) -> Finding:
    """Give the server a lot to complain of."""
    trace_id = new_trace_id()
    spans = [span(trace_id, span_id=b"bad", name=_NAME) for _ in range(_NAMES)]
    answer = bench.export("traces", traces(*spans).SerializeToString())
    size = len(answer.body) + len(answer.details)
    return (passed if size <= _MOST_ANSWERED else failed)(f"{size:,} bytes, {answer.words}")


CHECKS: Final = (
    Check("S2", "refuses requests over its limit", _limited(compressed=False)),
    Check("S2", "refuses requests that inflate to more", _limited(compressed=True)),
    Check(
        "S3",
        "refuses too large a request with RESOURCE_EXHAUSTED and without RetryInfo",
        _refused_with("RESOURCE_EXHAUSTED", compressed=False, never=_FOR_GOOD),
        protocols=("grpc",),
    ),
    Check(
        "S3",
        "refuses one that inflates to too much in the same way",
        _refused_with("RESOURCE_EXHAUSTED", compressed=True, never=_FOR_GOOD),
        protocols=("grpc",),
    ),
    Check(
        "S4",
        "answers in 4 MiB at most, however much there is to say",
        _short_answers,
        signal="traces",
    ),
    Check(
        "H4",
        "refuses too large a request with 413",
        _refused_with("413", compressed=False),
        protocols=("http",),
    ),
    Check(
        "H4",
        "refuses one that inflates to too much with 413",
        _refused_with("413", compressed=True),
        protocols=("http",),
    ),
)
"""In the order in which they are reported."""
