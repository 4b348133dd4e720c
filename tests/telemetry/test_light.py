"""Spans of our own tracer are what the SDK's would have been."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import context, trace
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanLimits, SpanProcessor, TracerProvider, sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from otbridge.processors.redact import Redactor
from otbridge.telemetry.light import LightTracerProvider
from otbridge.telemetry.sampling import FollowParent, SwitchSampler
from otbridge.telemetry.traces import DeliverySpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.wire.otlp_request import Envelope

KINDS: list[type[TracerProvider]] = [TracerProvider, LightTracerProvider]


class Ids(IdGenerator):
    """The same ids for both."""

    def __init__(self) -> None:
        self._next = 0

    def generate_span_id(self) -> int:
        self._next += 1
        return self._next

    def generate_trace_id(self) -> int:
        self._next += 1
        return self._next << 64 | 7


class Twin:
    """A provider, what its processors saw, and what was delivered."""

    def __init__(self, kind: type[TracerProvider], **more: Any) -> None:
        self.records: list[bytes] = []
        self.exporter = InMemorySpanExporter()
        self.provider = kind(
            resource=Resource({"service.name": "shop"}),
            shutdown_on_exit=False,
            **({"id_generator": Ids(), "sampler": SwitchSampler()} | more),
        )
        delivery = DeliverySpanProcessor(
            self._put,
            resource=None,
            redactor=Redactor(),
            live=None,
            report=pytest.fail,
        )
        self.provider.add_span_processor(delivery)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("shop", "1.0", "http://schema", {"a": 1})

    def _put(self, _envelope: Envelope, record: bytes, _severity: int) -> bool:
        self.records.append(record)
        return True

    @property
    def delivered(self) -> list[Any]:
        spans = [ScopeSpans.FromString(record).spans[0] for record in self.records]
        for span in spans:
            for event in span.events:
                for pair in event.attributes:
                    if pair.key == "exception.stacktrace":
                        pair.value.string_value = "…"
        return spans

    @property
    def exported(self) -> list[Any]:
        found = [json.loads(span.to_json()) for span in self.exporter.get_finished_spans()]
        for span in found:
            for event in span["events"]:
                event["attributes"].pop("exception.stacktrace", None)
        return found


def alike(work: Callable[[Any], None], **more: Any) -> Twin:
    """Let both kinds do the same *work*; return the light one's outcome."""
    sdk, light = (Twin(kind, **more) for kind in KINDS)
    for twin in (sdk, light):
        work(twin.tracer)
    assert light.delivered == sdk.delivered
    assert light.exported == sdk.exported
    return light


VALUES = st.one_of(
    st.text(max_size=8), st.integers(), st.floats(allow_nan=False), st.booleans(), st.none(),
 st.lists(st.text(max_size=3), max_size=3), st.lists(st.integers()),
    st.dictionaries(st.text(max_size=3), st.integers()), st.just("Bearer abcdefghijkl"),
    st.just(SpanKind.CLIENT),
)  # fmt: skip
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["order_id", "user", "password", "", "url"]), VALUES, max_size=4
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set_attribute"), st.sampled_from(["a", "user", ""]), VALUES),
        st.tuples(st.just("set_attributes"), ATTRIBUTES),
        st.tuples(st.just("add_event"), st.sampled_from(["sent", "got"]), ATTRIBUTES, st.just(5)),
        st.tuples(
            st.just("add_link"),
            st.sampled_from([SpanContext(1, 2, is_remote=True), trace.INVALID_SPAN_CONTEXT]),
            ATTRIBUTES,
        ),
        st.tuples(st.just("update_name"), st.sampled_from(["new", "Bearer abcdefghijkl"])),
        st.tuples(
            st.just("set_status"),
            st.one_of(
                st.sampled_from(list(StatusCode)),
                st.builds(Status, st.just(StatusCode.ERROR), st.just("no funds")),
            ),
        ),
        st.tuples(st.just("end"), st.just(9)),
    ),
    max_size=6,
)
LIMITS = st.sampled_from(
    [SpanLimits(), SpanLimits(2, 2, 2, 2, 1, 1, 4, 4), SpanLimits(0, 0, 0, 0, 0, 0, 0, 0)]
)


@settings(max_examples=300)
@given(
    name=st.sampled_from(["work", "Bearer abcdefghijkl"]),
    kind=st.sampled_from(list(SpanKind)),
    attributes=st.one_of(st.none(), ATTRIBUTES),
    links=st.lists(st.just(Link(SpanContext(3, 4, is_remote=False), {"why": "x"})), max_size=3),
    steps=STEPS,
    limits=LIMITS,
)
def test_whatever_happens_to_a_span_it_is_the_same_in_the_end(  # noqa: PLR0917 - drawn by name
    name: str, kind: Any, attributes: Any, links: Any, steps: Any, limits: Any
) -> None:
    def work(tracer: Any) -> None:
        span = tracer.start_span(name, None, kind, attributes, links, start_time=1)
        for method, *arguments in steps:
            getattr(span, method)(*arguments)
        span.end(7)

    alike(work, span_limits=limits)


def test_nested_spans_have_the_same_parents_and_ids() -> None:
    def work(tracer: Any) -> None:
        with tracer.start_as_current_span("outer", start_time=1, end_on_exit=False) as outer:
            tracer.start_span("inner", start_time=2).end(3)
            outer.end(4)
        tracer.start_span("apart", context.Context(), start_time=5).end(6)

    assert [span["name"] for span in alike(work).exported] == ["inner", "outer", "apart"]


