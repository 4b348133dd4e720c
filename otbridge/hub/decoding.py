"""An OTLP request as the batch that is shown and stored: when it comes, and again from the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.hub.open_spans import (
    may_have_pending_spans,
    separate_open_spans,
    separate_pending_spans,
)
from otbridge.wire.rows import Batch, Request

if TYPE_CHECKING:
    from otbridge.typing import Signal

__all__ = ["decode", "records_of"]


def decode(
    signal: Signal,
    request: bytes,
    received_ns: int,
    checked: bool = False,
) -> tuple[Batch, list[str]]:
    """Return the rows of an Export…ServiceRequest, and a word for each record that is refused.

    The same arguments give the same rows, and so does what was *checked* when it was decoded before
    without an error, in less time.

    Raises:
        MalformedData: The request is not OTLP.
        LimitExceeded: It holds more than the hub takes.
    """
    from otbridge.wire import otlp_rows

    source = Request(signal, request, received_ns)
    if signal == "traces":
        spans, rejected = otlp_rows.decode_traces(request, received_ns, checked=checked)
        if not may_have_pending_spans(request):
            return Batch(spans=spans, request=source), rejected
        spans, open_spans = separate_pending_spans(spans)
        return Batch(spans=spans, open_spans=open_spans, request=source), rejected
    if signal == "logs":
        rows, rejected = otlp_rows.decode_logs(request, received_ns)
        logs, open_spans = separate_open_spans(rows)
        return Batch(logs=logs, open_spans=open_spans, request=source), rejected
    metrics, rejected = otlp_rows.decode_metrics(request, received_ns)
    return Batch(metrics=metrics, request=source), rejected


def records_of(batch: Batch) -> int:
    """Return how many records of a request are in *batch*; beginnings of spans are none."""
    return len(batch.spans or batch.logs or batch.metrics)
