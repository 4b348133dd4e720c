"""Single parts of the runtime, each made from the settings."""

from __future__ import annotations

import logging
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from otbridge.errors import ConfigurationError
from otbridge.processors import enriching, finishing, surrounding, visiting
from otbridge.processors.service import service as service_processor
from otbridge.semconv import DEPLOYMENT_ENVIRONMENT, SERVICE_NAME, SERVICE_VERSION
from otbridge.telemetry.console import make_console

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.propagators.textmap import TextMapPropagator

    from otbridge._configure.delivery import Delivery
    from otbridge.config import Config, Destination
    from otbridge.delivery.pipeline import Pipeline
    from otbridge.processors.redact import Redactor
    from otbridge.telemetry.console import Console
    from otbridge.telemetry.health import Health
    from otbridge.telemetry.live import LiveSpans
    from otbridge.telemetry.metrics import LazyMeterProvider
    from otbridge.telemetry.record import Recorder
    from otbridge.telemetry.short import ShortWay
    from otbridge.typing import Processor, Signal, Sink

__all__ = [
    "adopt_structlog",
    "check_loguru",
    "console_for",
    "enriching_chain",
    "live_spans",
    "make_sink",
    "measure_delivery",
    "propagator_for",
    "release_structlog",
    "report",
    "sdk_takes_stdlib",
    "set_propagator",
    "short_way",
    "visiting_chain",
]


def report(sentence: str) -> None:
    """Say something about otbridge itself: on standard error, never as a log record."""
    who = "" if sentence.startswith("otbridge ") else "otbridge: "
    try:
        sys.stderr.write(f"{who}{sentence}\n")
    except (AttributeError, OSError, ValueError):  # no stream, or a closed one: nobody to tell
        pass


def make_sink(signal: Signal, destination: Destination) -> Sink:  # noqa: ARG001 - other makers tell signals apart
    """Return the sink that *destination* asks for; it connects with the first request."""
    common: dict[str, Any] = {
        "headers": destination.headers,
        "certificate": destination.certificate or None,
        "client_certificate": destination.client_certificate or None,
        "client_key": destination.client_key or None,
        "compression": destination.compression,
    }
    if destination.protocol == "grpc":
        from otbridge.sinks.otlp_grpc import OtlpGrpcSink

        # Without a scheme and without a word about it, a bare host:port means a machine nearby.
        insecure = destination.insecure is not False
        return OtlpGrpcSink(destination.endpoint, insecure=insecure, **common)
    from otbridge.sinks.otlp_http import OtlpHttpSink

    return OtlpHttpSink(destination.url, exact=destination.exact, **common)


def enriching_chain(config: Config) -> list[Processor]:
    """Return the processors that every event goes through."""
    return enriching(
        callsite=config.callsite,
        redact=config.redact,
        redact_keys=config.redact_keys,
        baggage_keys=config.baggage_keys,
        attribute_limit=int(config.attribute_limit),
        value_limit=int(config.value_limit),
    )


def visiting_chain(config: Config) -> list[Processor]:
    """Return the processors that run inside somebody else's chain."""
    return visiting(
        redact=config.redact, redact_keys=config.redact_keys, baggage_keys=config.baggage_keys
    )


def short_way(config: Config, recorder: Recorder, redactor: Redactor | None) -> ShortWay:
    """Return the short way of plain log events, with the outcome of `enriching_chain`."""
    from otbridge.telemetry.short import ShortWay

    return ShortWay(
        recorder,
        surrounding=surrounding(baggage_keys=config.baggage_keys),
        finishing=finishing(
            redact=config.redact,
            redact_keys=config.redact_keys,
            attribute_limit=int(config.attribute_limit),
            value_limit=int(config.value_limit),
        ),
        redactor=redactor,
        callsite=config.callsite,
        baggage_keys=config.baggage_keys,
        attribute_limit=int(config.attribute_limit),
        value_limit=int(config.value_limit),
    )


