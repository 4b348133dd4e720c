"""The SDK's exporter interface for metrics, over our delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricsData

__all__ = ["DeliveryMetricExporter"]


class DeliveryMetricExporter(MetricExporter):
    """Encodes what a reader has collected and hands it to delivery, which queues and retries.

    Args:
        take: Takes an `ExportMetricsServiceRequest`; False when some of it was not taken.
        temporality: By kind of instrument; the SDK's own choice, cumulative, where nothing is said.
    """

    def __init__(
        self,
        take: Callable[[bytes], bool],
        temporality: dict[type, AggregationTemporality] | None = None,
    ) -> None:
        super().__init__(preferred_temporality=temporality)
        self._take = take

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,  # noqa: ARG002 - as above
        **_more: Any,
    ) -> MetricExportResult:
        """Hand over; a success means that delivery has it, not yet that it has arrived."""
        taken = self._take(encode_metrics(metrics_data).SerializeToString())
        return MetricExportResult.SUCCESS if taken else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002 - as above
        """Do nothing: what was handed over is flushed with everything else."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_more: Any) -> None:
        """Do nothing: delivery has a life of its own."""
