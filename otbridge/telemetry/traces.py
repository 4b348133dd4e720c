"""Spans: from the SDK's tracer provider into our delivery.

OpenTelemetry lets the global provider be set once in a process, so what is ours in it is a switch:
`Switch` and `SwitchSampler` stay, and what they pass on to is exchanged by `otbridge.configure`.
A provider that is there already is not replaced: the switch is added to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider, sampling

from otbridge.telemetry.decided import decided_already
from otbridge.wire.otlp_request import Envelope
from otbridge.wire.otlp_spans import encode_span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

    from otbridge.config import Config
    from otbridge.processors.redact import Redactor
    from otbridge.telemetry.console import Console
    from otbridge.telemetry.live import LiveSpans
    from otbridge.telemetry.record import Put

__all__ = [
    "ConsoleSpanProcessor",
    "DeliverySpanProcessor",
    "Switch",
    "connect",
    "install",
    "make_sampler",
    "uninstall",
]

_MOST_CACHED: Final = 4096
_SEVERITY_OK: Final = 9
_SEVERITY_FAILED: Final = 17


class DeliverySpanProcessor(SpanProcessor):
    """Encodes each span when it ends and hands it to delivery; tells a hub when one begins.

    Args:
        put: Delivery's door.
        resource: This process's resource, for spans of our own provider; None takes each span's
            own, for a provider that somebody else has set up.
        redactor: Blanks out secrets; None leaves everything as it is.
        live: Told about each beginning; None when nobody is to be told.
        report: Told, in one sentence, when our own code failed on a span.
    """

    def __init__(
        self,
        put: Put,
        *,
        resource: Mapping[str, Any] | None,
        redactor: Redactor | None,
        live: LiveSpans | None,
        report: Callable[[str], None],
    ) -> None:
        self._put = put
        self._resource = resource
        self._redactor = redactor
        self._live = live
        self._report = report
        self._reported = False
        self._envelopes: dict[int, tuple[Any, Any, Envelope]] = {}

    def set_resource(self, resource: Mapping[str, Any]) -> None:
        """Describe the process anew, after a fork."""
        if self._resource is not None:
            self._resource = resource
        self._envelopes = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        """Tell a hub that *span* has begun."""
        if self._live is None or not span.get_span_context().trace_flags.sampled:
            return
        try:
            self._live.started(self._seen(span), self._envelope(span))
        except Exception as error:  # noqa: BLE001 - a span never raises for our sake
            self._failed(error)

    def on_end(self, span: ReadableSpan) -> None:
        """Encode *span* and hand it over."""
        context = span.context
        if context is None or not context.trace_flags.sampled:
            return
        try:
            failed = span.status.status_code is trace.StatusCode.ERROR
            severity = _SEVERITY_FAILED if failed else _SEVERITY_OK
            self._put(self._envelope(span), encode_span(self._seen(span)), severity)
        except Exception as error:  # noqa: BLE001 - a span never raises for our sake
            self._failed(error)

    def _seen(self, span: ReadableSpan) -> Any:
        return span if self._redactor is None else _redacted(span, self._redactor)

    def _envelope(self, span: ReadableSpan) -> Envelope:
        scope, resource = span.instrumentation_scope, span.resource
        known = self._envelopes.get(id(scope))
        if known is not None and known[0] is scope and known[1] is resource:
            return known[2]
        if len(self._envelopes) >= _MOST_CACHED:
            self._envelopes.clear()
        own = self._resource
        made = Envelope.of(
            dict(resource.attributes) if own is None else own,
            "" if scope is None else scope.name,
            "" if scope is None else scope.version or "",
            scope_attributes=None if scope is None else scope.attributes,
            resource_schema_url=resource.schema_url if own is None else "",
            scope_schema_url="" if scope is None else scope.schema_url or "",
        )
        # The objects are kept beside it: an id alone may come again for another object.
        self._envelopes[id(scope)] = (scope, resource, made)
        return made

    def _failed(self, error: Exception) -> None:
        if not self._reported:  # once: the same fault would repeat with every span
            self._reported = True
            self._report(f"a span was lost to {type(error).__name__}: {error}; please report this")


class _View:
    """A span as the encoder sees it, with some of its parts exchanged."""

    def __init__(self, span: Any, **exchanged: Any) -> None:
        self._span = span
        self.__dict__.update(exchanged)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._span, name)


def _redacted(span: ReadableSpan, redactor: Redactor) -> Any:
    """Return *span*, or a view of it without the secrets in its name, attributes, events, links."""
    changed: dict[str, Any] = {}
    name = redactor.text(span.name)
    if name is not span.name:
        changed["name"] = name
    attributes = span.attributes or {}
    clean = redactor.attributes(attributes)
    if clean is not attributes:
        changed["attributes"] = clean
    description = span.status.description
    if description and (shown := redactor.text(description)) is not description:
        changed["status"] = trace.Status(span.status.status_code, shown)
    for part in ("events", "links"):
        items = getattr(span, part)
        if items:
            cleaned = [_cleaned(item, redactor) for item in items]
            if any(new is not old for new, old in zip(cleaned, items, strict=True)):
                changed[part] = cleaned
    return _View(span, **changed) if changed else span


def _cleaned(item: Any, redactor: Redactor) -> Any:
    attributes = item.attributes or {}
    clean = redactor.attributes(attributes)
    return item if clean is attributes else _View(item, attributes=clean)


class ConsoleSpanProcessor(SpanProcessor):
    """Shows spans on the console as they begin and end."""

    def __init__(self, console: Console, redactor: Redactor | None) -> None:
        self._console = console
        self._redactor = redactor

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        """Show the beginning."""
        if span.get_span_context().trace_flags.sampled:
            self._show(self._console.span_started, span)

    def on_end(self, span: ReadableSpan) -> None:
        """Show the end."""
        self._show(self._console.span_ended, span)

    def _show(self, show: Callable[[Any], None], span: Any) -> None:
        try:
            show(span if self._redactor is None else _redacted(span, self._redactor))
        except Exception:  # noqa: BLE001 - a line less on the console harms nobody; delivery counts
            pass


class Switch(SpanProcessor):
    """The one processor of ours in a provider; passes on to whatever is configured now."""

    def __init__(self) -> None:
        self.targets: tuple[SpanProcessor, ...] = ()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Pass on, in order."""
        for target in self.targets:
            target.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Pass on, in order."""
        for target in self.targets:
            target.on_end(span)


class SwitchSampler(sampling.Sampler):
    """The sampler of our provider; asks whatever is configured now."""

    def __init__(self) -> None:
        self.target: sampling.Sampler = sampling.DEFAULT_ON

    def should_sample(self, *args: Any, **kwargs: Any) -> sampling.SamplingResult:
        """Ask the configured sampler."""
        return self.target.should_sample(*args, **kwargs)

    def get_description(self) -> str:
        """Return the configured sampler's description."""
        return self.target.get_description()


