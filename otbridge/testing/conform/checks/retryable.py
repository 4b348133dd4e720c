"""C1, C2: what is tried again, and what never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.answers import Answer
from otbridge.testing.conform.check import Check, Finding, failed, passed
from otbridge.testing.conform.trial import records_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]

_RETRYABLE_CODES: Final = (
    "CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS",
)  # fmt: skip
_FINAL_CODES: Final = (
    "UNKNOWN", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
    "UNAUTHENTICATED", "FAILED_PRECONDITION", "UNIMPLEMENTED", "INTERNAL",
)  # fmt: skip
_RETRYABLE_STATUSES: Final = (429, 502, 503, 504)
_FINAL_STATUSES: Final = (400, 401, 403, 404, 405, 408, 413, 415, 422, 500, 501, 505)


def _is_retried(answer: Answer) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        seen = bench.trial(answer)
        if len(seen.requests) > 1 and seen.arrived:
            return passed(f"delivered by attempt {len(seen.requests)}")
        return failed(f"{len(seen.requests)} attempt(s), {seen.arrived} records delivered")

    return run


def _is_final(answer: Answer) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        seen = bench.trial(answer)
        if not seen.requests:
            return failed("nothing was sent at all")
        first, *later = map(records_in, seen.requests)
        if first and later and max(later) < first:
            return passed(f"split into {len(later)} smaller requests")  # as it may after a 413
        count = seen.attempts
        return passed("one attempt") if count == 1 else failed(f"sent {count} times")

    return run


def _code(code: str) -> Answer:
    return Answer.refuse(503, code=code, message="conform")


CHECKS: Final = (
    *(
        Check("C1", f"retries {code}", _is_retried(_code(code)), protocols=("grpc",))
        for code in _RETRYABLE_CODES
    ),
    Check(
        "C1",
        "retries RESOURCE_EXHAUSTED with RetryInfo",
        _is_retried(Answer.retry_in(0.5, code="RESOURCE_EXHAUSTED")),
        protocols=("grpc",),
    ),
    Check(
        "C1",
        "does not retry RESOURCE_EXHAUSTED without RetryInfo",
        _is_final(_code("RESOURCE_EXHAUSTED")),
        protocols=("grpc",),
    ),
    *(
        Check("C1", f"does not retry {code}", _is_final(_code(code)), protocols=("grpc",))
        for code in _FINAL_CODES
    ),
    *(
        Check("C2", f"retries {status}", _is_retried(Answer.refuse(status)), protocols=("http",))
        for status in _RETRYABLE_STATUSES
    ),
    *(
        Check(
            "C2", f"does not retry {status}", _is_final(Answer.refuse(status)), protocols=("http",)
        )
        for status in _FINAL_STATUSES
    ),
)
