"""How spans get from the SDK into delivery."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import Link, SpanContext, TraceFlags

import otbridge
from otbridge.config import Config
from otbridge.telemetry import traces
from otbridge.telemetry.sampling import make_sampler
from otbridge.telemetry.traces import Switch
from otbridge.testing import OtlpReceiver
from otbridge.testing.capture import capture


def test_spans_of_any_instrumentation_arrive_with_their_scope_and_resource() -> None:
    with OtlpReceiver() as receiver, otbridge.configure(
        "shop", version="1.2", environment="test", endpoint=receiver.http_url, console="off"
    ):  # fmt: skip
        tracer = trace.get_tracer("some.library", "3.4", attributes={"a": 1})
        link = Link(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1)), {"why": "x"})
        with tracer.start_as_current_span("GET", kind=trace.SpanKind.CLIENT, links=[link]) as span:
            span.add_event("sent", {"bytes": 3})
        otbridge.flush()
        (resource,) = receiver.resource_spans
    facts = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert facts["service.name"] == "shop"
    assert facts["service.version"] == "1.2"
    assert facts["deployment.environment.name"] == "test"
    assert facts["telemetry.distro.name"] == "otbridge"
    assert facts["service.instance.id"]
    scope = resource.scope_spans[0].scope
    assert (scope.name, scope.version, scope.attributes[0].key) == ("some.library", "3.4", "a")
    arrived = resource.scope_spans[0].spans[0]
    assert (arrived.name, arrived.kind) == ("GET", 3)
    assert arrived.events[0].name == "sent"
    assert arrived.links[0].span_id == (2).to_bytes(8, "big")


def test_a_second_configuration_takes_over_and_changes_the_resource() -> None:
    for name in ("first", "second"):
        with capture(service=name) as seen:
            with otbridge.span("work"):
                pass
            assert seen.resource["service.name"] == name
            assert [span.name for span in seen.spans] == ["work"]


def test_unsampled_spans_are_neither_sent_nor_in_the_way_of_logs() -> None:
    with capture(sample=0) as seen, otbridge.span("work"):
        otbridge.get_logger("x").info("still here")
    assert seen.spans == []
    assert seen.log("still here").trace_id


def test_a_parents_decision_is_stronger_than_the_share() -> None:
    parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    from otbridge.context.propagation import continued

    with capture(sample=0) as seen, continued(parent), otbridge.span("work"):
        pass
    assert seen.span("work").parent_id == "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("settings", "described"),
    [
        ({}, "ParentBased{root:AlwaysOnSampler"),
        ({"sample": 0.5}, "ParentBased{root:TraceIdRatioBased{0.5}"),
        ({"traces_sampler": "always_off"}, "AlwaysOffSampler"),
        ({"traces_sampler": "always_on", "sample": 0.1}, "AlwaysOnSampler"),
        ({"traces_sampler": "traceidratio", "traces_sampler_arg": 0.25}, "TraceIdRatioBased{0.25}"),
        ({"traces_sampler": "parentbased_always_off"}, "ParentBased{root:AlwaysOffSampler"),
        ({"traces_sampler": "parentbased_traceidratio", "traces_sampler_arg": 0.5},
         "ParentBased{root:TraceIdRatioBased{0.5}"),
    ],
)  # fmt: skip
def test_the_sampler_is_the_one_that_the_settings_name(settings: Any, described: Any) -> None:
    assert make_sampler(Config(**settings)).get_description().startswith(described)


@pytest.fixture
def foreign_provider(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A provider that the program has set up itself, and the spans it has exported itself."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "theirs"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return provider, exporter


def test_an_existing_provider_is_used_and_keeps_its_exporters_and_its_resource(
    foreign_provider: Any,
) -> None:
    provider, exporter = foreign_provider
    for _ in range(2):  # configuring again must not double anything
        with (
            OtlpReceiver() as receiver,
            otbridge.configure("ours", endpoint=receiver.http_url, console="off"),
        ):
            with otbridge.span("work"):
                pass
            assert not otbridge.flush(20).timed_out
            assert [span.name for span in receiver.spans] == ["work"]
            attributes = receiver.resource_spans[0].resource.attributes
            assert ("service.name", "theirs") in [
                (each.key, each.value.string_value) for each in attributes
            ]
    assert trace.get_tracer_provider() is provider
    assert [span.name for span in exporter.get_finished_spans()] == ["work", "work"]


def test_a_provider_that_takes_no_processors_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", trace.NoOpTracerProvider())
    with capture(), otbridge.span("work"):
        pass
    assert "NoOpTracerProvider, which takes no span processors" in capsys.readouterr().err


def test_our_own_fault_is_said_once_and_never_raised(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: Any) -> bool:
        raise RuntimeError("bug")

    processor = traces.DeliverySpanProcessor(
        broken, resource={"service.name": "x"}, redactor=None, live=None, report=print
    )
    provider = TracerProvider()
    provider.add_span_processor(processor)
    for _ in range(3):
        provider.get_tracer("t").start_span("s").end()
    assert capsys.readouterr().out == "a span was lost to RuntimeError: bug; please report this\n"


def test_spans_carry_the_correlation_id_in_force() -> None:
    with capture() as seen, otbridge.correlation("req-1"), otbridge.span("work"):
        pass
    assert seen.span("work").attributes["correlation.id"] == "req-1"


def test_new_targets_wait_for_who_is_about_to_put_back_the_old_ones() -> None:
    """A thread that has found out that nobody wants beginnings may be slow to say so."""
    switch = Switch()
    looking, go_on = threading.Event(), threading.Event()
    ended: list[str] = []

    class Target(SpanProcessor):
        name = "today"

        @property
        def on_end(self) -> Any:
            if threading.current_thread() is late:
                looking.set()
                go_on.wait(20)
            return lambda _: ended.append(self.name)

    late = threading.Thread(target=switch.arrange)
    yesterday, today = Target(), Target()
    yesterday.name = "yesterday"
    switch.targets = (yesterday,)
    late.start()
    assert looking.wait(20)
    exchange = threading.Thread(target=setattr, args=(switch, "targets", (today,)))
    exchange.start()
    exchange.join(0.2)
    assert exchange.is_alive()  # else the late one would put back what it has seen
    go_on.set()
    exchange.join(20)
    late.join(20)
    switch.on_end(ReadableSpan("work"))  # type: ignore[no-untyped-call,unused-ignore]
    assert ended == ["today"]


def test_who_rearranges_with_targets_of_yesterday_looks_again() -> None:
    """A thread that is late must not send spans to where nobody delivers them any more."""
    switch = Switch()
    today = SpanProcessor()

    class Yesterday(SpanProcessor):
        @property
        def on_end(self) -> Any:
            if switch.targets != (today,):
                switch.targets = (today,)
            return lambda span: pytest.fail(f"{span} went to yesterday's")

    switch.targets = (Yesterday(),)
    switch.on_end(ReadableSpan("work"))  # type: ignore[no-untyped-call,unused-ignore]
    assert switch.targets == (today,)
