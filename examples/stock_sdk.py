"""Deliver with otbridge what an OpenTelemetry SDK of your own records."""

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from otbridge.telemetry.exporters_traces import OtbridgeSpanProcessor

provider = TracerProvider(resource=Resource.create({"service.name": "checkout"}))
provider.add_span_processor(OtbridgeSpanProcessor())
trace.set_tracer_provider(provider)

with trace.get_tracer(__name__).start_as_current_span("order"):
    print("ordered")
