"""Spans: from the SDK's tracer provider into our delivery.

OpenTelemetry lets the global provider be set once in a process, so what is ours in it is a switch:
`Switch` and `SwitchSampler` stay, and what they pass on to is exchanged by `otbridge.configure`.
A provider that is there already is not replaced: the switch is added to it.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import (
    SpanProcessor,
    SynchronousMultiSpanProcessor,
    TracerProvider,
)

from otbridge.telemetry.current_span import SdkTracerProvider
from otbridge.telemetry.decided import decided_already
from otbridge.telemetry.redacted import redacted
from otbridge.telemetry.sampling import RandomIds, SwitchSampler
from otbridge.telemetry.span_bytes import severity_of, take_plain_spans
from otbridge.wire.otlp_request import Envelope
from otbridge.wire.otlp_spans import encode_span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

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
    "uninstall",
]

_MOST_CACHED: Final = 4096


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
        plain = take_plain_spans(put, redactor, self._envelope, self.on_end)
        vars(self)["on_end"] = plain.on_end
        self._forget = plain.forget
        self._live = live
        self._report = report
        self._reported = False
        self._envelopes: dict[int, tuple[Any, Any, Envelope]] = {}
        if live is None:
            self._stop_telling()
        else:
            live.when_unwanted(self._stop_telling)

    def set_resource(self, resource: Mapping[str, Any]) -> None:
        """Describe the process anew, after a fork."""
        if self._resource is not None:
            self._resource = resource
        self._envelopes.clear()
        self._forget()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's signature
        """Tell a hub that *span* has begun."""
        live = self._live
        if live is None or not live.wanted or not span.get_span_context().trace_flags.sampled:
            return
        try:
            envelope = self._envelope(span.instrumentation_scope, span.resource)
            live.started(span, envelope)
        except Exception as error:  # noqa: BLE001 - a span never raises for our sake
            self._failed(error)

    def on_end(self, span: ReadableSpan) -> None:
        """Encode *span* and hand it over; the long way, for plain spans do not come here."""
        try:
            if span.context is not None and span.context.trace_flags.sampled:
                envelope = self._envelope(span.instrumentation_scope, span.resource)
                self._put(envelope, encode_span(self._seen(span)), severity_of(span.status))
        except Exception as error:  # noqa: BLE001 - a span never raises for our sake
            self._failed(error)

    def _stop_telling(self) -> None:
        vars(self)["on_start"] = super().on_start  # nothing to do, and seen to be nothing
        _host.arrange()
        _guest.arrange()

    def _seen(self, span: ReadableSpan) -> Any:
        return span if self._redactor is None else redacted(span, self._redactor)

    def _envelope(self, scope: InstrumentationScope | None, resource: Resource) -> Envelope:
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
            show(span if self._redactor is None else redacted(span, self._redactor))
        except Exception:  # noqa: BLE001 - a line less on the console harms nobody; delivery counts
            pass


_arranging = threading.RLock()
"""Held while a switch finds out who is to be called."""


class Switch(SynchronousMultiSpanProcessor):
    """What is ours in a provider: passes on to whatever is configured now.

    And then to the processors that the program has added, where it is the provider's own one.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call,unused-ignore]  # typed in newer SDKs
        self._added: tuple[SpanProcessor, ...] = ()
        self.is_alone = True
        """Whether no processors have been added."""
        self.targets = ()

    @property
    def targets(self) -> tuple[SpanProcessor, ...]:
        """Where spans go first, in that order."""
        return self._targets

    @targets.setter
    def targets(self, targets: tuple[SpanProcessor, ...]) -> None:
        self._targets = targets
        self.arrange()

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Let spans go to *span_processor*, too."""
        super().add_span_processor(span_processor)
        self._added += (span_processor,)
        self.arrange()

    def arrange(self) -> None:
        """Find out who is to be called.

        Each hop of a span costs half a microsecond, so nobody is called who would do nothing, and
        where only one is left, it stands here in person.

        Threads that find out that nobody wants beginnings come here, too, late perhaps and with
        targets of yesterday; so one thread at a time does this. A signal handler may come in
        between all the same, on the same thread; so each looks once more when it is done.
        """
        everybody: tuple[SpanProcessor, ...] | None = None
        with _arranging:
            while everybody != (now := (*self._targets, *self._added)):
                everybody = now
                self.is_alone = not self._added
                self._starting = _doing(everybody, "on_start")
                self._ending = _doing(everybody, "on_end")
                for name, doing in (("on_start", self._starting), ("on_end", self._ending)):
                    vars(self).pop(name, None)
                    if len(doing) == 1:
                        vars(self)[name] = doing[0]

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Pass on, in order."""
        for start in self._starting:
            start(span, parent_context=parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Pass on, in order."""
        for end in self._ending:
            end(span)


def _doing(processors: Sequence[SpanProcessor], name: str) -> list[Callable[..., None]]:
    """Return the methods of this name that are more than the base class's, which does nothing."""
    nothing = getattr(SpanProcessor, name)
    methods = [getattr(processor, name) for processor in processors]
    return [method for method in methods if getattr(method, "__func__", None) is not nothing]


_host: Final = Switch()
"""The processor of the provider that we have made."""
_guest: Final = Switch()
"""The one that is added to other people's providers."""
_sampler: Final = SwitchSampler()


def _in_forked_child() -> None:
    """Do what a thread of the parent may have been in the middle of: it is not here to go on."""
    global _arranging
    _arranging = threading.RLock()
    for switch in (_host, _guest):
        switch.arrange()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_in_forked_child)

_providers: list[Any] = []
# Providers that have the switch; there is no way to take a processor out of one again.


def install(
    resource: Mapping[str, Any],
    sampler: Sampler,
    report: Callable[[str], None],
    *,
    light: bool = False,
) -> bool:
    """Put the switch into the global provider, making one where there is none.

    Args:
        resource: Attributes of this process's resource.
        sampler: Decides what is kept, where the provider is of our making.
        report: Told, in one sentence, why spans are not delivered.
        light: Whether a provider that we make has our own tracers. OpenTelemetry lets the provider
            be set once in a process, so only the first choice counts.

    Returns:
        Whether the provider is of our making.
    """
    _sampler.target = sampler
    provider: Any = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        kind: type[TracerProvider] = SdkTracerProvider
        if light:
            from otbridge.telemetry.light import LightTracerProvider

            kind = LightTracerProvider
        with decided_already():
            provider = kind(
                id_generator=RandomIds(),
                sampler=_sampler,
                resource=Resource(dict(resource)),
                shutdown_on_exit=False,
                active_span_processor=_host,
            )
        trace.set_tracer_provider(provider)
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
    provider.add_span_processor(_guest)
    _providers.append(provider)
    return False


def connect(targets: Sequence[SpanProcessor]) -> None:
    """Let spans go to *targets* from now on, in that order."""
    _host.targets = _guest.targets = tuple(targets)


def uninstall() -> None:
    """Let spans go nowhere."""
    connect(())
