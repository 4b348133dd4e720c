"""S7, S8: what is said of records that were not taken, or not liked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed
from otbridge.testing.conform.server.check import Check
from otbridge.testing.conform.server.checks.values import referring
from otbridge.testing.conform.server.requests import new_trace_id, span, traces

if TYPE_CHECKING:
    from otbridge.testing.conform.server.answer import Answer
    from otbridge.testing.conform.server.check import Bench

__all__ = ["CHECKS", "mixed"]

_GOOD: Final = 3
_BAD: Final = 2


def mixed(bench: Bench) -> Answer:
    """Return the answer to a request of three spans and two that have no valid id."""
    return _mixed(bench)[1]


def _mixed(bench: Bench) -> tuple[bytes, Answer]:
    def send() -> tuple[bytes, Answer]:
        trace_id = new_trace_id()
        spans = [span(trace_id) for _ in range(_GOOD)]
        spans += [span(trace_id, span_id=b"bad") for _ in range(_BAD)]
        return trace_id, bench.export("traces", traces(*spans).SerializeToString())

    return bench.once("mixed", send)


def _counts(bench: Bench) -> Finding:
    answer = mixed(bench)
    if answer.partial is None:
        return not_applicable(f"it rejects no single record: {answer.words}")
    # Whoever rejects the lot may say so, too.
    honest = answer.rejected in (_BAD, _GOOD + _BAD)
    return (passed if honest else failed)(f"{answer.words}, of {_BAD} bad and {_GOOD} good ones")


def _explains(bench: Bench) -> Finding:
    partial = mixed(bench).partial
    if partial is None or not partial.rejected:
        return not_applicable(f"it rejects no single record: {mixed(bench).words}")
    return (passed if partial.message.strip() else failed)(mixed(bench).words)


def _adds_up(bench: Bench) -> Finding:
    trace_id, answer = _mixed(bench)
    if not answer.accepted:
        return not_applicable(f"it refuses the whole request: {answer.words}")
    stored = len(bench.inside.spans(trace_id))
    honest = stored == _GOOD + _BAD - answer.rejected
    return (passed if honest else failed)(f"{answer.words}; {stored} of {_GOOD + _BAD} are stored")


def _warns_with_words(bench: Bench) -> Finding:
    answer = referring(bench)
    partial = answer.partial
    if partial is None or partial.rejected:
        return not_applicable("it gives no warning where it might")
    return (passed if partial.message.strip() else failed)(answer.words)


CHECKS: Final = (
    Check("S7", "counts the spans that it rejects", _counts, signal="traces"),
    Check("S7", "says why it rejects them", _explains, level="SHOULD", signal="traces"),
    Check("S7", "has stored all others", _adds_up, signal="traces", inside=True),
    Check("S8", "gives no warning without words", _warns_with_words),
)
"""In the order in which they are reported."""
