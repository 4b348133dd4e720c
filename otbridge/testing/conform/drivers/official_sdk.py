"""Sends with the official OpenTelemetry SDK and its OTLP exporters, at their defaults.

Its account is what its own metrics say (`otel.sdk.exporter.*.exported`, switched on for this).
"""

from __future__ import annotations

import os
from typing import Any

from otbridge.testing.conform.task import Account, Task

__all__: list[str] = []


def main() -> None:
    """Do the task."""
    os.environ["OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"] = "true"
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    task = Task.from_environment()
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader])
    providers: list[Any] = []
    emits = []
    for signal in task.signals:
        provider, emit = (_logs if signal == "logs" else _traces)(meters, task.text())
        providers.append(provider)
        emits.append(emit)
    for batch in range(task.batches):
        if batch:
            _flush(providers, task)
        for _ in range(task.records):
            for emit in emits:
                emit()
    task.hold()
    if task.flush:
        _flush(providers, task)
    for provider in providers:
        provider.shutdown()
    _account(reader.get_metrics_data(), task).tell()


def _flush(providers: list[Any], task: Task) -> None:
    for provider in providers:
        provider.force_flush(int(task.seconds * 1000))


def _logs(meters: Any, text: str) -> tuple[Any, Any]:
    from opentelemetry._logs import SeverityNumber
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    exporter: Any
    if _speaks_grpc("LOGS"):
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import (
            OTLPLogExporter as GrpcExporter,
        )

        exporter = GrpcExporter(meter_provider=meters)
    else:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

        exporter = OTLPLogExporter(meter_provider=meters)
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("conform")
    attributes = {"padding": text}
    return provider, lambda: logger.emit(
        severity_number=SeverityNumber.INFO, body="conform", attributes=attributes
    )


def _traces(meters: Any, text: str) -> tuple[Any, Any]:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter: Any
    if _speaks_grpc("TRACES"):
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
            OTLPSpanExporter as GrpcExporter,
        )

        exporter = GrpcExporter(meter_provider=meters)
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(meter_provider=meters)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("conform")
    attributes = {"padding": text}
    return provider, lambda: tracer.start_span("conform", attributes=attributes).end()


def _speaks_grpc(signal: str) -> bool:
    """Return what the SDK's own configuration would choose; its exporters are one class each."""
    of_signal = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL")
    return (of_signal or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")) == "grpc"


def _account(data: Any, task: Task) -> Account:
    delivered = failed = 0
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name.startswith("otel.sdk.exporter") and metric.name.endswith(
                    ".exported"
                ):
                    for point in metric.data.data_points:
                        if "error.type" in point.attributes:
                            failed += point.value
                        else:
                            delivered += point.value
    return Account(delivered, failed, task.total - delivered - failed)


if __name__ == "__main__":
    main()
