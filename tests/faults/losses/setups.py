"""Three ways to get `logging` records out by OTLP, each as its manual has it.

Runs in the environment of the SDK in question, so it imports nothing but that and the standard
library. The destination is in OTEL_EXPORTER_OTLP_ENDPOINT.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

Account = Callable[[], dict[str, int] | None]
"""Returns {"delivered": …, "failed": …, "waiting": …} as the SDK itself counts; None where it
does not."""


def official() -> Account:
    """Set up the official SDK with its OTLP/HTTP exporter and its own counting switched on."""
    os.environ["OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED"] = "true"
    from opentelemetry._logs import set_logger_provider
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    provider = LoggerProvider(meter_provider=meters)
    set_logger_provider(provider)
    exporter = OTLPLogExporter(meter_provider=meters)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, meter_provider=meters))
    _log_to(LoggingHandler(logger_provider=provider))
    return lambda: _official_account(reader.get_metrics_data())


def _official_account(data: Any) -> dict[str, int]:
    delivered = failed = 0
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    wrong = "error.type" in point.attributes
                    if metric.name == "otel.sdk.exporter.log.exported" and not wrong:
                        delivered += point.value
                    elif wrong and metric.name in {
                        "otel.sdk.exporter.log.exported",
                        "otel.sdk.processor.log.processed",
                    }:
                        failed += point.value
    return {"delivered": delivered, "failed": failed, "waiting": 0}


def logfire() -> Account:
    """Set up Logfire without its own cloud; the environment names the destination."""
    import logfire as sdk  # type: ignore[import-not-found]  # in an environment of its own

    sdk.configure(send_to_logfire=False, console=False, service_name="shop")
    _log_to(sdk.LogfireLoggingHandler())
    return lambda: None


def otbridge() -> Account:
    """Set up otbridge; it takes the standard library's records by itself."""
    import otbridge as sdk

    sdk.configure("shop", console="off", metrics=False)
    logging.getLogger().setLevel(logging.INFO)

    def account() -> dict[str, int]:
        ledger = sdk.stats()["logs"]
        return {
            "delivered": ledger.delivered,
            "failed": ledger.lost,
            "waiting": ledger.spooled + ledger.in_memory,
        }

    return account


def _log_to(handler: logging.Handler) -> None:
    # A handler of its own for what the SDK says about itself, as any program has one.
    said = logging.StreamHandler()
    said.setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, handlers=[handler, said])


SETUPS: dict[str, Callable[[], Account]] = {
    "official": official,
    "logfire": logfire,
    "otbridge": otbridge,
}