_switch: Final = Switch()
_sampler: Final = SwitchSampler()
_providers: list[Any] = []
# Providers that have the switch; there is no way to take a processor out of one again.


def make_sampler(config: Config) -> sampling.Sampler:
    """Return the sampler that *config* asks for; a parent's decision is always kept by default."""
    ratio = config.traces_sampler_arg
    match config.traces_sampler:
        case "always_on":
            return sampling.ALWAYS_ON
        case "always_off":
            return sampling.ALWAYS_OFF
        case "traceidratio":
            return sampling.TraceIdRatioBased(ratio)
        case "parentbased_always_off":
            return sampling.DEFAULT_OFF
        case "parentbased_traceidratio":
            return sampling.ParentBasedTraceIdRatio(ratio)
        case _:
            if config.sample >= 1 or config.traces_sampler:
                return sampling.DEFAULT_ON
            return sampling.ParentBasedTraceIdRatio(config.sample)


def install(
    resource: Mapping[str, Any], sampler: sampling.Sampler, report: Callable[[str], None]
) -> bool:
    """Put the switch into the global provider, making one where there is none.

    Returns:
        Whether the provider is of our making.
    """
    _sampler.target = sampler
    provider: Any = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        with decided_already():
            provider = TracerProvider(
                sampler=_sampler, resource=Resource(dict(resource)), shutdown_on_exit=False
            )
        trace.set_tracer_provider(provider)
        provider.add_span_processor(_switch)
        _providers.append(provider)
        return True
    if any(known is provider for known in _providers):
        return getattr(provider, "sampler", None) is _sampler
    if not hasattr(provider, "add_span_processor"):
        report(
            f"the global tracer provider is a {type(provider).__name__}, which takes no span "
            "processors: its spans are not delivered by otbridge"
        )
        return False
    provider.add_span_processor(_switch)
    _providers.append(provider)
    return False


def connect(targets: Sequence[SpanProcessor]) -> None:
    """Let spans go to *targets* from now on, in that order."""
    _switch.targets = tuple(targets)


def uninstall() -> None:
    """Let spans go nowhere."""
    _switch.targets = ()
