from __future__ import annotations

from opentelemetry import metrics

import otbridge
from otbridge.telemetry.metrics import LazyMeterProvider
from otbridge.testing import OtlpReceiver


def test_a_counter_arrives_when_it_is_flushed() -> None:
    with OtlpReceiver() as receiver:
        with otbridge.configure("shop", endpoint=receiver.http_url, console="off"):
            metrics.get_meter("shop").create_counter("orders").add(2, {"kind": "x"})
            result = otbridge.flush()
        orders = next(each for each in receiver.metrics if each.name == "orders")
        resource = receiver.resource_metrics[0].resource.attributes
    assert orders.sum.data_points[0].as_int == 2
    assert ("service.name", "shop") in [(each.key, each.value.string_value) for each in resource]
    assert result.delivered >= 1
    assert not result.timed_out


def test_metrics_can_be_switched_off() -> None:
    with otbridge.configure("x", metrics=False, logs=False, traces=False, console="off"):
        metrics.get_meter("shop").create_counter("ignored").add(1)
        assert "metrics" not in otbridge.stats()


def test_the_sdk_is_not_made_before_somebody_asks_for_a_meter() -> None:
    provider = LazyMeterProvider()
    assert provider.force_flush()
    assert provider._real is None
