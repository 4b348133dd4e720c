"""S12: ids that are all zero, or of the wrong length, are no ids."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed
from otbridge.testing.conform.server.answer import taken_whole
from otbridge.testing.conform.server.check import Check, all_of
from otbridge.testing.conform.server.requests import log_record, logs, span, traces

if TYPE_CHECKING:
    from otbridge.testing.conform.server.answer import Answer
    from otbridge.testing.conform.server.check import Bench

__all__ = ["CHECKS"]

_BAD_IDS: Final[dict[str, dict[str, Any]]] = {
    "no trace id": {"trace_id": b""},
    "a trace id of zeros": {"trace_id": bytes(16)},
    "a short trace id": {"trace_id": b"\x01" * 8},
    "a long trace id": {"trace_id": b"\x01" * 24},
    "no span id": {"span_id": b""},
    "a span id of zeros": {"span_id": bytes(8)},
    "a long span id": {"span_id": b"\x01" * 16},
}


def _refuses_spans(bench: Bench) -> Finding:
    return all_of((word, _judge(_sent(bench, ids))) for word, ids in _BAD_IDS.items())


def _sent(bench: Bench, ids: dict[str, Any]) -> Answer:
    return bench.export("traces", traces(span(**ids)).SerializeToString())


def _judge(answer: Answer) -> Finding:
    good = answer.refused or (answer.accepted and answer.rejected)
    return (passed if good else failed)(answer.words)


def _takes_logs(bench: Bench) -> Finding:
    return all_of(
        (word, taken_whole(bench.export("logs", _with(ids)))) for word, ids in _BAD_IDS.items()
    )


def _with(ids: dict[str, Any], text: str = "conform") -> bytes:
    valid = {"trace_id": os.urandom(16), "span_id": os.urandom(8)}
    return logs(log_record(text, **valid | ids)).SerializeToString()


def _without_trace(bench: Bench) -> Finding:
    word = f"conform{os.urandom(8).hex()}"
    answer = bench.export("logs", _with({"trace_id": b"\x01" * 8}, word))
    if not answer.accepted or answer.rejected:
        return not_applicable(answer.words)
    found = [record.get("trace_id") for record in bench.inside.logs(word)]
    return (passed if found == [None] else failed)(f"stored with the trace ids {found}")


CHECKS: Final = (
    Check(
        "S12",
        "refuses spans without valid ids, and says so",
        _refuses_spans,
        level="SHOULD",
        signal="traces",
    ),
    Check(
        "S12",
        "takes log records without valid ids",
        _takes_logs,
        level="SHOULD",
        signal="logs",
    ),
    Check(
        "S12",
        "stores such log records as belonging to no trace",
        _without_trace,
        level="SHOULD",
        signal="logs",
        inside=True,
    ),
)
"""In the order in which they are reported."""