def console_for(config: Config, resource: Mapping[str, Any]) -> Console | None:
    """Return the console, or None where it is off and no signal is to go there."""
    if config.disabled:
        return None
    kind = config.console
    if kind == "off" and "console" in {config.logs, config.traces}:
        kind = "auto"
    service = service_processor(
        resource[SERVICE_NAME],
        resource.get(SERVICE_VERSION, ""),
        resource.get(DEPLOYMENT_ENVIRONMENT, ""),
    )
    return make_console(kind, service, spans=config.traces == "console")


def live_spans(
    config: Config, logs: Pipeline | None, redactor: Redactor | None
) -> LiveSpans | None:
    """Return who tells a hub that spans begin, or None where nobody is to be told.

    Args:
        config: The settings.
        logs: The delivery of logs, which is their way; None where there is none.
        redactor: Blanks out secrets; None leaves everything as it is.
    """
    destination = config.destinations["traces"]
    if logs is None or config.live == "off":
        return None
    if config.live == "auto" and (destination.exact or destination.protocol == "grpc"):
        return None  # no address to ask who it is: over gRPC and per-signal URLs, say live="on"
    from otbridge.telemetry.live import LiveSpans, is_hub

    named = (destination.certificate, destination.client_certificate, destination.client_key)
    files = [file or None for file in named]
    return LiveSpans(
        logs.put,
        known=config.live == "on",
        ask=lambda: is_hub(destination.url, files),
        redactor=redactor,
        books=logs.ledger.snapshot,
    )


def propagator_for(config: Config) -> TextMapPropagator | None:
    """Return what carries the context, where a setting says; else OpenTelemetry's own choice."""
    if "propagators" not in config.sources:
        return None
    from otbridge.context.propagation import make_propagator

    return make_propagator(config.propagators)


def set_propagator(propagator: TextMapPropagator) -> None:
    """Make *propagator* the global one."""
    from opentelemetry import propagate

    propagate.set_global_textmap(propagator)


_health: Health | None = None


def measure_delivery(meters: LazyMeterProvider, sending: Delivery, *, at_once: bool) -> None:
    """Have delivery measured by *meters*, whose instruments are made once in a process.

    Args:
        meters: Our meter provider.
        sending: What is measured from now on.
        at_once: Whether the SDK's metrics are loaded for this alone; else when the program uses
            them.
    """
    global _health
    first = _health is None
    if _health is None:
        from otbridge.telemetry.health import Health

        _health = Health()
    _health.sources = sending.sources()
    sending.health = _health
    if first:
        meters.when_made(_health.register)
    if at_once:
        meters.get_meter("otbridge")


def check_loguru(config: Config) -> None:
    """Raise where loguru is to be captured and is not there."""
    if config.capture_loguru is True and find_spec("loguru") is None:
        raise ConfigurationError(
            "loguru cannot be captured: it is not installed.",
            do="Install loguru, or leave capture_loguru out.",
        )


def sdk_takes_stdlib() -> bool:
    """Return whether an SDK takes the standard library's records and hands them over to us."""
    from otbridge.telemetry import outlets

    return outlets.is_used("logs") and any(
        type(handler).__module__.startswith("opentelemetry.") for handler in logging.root.handlers
    )


def adopt_structlog() -> dict[str, Any] | None:
    """Send `structlog.get_logger()` our way, unless the program has configured structlog.

    Only the processors are set: a program that calls `structlog.configure` later, with processors
    of its own, must find everything else as structlog has it.

    Returns:
        structlog's configuration before, to be given back; None where it was left alone.
    """
    import structlog

    from otbridge.telemetry.logger import CHAIN

    if structlog.is_configured():
        return None
    before = structlog.get_config()
    structlog.configure(processors=CHAIN)
    return before


def release_structlog(before: dict[str, Any] | None) -> None:
    """Give structlog back as it was, as far as it is still ours."""
    import structlog

    from otbridge.telemetry.logger import CHAIN

    now = structlog.get_config()
    if before is None or now["processors"] is not CHAIN:
        return
    if all(now[name] is before[name] for name in now if name != "processors"):
        structlog.reset_defaults()
    else:
        structlog.configure(processors=before["processors"])
