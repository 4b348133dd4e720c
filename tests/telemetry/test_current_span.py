"""The `with` of the SDK's tracers, in a class of ours, does what the SDK's generators do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import get_current_span

from otbridge.telemetry.current_span import SdkTracerProvider

PROVIDERS = pytest.mark.parametrize("kind", [TracerProvider, SdkTracerProvider])


def tracer_of(kind: Any) -> tuple[Any, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = kind(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("t"), exporter


@PROVIDERS
def test_children_have_their_parent_and_the_context_is_given_back(kind: Any) -> None:
    tracer, exporter = tracer_of(kind)
    before = get_current_span()
    with tracer.start_as_current_span("outer") as outer:
        with tracer.start_as_current_span("inner", attributes={"n": 1}):
            pass
        assert get_current_span() is outer
    assert get_current_span() is before
    inner, ended = exporter.get_finished_spans()
    assert inner.parent is not None
    assert ended.context is not None
    assert inner.parent.span_id == ended.context.span_id
    assert dict(inner.attributes or {}) == {"n": 1}


@PROVIDERS
@pytest.mark.parametrize("record", [True, False])
def test_an_exception_is_noted_as_asked_and_goes_on(kind: Any, record: bool) -> None:
    tracer, exporter = tracer_of(kind)
    with (
        pytest.raises(ValueError, match="no"),
        tracer.start_as_current_span("work", record_exception=record),
    ):
        raise ValueError("no")
    (ended,) = exporter.get_finished_spans()
    assert [event.name for event in ended.events] == (["exception"] if record else [])
    assert ended.status.description == "ValueError: no"


@PROVIDERS
def test_a_span_that_is_not_to_end_with_its_block_does_not(kind: Any) -> None:
    tracer, exporter = tracer_of(kind)
    with tracer.start_as_current_span("work", end_on_exit=False) as span:
        pass
    assert span.is_recording()
    assert not exporter.get_finished_spans()


@PROVIDERS
def test_every_call_of_a_decorated_function_is_a_span(kind: Any) -> None:
    tracer, exporter = tracer_of(kind)

    def called() -> bool:
        return get_current_span().is_recording()

    async def awaited() -> bool:
        return called()

    plain = tracer.start_as_current_span("plain")(called)
    awaited_too = tracer.start_as_current_span("awaited")(awaited)
    assert plain()
    assert plain()
    assert asyncio.run(awaited_too())
    assert [span.name for span in exporter.get_finished_spans()] == ["plain", "plain", "awaited"]
