"""Metrics of an SDK that somebody else has set up, over our delivery.

`OTEL_METRICS_EXPORTER=otbridge` makes the exporter, behind a `PeriodicExportingMetricReader`.
"""

from __future__ import annotations

import os
from typing import Any, Final

from opentelemetry import metrics
from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import AggregationTemporality

from otbridge.telemetry import outlets
from otbridge.telemetry.metric_exporter import DeliveryMetricExporter
from otbridge.wire.otlp_request import split_request

__all__ = ["OtbridgeMetricExporter"]

_SEVERITY: Final = 9
_SHUTDOWN_MILLIS: Final = 3000
"""As long as otbridge itself takes by default to end (`exit_timeout`)."""
_PREFERENCE: Final = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
_DELTA: Final[dict[str, tuple[type, ...]]] = {
    "delta": (Counter, Histogram, ObservableCounter),
    "lowmemory": (Counter, Histogram),
}
"""Instruments that a preference makes delta; all others are cumulative.
OTLP metrics exporter specification, "Additional environment variable configuration"."""
_INSTRUMENTS: Final = (
    *(Counter, Histogram, UpDownCounter),
    *(ObservableCounter, ObservableGauge, ObservableUpDownCounter),
)


class OtbridgeMetricExporter(DeliveryMetricExporter):
    """For an SDK that makes its exporters by name: entry point `otbridge`.

    A success means that our delivery has the metrics, not yet that they have arrived.

    Args:
        settings: Arguments of `otbridge.configure`, e.g. `endpoint`; where otbridge is configured
            by the program itself, that counts.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(_take, _temporality(os.environ.get(_PREFERENCE, "")))
        outlets.use("metrics", settings, _flush_provider)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Deliver what waits; return whether that was done in time."""
        current = outlets.outlet("metrics")
        return current is None or not current.flush(timeout_millis / 1000).timed_out

    def shutdown(self, timeout_millis: float = 30_000, **_more: Any) -> None:
        """Deliver what waits, as far as that takes a few seconds; delivery itself goes on."""
        self.force_flush(min(timeout_millis, _SHUTDOWN_MILLIS))


def _temporality(preference: str) -> dict[type, AggregationTemporality]:
    deltas = _DELTA.get(preference.strip().lower(), ())
    return {
        instrument: (
            AggregationTemporality.DELTA
            if instrument in deltas
            else AggregationTemporality.CUMULATIVE
        )
        for instrument in _INSTRUMENTS
    }


def _take(request: bytes) -> bool:
    current = outlets.outlet("metrics")
    if current is None:
        return True
    taken = [
        current.put(envelope, record, _SEVERITY)
        for envelope, record in split_request("metrics", request)
    ]
    return all(taken)


def _flush_provider(timeout_millis: int) -> None:
    provider: Any = metrics.get_meter_provider()
    if hasattr(provider, "force_flush"):  # the SDK's; the API's own stand-in has nothing to flush
        provider.force_flush(timeout_millis)
