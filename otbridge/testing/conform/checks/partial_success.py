"""C7: partial success is final, and what was refused is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.answers import Answer
from otbridge.testing.conform.check import Check, Finding, failed, passed

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]

_REJECTED: Final = 3


def _is_final(answer: Answer) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        count = bench.trial(answer).attempts
        return passed("one attempt") if count == 1 else failed(f"sent {count} times")

    return run


def _records(bench: Bench) -> Finding:
    seen = bench.trial(Answer.partial(_REJECTED, "too old"))
    counted = seen.account is not None and seen.account.failed == _REJECTED
    words = f"{_REJECTED} of {seen.task.total} refused; {seen.own_words}"
    return passed(words) if counted or seen.stderr.strip() else failed(words)


CHECKS: Final = (
    Check("C7", "does not retry a partial success", _is_final(Answer.partial(_REJECTED, "too old"))),
    Check("C7", "takes an empty partial success for a success", _is_final(Answer.partial(0))),
    Check("C7", "takes a warning for a success", _is_final(Answer.partial(0, "deprecated field"))),
    Check("C7", "counts or reports what a partial success refused", _records, level="SHOULD"),
)  # fmt: skip
