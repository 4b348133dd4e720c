"""Spans of an SDK that somebody else has set up, over our delivery.

`OTEL_TRACES_EXPORTER=otbridge` makes the exporter, behind a `BatchSpanProcessor`; in code the
processor is better: nothing waits in a second queue, which loses what is too much for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otbridge.telemetry import outlets
from otbridge.telemetry.traces import DeliverySpanProcessor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

__all__ = ["OtbridgeSpanExporter", "OtbridgeSpanProcessor"]


class OtbridgeSpanProcessor(SpanProcessor):
    """For `add_span_processor` of any `TracerProvider`. Each span keeps its provider's resource.

    Args:
        settings: Arguments of `otbridge.configure`, e.g. `endpoint`; where otbridge is configured
            by the program itself, that counts.
    """

    def __init__(self, **settings: Any) -> None:
        outlets.use("traces", settings, _flush_provider)
        self._outlet: outlets.Outlet | None = None
        self._delivery: DeliverySpanProcessor | None = None

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tell a hub that *span* has begun."""
        delivery = self._current()
        if delivery is not None:
            delivery.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Hand *span* over, if it is sampled."""
        delivery = self._current()
        if delivery is not None:
            delivery.on_end(span)

    def shutdown(self) -> None:
        """Deliver what waits, as far as that takes a few seconds; delivery itself goes on."""
        self.force_flush(_SHUTDOWN_MILLIS)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what waits; return whether that was done in time."""
        current = outlets.outlet("traces")
        return current is None or not current.flush(timeout_millis / 1000).timed_out

    def _current(self) -> DeliverySpanProcessor | None:
        current = outlets.outlet("traces")
        if current is not self._outlet:
            self._outlet = current
            self._delivery = None
            if current is not None:
                self._delivery = DeliverySpanProcessor(
                    current.put,
                    resource=None,
                    redactor=current.redactor,
                    live=current.live,
                    report=current.report,
                )
        return self._delivery


class OtbridgeSpanExporter(SpanExporter):
    """For an SDK that makes its exporters by name: entry point `otbridge`.

    A success means that our delivery has the spans, which then queues, retries and accounts for
    them; not yet that they have arrived.

    Args:
        settings: As for `OtbridgeSpanProcessor`; what a configuration file says of the exporter.
    """

    def __init__(self, **settings: Any) -> None:
        self._processor = OtbridgeSpanProcessor(**settings)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand over. Never raises, never waits."""
        for span in spans:
            self._processor.on_end(span)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Deliver what waits, as far as that takes a few seconds; delivery itself goes on."""
        self._processor.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what waits; return whether that was done in time."""
        return self._processor.force_flush(timeout_millis)


_SHUTDOWN_MILLIS = 3000
"""As long as otbridge itself takes by default to end (`exit_timeout`)."""


def _flush_provider(timeout_millis: int) -> None:
    provider: Any = trace.get_tracer_provider()
    if hasattr(provider, "force_flush"):  # the SDK's; the API's own stand-in has nothing to flush
        provider.force_flush(timeout_millis)
