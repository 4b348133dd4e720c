"""Log records of an SDK that somebody else has set up, over our delivery.

The only module here that knows OpenTelemetry's logs API and SDK, which are still to change: both
stand in modules with an underscore in front. `OTEL_LOGS_EXPORTER=otbridge` makes the exporter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import _logs
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

from otbridge.context.suppression import is_suppressed
from otbridge.telemetry import outlets
from otbridge.wire.otlp_logs import encode_context, encode_log_record
from otbridge.wire.otlp_request import Envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord

    from otbridge.processors.redact import Redactor

    Record = ReadableLogRecord | ReadWriteLogRecord

__all__ = ["OtbridgeLogRecordExporter", "OtbridgeLogRecordProcessor"]

_MOST_CACHED: Final = 4096
_SHUTDOWN_MILLIS: Final = 3000
"""As long as otbridge itself takes by default to end (`exit_timeout`)."""


class OtbridgeLogRecordProcessor(LogRecordProcessor):
    """For `add_log_record_processor` of any `LoggerProvider`; better than the exporter in code.

    Nothing waits in a second queue. Each record keeps its provider's resource.

    Args:
        settings: Arguments of `otbridge.configure`, e.g. `endpoint`; where otbridge is configured
            by the program itself, that counts.
    """

    def __init__(self, **settings: Any) -> None:
        outlets.use("logs", settings, _flush_provider)
        self._envelopes: dict[tuple[int, int], tuple[Any, Any, Envelope]] = {}
        self._reported = False

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Hand *log_record* over. Never raises, never waits."""
        if not is_suppressed():
            self.take(log_record)

    def take(self, record: Record) -> None:
        """Encode *record* and hand it over."""
        current = outlets.outlet("logs")
        if current is None:
            return
        try:
            number = record.log_record.severity_number
            severity = 0 if number is None else number.value
            encoded = _encoded(record, severity, current.redactor)
            current.put(self._envelope(record), encoded, severity)
        except Exception as error:  # noqa: BLE001 - a log call never raises for our sake
            if not self._reported:  # once: the same fault would repeat with every record
                self._reported = True
                current.report(
                    f"a log record was lost to {type(error).__name__}: {error}; please report this"
                )

    def shutdown(self) -> None:
        """Deliver what waits, as far as that takes a few seconds; delivery itself goes on."""
        self.force_flush(_SHUTDOWN_MILLIS)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what waits; return whether that was done in time."""
        current = outlets.outlet("logs")
        return current is None or not current.flush(timeout_millis / 1000).timed_out

    def _envelope(self, record: Record) -> Envelope:
        scope, resource = record.instrumentation_scope, record.resource
        key = id(scope), id(resource)
        known = self._envelopes.get(key)
        if known is not None and known[0] is scope and known[1] is resource:
            return known[2]
        if len(self._envelopes) >= _MOST_CACHED:
            self._envelopes.clear()
        made = Envelope.of(
            {} if resource is None else dict(resource.attributes),
            "" if scope is None else scope.name,
            "" if scope is None else scope.version or "",
            scope_attributes=None if scope is None else scope.attributes,
            resource_schema_url="" if resource is None else resource.schema_url,
            scope_schema_url="" if scope is None else scope.schema_url or "",
        )
        # The objects are kept beside it: an id alone may come again for another object.
        self._envelopes[key] = (scope, resource, made)
        return made


class OtbridgeLogRecordExporter(LogRecordExporter):
    """For an SDK that makes its exporters by name: entry point `otbridge`.

    A success means that our delivery has the records, which then queues, retries and accounts for
    them; not yet that they have arrived.

    Args:
        settings: As for `OtbridgeLogRecordProcessor`; what a configuration file says of the
            exporter.
    """

    def __init__(self, **settings: Any) -> None:
        self._processor = OtbridgeLogRecordProcessor(**settings)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Hand over. Never raises, never waits."""
        for record in batch:
            self._processor.take(record)
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        """Deliver what waits, as far as that takes a few seconds; delivery itself goes on."""
        self._processor.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what waits; return whether that was done in time."""
        return self._processor.force_flush(timeout_millis)


def _encoded(record: Record, severity: int, redactor: Redactor | None) -> bytes:
    content = record.log_record
    attributes: Any = content.attributes or {}
    body: Any = content.body
    if redactor is not None:
        attributes = redactor.attributes(attributes)
        body = redactor.value("body", body)
    context = b""
    if content.trace_id or content.span_id:
        context = encode_context(
            content.trace_id or 0, content.span_id or 0, int(content.trace_flags or 0)
        )
    return encode_log_record(
        content.timestamp or 0,
        content.observed_timestamp or 0,
        severity,
        content.severity_text or "",
        body,
        attributes,
        context,
        content.event_name or "",
        record.dropped_attributes,
    )


def _flush_provider(timeout_millis: int) -> None:
    provider: Any = _logs.get_logger_provider()
    if hasattr(provider, "force_flush"):  # the SDK's; the API's own stand-in has nothing to flush
        provider.force_flush(timeout_millis)
