"""Metrics: the SDK collects, the official encoder encodes, our delivery delivers.

The SDK's metrics are only loaded when somebody asks for a meter: until then the global provider is
a light stand-in that makes the real one on the first question.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics
from opentelemetry.metrics import Meter, MeterProvider

from otbridge.context.suppression import suppressed
from otbridge.telemetry.decided import decided_already
from otbridge.wire.otlp_request import Envelope, split_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otbridge.telemetry.record import Put


__all__ = ["LazyMeterProvider", "install"]

_SEVERITY = 9


class LazyMeterProvider(MeterProvider):
    """The global meter provider; becomes the SDK's when a meter is asked for.

    OpenTelemetry lets it be set once in a process, so where metrics go is exchanged in it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._real: Any = None
        self._resource = b""
        self._interval_s = 60.0
        self._printed = False
        self.put: Put | None = None
        """Delivery's door; None throws metrics away."""
        self._on_made: Callable[[MeterProvider], None] | None = None

    def describe(
        self, resource: Mapping[str, Any], interval_s: float, *, printed: bool = False
    ) -> None:
        """Say who sends, and with what the SDK's provider is made when it is.

        The resource holds at once; interval and printing only until the provider is made.
        """
        self._resource = Envelope.of(resource, "").resource
        self._interval_s = interval_s
        self._printed = printed

    def when_made(self, do: Callable[[MeterProvider], None]) -> None:
        """Have *do* called with the SDK's provider when it is made, or now if it is already."""
        with self._lock:
            self._on_made = do
            real = self._real
        if real is not None:
            do(real)

    def forked(self, resource: Mapping[str, Any]) -> None:
        """Begin anew in a forked child, which is another process."""
        self._lock = threading.Lock()  # a thread of the parent may have held it
        self._resource = Envelope.of(resource, "").resource

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Meter:
        """Return a meter of the SDK."""
        with self._lock:
            made = self._real is None
            if made:
                self._real = self._make()
        if made and self._on_made is not None:
            self._on_made(self._real)
        meter: Meter = self._real.get_meter(name, version, schema_url, attributes)
        return meter

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Collect now and hand over; True where there is nothing to collect."""
        return self._real is None or bool(self._real.force_flush(timeout_millis))

    def _make(self) -> Any:
        from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider
        from opentelemetry.sdk.metrics.export import (
            ConsoleMetricExporter,
            MetricExporter,
            PeriodicExportingMetricReader,
        )
        from opentelemetry.sdk.resources import Resource

        from otbridge.telemetry.metric_exporter import DeliveryMetricExporter

        exporter: MetricExporter = DeliveryMetricExporter(self._take)
        if self._printed:
            exporter = ConsoleMetricExporter(out=sys.stderr)
        reader = PeriodicExportingMetricReader(
            exporter, export_interval_millis=self._interval_s * 1000
        )
        with decided_already():
            return SdkMeterProvider(
                # The real resource is put around each export, for it changes with `configure` and
                # after a fork, and the SDK's cannot.
                [reader],
                resource=Resource({}),
                shutdown_on_exit=False,
            )

    def _take(self, request: bytes) -> bool:
        put = self.put
        if put is None:
            return True
        with suppressed():
            taken = [
                put(Envelope(self._resource, envelope.scope), record, _SEVERITY)
                for envelope, record in split_request("metrics", request)
            ]
        return all(taken)


_provider: LazyMeterProvider | None = None


def install(
    resource: Mapping[str, Any],
    interval_s: float,
    put: Put | None,
) -> LazyMeterProvider | None:
    """Make metrics go to *put*; None prints them on standard error.

    Returns:
        Our provider; None where the program has set one of its own, which is left as it is:
        a reader can only be given to a provider when it is made.
    """
    global _provider
    if _provider is None:
        existing = metrics.get_meter_provider()
        # The API's stand-in is private; it is the only one that lives in the API itself.
        if not type(existing).__module__.startswith("opentelemetry.metrics"):
            return None
        _provider = LazyMeterProvider()
        metrics.set_meter_provider(_provider)
    _provider.describe(resource, interval_s, printed=put is None)
    _provider.put = put
    return _provider