@pytest.mark.parametrize(("record", "status"), [(True, True), (False, True), (True, False)])
@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt("stop")])
def test_an_exception_that_leaves_a_with_block_is_told_in_the_same_way(
    error: BaseException, record: bool, status: bool
) -> None:
    def work(tracer: Any) -> None:
        block = tracer.start_as_current_span(
            "work", start_time=1, record_exception=record, set_status_on_exception=status
        )
        with pytest.raises(type(error)):
            fail_at(block, error)

    alike(work)


def test_a_span_is_itself_a_context_manager_as_the_sdks_is() -> None:
    def work(tracer: Any) -> None:
        with pytest.raises(ValueError, match="no"):
            fail_at(tracer.start_span("work", start_time=1), ValueError("no"))

    alike(work)


def fail_at(block: Any, error: BaseException) -> None:
    """Let *error* leave *block*, and fix the times of what that does to the span."""
    with block as span:
        add_event, end = span.add_event, span.end
        span.add_event = lambda name, attributes, timestamp: add_event(name, attributes, 2)
        span.end = lambda: end(3)
        raise error


@pytest.mark.parametrize(
    "sampler",
    [
        sampling.ALWAYS_ON, sampling.ALWAYS_OFF, sampling.TraceIdRatioBased(0.5),
        sampling.DEFAULT_OFF, FollowParent(sampling.ALWAYS_ON), FollowParent(sampling.ALWAYS_OFF),
    ],
    ids=lambda each: each.get_description()[:24],
)  # fmt: skip
@pytest.mark.parametrize("flags", [None, 0, 1, 3])
def test_samplers_decide_as_they_do_for_the_sdk(sampler: Any, flags: Any) -> None:
    contexts: list[Any] = []

    def work(tracer: Any) -> None:
        within = None
        if flags is not None:
            state = trace.TraceState([("vendor", "x")])
            parent = SpanContext(
                5, 6, is_remote=True, trace_flags=TraceFlags(flags), trace_state=state
            )
            within = trace.set_span_in_context(trace.NonRecordingSpan(parent))
        span = tracer.start_span("work", within, start_time=1)
        contexts.append((span.get_span_context(), span.is_recording()))
        span.end(2)

    alike(work, sampler=sampler)
    assert contexts[0] == contexts[1]


def test_a_sampler_of_the_programs_own_may_add_attributes_and_record_without_sampling() -> None:
    class Own(sampling.Sampler):
        def should_sample(self, *_: Any, **__: Any) -> Any:
            return sampling.SamplingResult(sampling.Decision.RECORD_ONLY, {"by": "own"})

        def get_description(self) -> str:
            return "own"

    def work(tracer: Any) -> None:
        span = tracer.start_span("work", attributes={"a": 1}, start_time=1)
        assert dict(span.attributes) == {"by": "own"}
        span.end(2)

    assert alike(work, sampler=Own()).records == []


def test_every_call_of_a_decorated_function_is_a_span() -> None:
    def work(tracer: Any) -> None:
        def plain() -> None:
            assert trace.get_current_span().is_recording()

        async def coroutine() -> None:
            await asyncio.sleep(0)
            assert trace.get_current_span().is_recording()

        decorated = tracer.start_as_current_span("plain")(plain)
        decorated()
        decorated()
        asyncio.run(tracer.start_as_current_span("async")(coroutine)())

    for kind in KINDS:
        twin = Twin(kind)
        work(twin.tracer)
        assert [span["name"] for span in twin.exported] == ["plain", "plain", "async"]


def test_processors_of_the_program_are_called_as_the_sdk_calls_them() -> None:
    class Seen(SpanProcessor):
        def __init__(self) -> None:
            self.calls: list[Any] = []

        def on_start(self, span: Span, parent_context: Any = None) -> None:
            assert isinstance(span, Span)
            span.set_attribute("at_start", True)
            self.calls.append(("start", parent_context is not None))

        def _on_ending(self, span: Span) -> None:
            self.calls.append("ending")

        def on_end(self, span: Any) -> None:
            self.calls.append(("end", dict(span.attributes)))

    calls = []
    for kind in KINDS:
        provider = kind(shutdown_on_exit=False)
        provider.add_span_processor(seen := Seen())
        provider.get_tracer("t").start_span("s", context.Context()).end()
        calls.append(seen.calls)
        provider.shutdown()
    assert calls[0] == calls[1]
    assert calls[1][-1] == ("end", {"at_start": True})


def test_a_tracer_is_the_same_one_for_the_same_scope() -> None:
    provider = LightTracerProvider(shutdown_on_exit=False)
    assert provider.get_tracer("a", "1") is provider.get_tracer("a", "1")
    assert provider.get_tracer("a", "1") is not provider.get_tracer("a", "2")


def test_the_setting_makes_it_the_global_provider() -> None:
    code = """
        import otbridge
        from opentelemetry import trace
        from otbridge.testing import OtlpReceiver
        with OtlpReceiver() as receiver:
            with otbridge.configure("x", endpoint=receiver.http_url, tracer="otbridge",
                                    console="off", metrics=False):
                print(type(trace.get_tracer_provider()).__name__)
                with otbridge.span("work", n=1), otbridge.correlation("req-1"):
                    with otbridge.span("inner"):
                        otbridge.get_logger("x").info("inside")
                otbridge.flush()
                spans = {span.name: span for span in receiver.spans}
                assert spans["inner"].parent_span_id == spans["work"].span_id
                assert receiver.logs[0].span_id == spans["inner"].span_id
                print(spans["inner"].attributes[-1].key)
    """
    import textwrap

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "LightTracerProvider\ncorrelation.id\n"
    assert done.stderr == ""
