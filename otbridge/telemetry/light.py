"""A tracer provider that costs a third of the SDK's and means the same.

It is the SDK's provider with tracers of our own: samplers, span processors, limits, id generators
and the resource are the SDK's, and so is the type of its spans. What is left out is what a span of
the common kind never needs: a lock, a copy of itself when it ends, a bounded container for events
that do not happen, a generator for a `with` statement.

It is chosen by the setting `tracer`.
"""

from __future__ import annotations

from random import getrandbits
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.sdk.trace import SpanLimits, Tracer, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    DEFAULT_TRACE_STATE,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    get_current_span,
)

from otbridge.telemetry.current_span import SPAN_KEY, CurrentSpan, starter
from otbridge.telemetry.light_span import LightSpan, cleaned
from otbridge.telemetry.sampling import RandomIds, SwitchSampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import Link, Span
    from opentelemetry.util.types import Attributes

__all__ = ["LightTracer", "LightTracerProvider"]

_SAMPLED: Final = int(TraceFlags.SAMPLED)
_RANDOM: Final = int(getattr(TraceFlags, "RANDOM_TRACE_ID", 0))
"""Newer versions of the API tell whether a trace id is random."""
_RANDOM_IDS: Final = frozenset({RandomIdGenerator, RandomIds})
"""Generators that come to random bits: those are made here, without a call."""
_new: Final = tuple.__new__
_blank: Final = object.__new__
_FLAGS: Final = tuple(TraceFlags(number) for number in range(4))


class LightTracerProvider(TracerProvider):
    """The SDK's provider, with light tracers.

    Args:
        span_limits: The SDK's limits; from the environment by default.
        settings: As for the SDK's provider.
    """

    def __init__(self, *, span_limits: SpanLimits | None = None, **settings: Any) -> None:
        self.limits: Final = span_limits or SpanLimits()
        super().__init__(span_limits=self.limits, **settings)
        self._light: dict[InstrumentationScope, LightTracer] = {}

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> trace.Tracer:
        """Return the tracer of an instrumentation scope; the same one every time."""
        scope = InstrumentationScope(
            instrumenting_module_name or "",
            instrumenting_library_version or "",
            schema_url,
            attributes,
        )
        known = self._light.get(scope)
        if known is None:
            made = super().get_tracer(
                instrumenting_module_name, instrumenting_library_version, schema_url, attributes
            )
            if not isinstance(made, Tracer):  # the SDK is switched off by the environment
                return made
            known = self._light.setdefault(scope, LightTracer(made, scope, self.limits))
        return known


class LightTracer(trace.Tracer):
    """Begins light spans.

    Args:
        made: The SDK's tracer for the same scope: it knows sampler, processor and resource.
        scope: What its spans are said to come from.
        limits: What a span may hold.
    """

    def __init__(self, made: Tracer, scope: InstrumentationScope, limits: SpanLimits) -> None:
        self.made: Final = made
        vars(self)["start_as_current_span"] = starter(self.start_span)
        self.instrumentation_scope: Final = scope
        self.instrumentation_info: Final = made.instrumentation_info
        self.limits: Final = limits
        self._most = limits.max_span_attributes
        self._longest = limits.max_span_attribute_length
        self.sampler: Final = made.sampler
        self.span_processor: Final = made.span_processor
        self.id_generator: Final = made.id_generator
        self._follows = made.sampler if isinstance(made.sampler, SwitchSampler) else None
        self._ids = None if type(made.id_generator) in _RANDOM_IDS else made.id_generator
        is_random = getattr(made.id_generator, "is_trace_id_random", None)
        self._random = _RANDOM if is_random is not None and is_random() else 0
        self._ending = getattr(made.span_processor, "_on_ending", None)
        self.switch: Final = (
            made.span_processor if hasattr(made.span_processor, "is_alone") else None
        )

    @property
    def resource(self) -> Resource:
        """What describes this process; another one after a fork."""
        return self.made.resource

    def start_span(  # noqa: PLR0917 - the API's signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """Begin a span, as a child of the one in *context* or the current one."""
        current = (get_current() if context is None else context).get(SPAN_KEY)
        parent: SpanContext | None
        if current is None:
            parent = None
        elif type(current) is LightSpan:
            parent = current._context  # noqa: SLF001 - ours
        else:
            parent = get_current_span(context).get_span_context()
        ids = self._ids
        flags: int = _SAMPLED | self._random
        if parent is not None and parent.is_valid:
            trace_id, _, _, flags, state, _ = parent
        else:
            parent, state = None, DEFAULT_TRACE_STATE
            trace_id = (getrandbits(128) or 1) if ids is None else ids.generate_trace_id()
        recorded = sampled = flags & _SAMPLED
        if self._follows is None or not self._follows.follows_parent:
            result = self.sampler.should_sample(context, trace_id, name, kind, attributes, links)
            sampled = _SAMPLED if result.decision is Decision.RECORD_AND_SAMPLE else 0
            recorded = sampled or result.decision is Decision.RECORD_ONLY
            attributes, state = result.attributes, result.trace_state or DEFAULT_TRACE_STATE
        span_id = (getrandbits(64) or 1) if ids is None else ids.generate_span_id()
        # The tuple that its type says it is; its constructor would check ids that we have made.
        own = _new(
            SpanContext,
            (trace_id, span_id, False, _FLAGS[sampled | flags & _RANDOM], state, True),
        )
        if not recorded:
            return NonRecordingSpan(own)
        dropped = 0
        kept: dict[str, Any] = {}
        shape: tuple[Any, ...] | None = ()
        if attributes:
            kept, dropped, shape = cleaned(attributes, self._most, self._longest)
        span = _blank(LightSpan)
        span.begin(
            self, name, own, parent, kind, kept, shape,
            time_ns() if start_time is None else start_time,
        )  # fmt: skip
        if dropped or links or not (record_exception and set_status_on_exception):
            span.begin_with(links or (), dropped, record_exception, set_status_on_exception)
        self.span_processor.on_start(span, parent_context=context)
        return span

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> CurrentSpan:  # type: ignore[override]  # the API names a private type
        """Return a context manager, and decorator, in which a span is the current one."""
        return starter(self.start_span)(*args, **kwargs)

    def ending(self, span: LightSpan) -> None:
        """Let processors do what they do just before a span ends.

        That is experimental in the SDK; no processor of ours makes use of it.
        """
        if self._ending is not None:
            self._ending(span)
