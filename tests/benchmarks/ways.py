"""The ways of a record from the call to the receiver: ours, the official ones, Logfire's.

Each function sets one way up in this process, with the defaults of its library, and returns what
the programs beside it need to drive it.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks.records import MESSAGE, attributes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DURABLE", "GRPC", "LOGS", "SPANS", "Way", "is_installed"]


@dataclass
class Way:
    """One way, set up."""

    call: Callable[[int], Any]
    """Writes record number n."""
    waiting: Callable[[], float]
    """Tells how full the queue is, 0 to 1."""
    flush: Callable[[], Any]
    inside: AbstractContextManager[Any]
    """The span that the records are written in."""
    signal: str = "logs"


# ---------------------------------------------------------------------- ours


def _ours(url: str, signal: str, **settings: Any) -> Callable[[], float]:
    """Configure otbridge and return how full its queue is."""
    import otbridge
    from otbridge._configure import runtime

    defaults: dict[str, Any] = {"service": "shop", "console": "off", "metrics": False}
    otbridge.configure(**(defaults | {"endpoint": url} | settings))
    pipeline = runtime().pipelines[signal]  # type: ignore[index]  # a literal, given as text
    ledger = pipeline.ledger
    return lambda: ledger.in_memory / 65_536


def otbridge_structlog(url: str, **settings: Any) -> Way:
    """`otbridge.get_logger().info(…)`."""
    import otbridge

    waiting = _ours(url, "logs", **settings)
    info = otbridge.get_logger("shop.orders").info

    def call(number: int) -> None:
        info(MESSAGE, **attributes(number))

    return Way(call, waiting, lambda: otbridge.flush(60), _sdk_span())


def otbridge_structlog_without_place(url: str) -> Way:
    """As before, without file, line and function of the call."""
    return otbridge_structlog(url, callsite=False)


def otbridge_structlog_console(url: str) -> Way:
    """As before, with the JSON lines on standard error that a service has by default."""
    return otbridge_structlog(url, console="json")


def otbridge_memory(url: str) -> Way:
    """As `otbridge_structlog`, at the level `memory`."""
    return _durable(url, "memory")


def otbridge_process(url: str) -> Way:
    """As `otbridge_structlog`, each record on disk before the call returns."""
    return _durable(url, "process")


def otbridge_grpc(url: str) -> Way:
    """As `otbridge_structlog`, over gRPC."""
    return otbridge_structlog(url, protocol="grpc")


def otbridge_grpc_process(url: str) -> Way:
    """As `otbridge_process`, over gRPC."""
    return _durable(url, "process", protocol="grpc")


def _durable(url: str, level: str, **settings: Any) -> Way:
    folder = TemporaryDirectory(ignore_cleanup_errors=True)
    way = otbridge_structlog(url, durability=level, spool_dir=folder.name, **settings)
    inside = ExitStack()
    inside.enter_context(folder)
    inside.enter_context(way.inside)
    return replace(way, inside=inside)


def otbridge_default_structlog(url: str) -> Way:
    """`structlog.get_logger().info(…)` where the program has not configured structlog."""
    import structlog

    import otbridge

    waiting = _ours(url, "logs")
    info = structlog.get_logger("shop.orders").bind().info

    def call(number: int) -> None:
        info(MESSAGE, **attributes(number))

    return Way(call, waiting, lambda: otbridge.flush(60), _sdk_span())


def otbridge_own_chain(url: str) -> Way:
    """Our processors in a structlog configuration of the program's own that prints nothing."""
    import structlog

    import otbridge

    waiting = _ours(url, "logs")

    def drop(logger: Any, method: str, event: Any) -> Any:
        raise structlog.DropEvent

    structlog.configure(
        processors=[*otbridge.processors.default(), drop], cache_logger_on_first_use=True
    )
    info = structlog.get_logger("shop.orders").bind().info

    def call(number: int) -> None:
        info(MESSAGE, **attributes(number))

    return Way(call, waiting, lambda: otbridge.flush(60), _sdk_span())


def otbridge_logging(url: str) -> Way:
    """`logging.getLogger().info(…)`, captured."""
    import otbridge

    waiting = _ours(url, "logs")
    info = logging.getLogger("shop.orders").info

    def call(number: int) -> None:
        info(MESSAGE, extra=attributes(number))

    return Way(call, waiting, lambda: otbridge.flush(60), _sdk_span())


def otbridge_spans(url: str, **settings: Any) -> Way:
    """A span on the provider that otbridge has set up."""
    import otbridge

    waiting = _ours(url, "traces", logs=False, **settings)
    return _spans_of_tracer(waiting, lambda: otbridge.flush(60))


def otbridge_light_spans(url: str) -> Way:
    """A span of our own tracer."""
    return otbridge_spans(url, tracer="otbridge")


def otbridge_light_span_blocks(url: str) -> Way:
    """`with otbridge.span(…)` on our own tracer."""
    return otbridge_span_blocks(url, tracer="otbridge")


def otbridge_span_blocks(url: str, **settings: Any) -> Way:
    """`with otbridge.span(…)`."""
    import otbridge

    waiting = _ours(url, "traces", logs=False, **settings)
    span = otbridge.span

    def call(number: int) -> None:
        with span("handle order", **attributes(number)):
            pass

    return Way(call, waiting, lambda: otbridge.flush(60), _sdk_span(), "traces")


# ---------------------------------------------------------------------- the official SDK


def _official_logs(url: str) -> tuple[Any, Callable[[], float]]:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider(_resource())
    processor = BatchLogRecordProcessor(OTLPLogExporter(f"{url}/v1/logs"))
    provider.add_log_record_processor(processor)
    _silence()
    queue = processor._batch_processor._queue
    return provider, lambda: len(queue) / 2048


def official_structlog(url: str) -> Way:
    """Through structlog with its usual processors, the standard library, the official handler."""
    import structlog

    provider, waiting = _official_logs(url)
    _official_handler(provider)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.render_to_log_kwargs,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    info = structlog.get_logger("shop.orders").bind().info

    def call(number: int) -> None:
        info(MESSAGE, **attributes(number))

    return Way(call, waiting, provider.force_flush, _sdk_span())


def official_logging(url: str) -> Way:
    """Through the standard library and the official handler."""
    provider, waiting = _official_logs(url)
    info = _official_handler(provider).info

    def call(number: int) -> None:
        info(MESSAGE, extra=attributes(number))

    return Way(call, waiting, provider.force_flush, _sdk_span())


def official_emit(url: str) -> Way:
    """The Logs API alone, which no program calls by hand."""
    from time import time_ns

    from opentelemetry._logs import SeverityNumber

    provider, waiting = _official_logs(url)
    emit, severity = provider.get_logger("shop.orders").emit, SeverityNumber.INFO

    def call(number: int) -> None:
        emit(
            timestamp=time_ns(),
            severity_number=severity,
            severity_text="INFO",
            body=MESSAGE,
            attributes=attributes(number),
        )

    return Way(call, waiting, provider.force_flush, _sdk_span())


def official_spans(url: str) -> Way:
    """A span of the SDK, batched and exported by it."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=_resource())
    processor = BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces"))
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    _silence()
    queue = processor._batch_processor._queue
    return _spans_of_tracer(lambda: len(queue) / 2048, provider.force_flush)


# ---------------------------------------------------------------------- Logfire


def logfire_info(url: str) -> Way:
    """`logfire.info(…)`; a log line is a span there."""
    import os

    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = url
    import gc

    import logfire  # type: ignore[import-not-found,unused-ignore]  # optional, not in our lists
    from opentelemetry.sdk._shared_internal import BatchProcessor

    logfire.configure(
        send_to_logfire=False, console=False, service_name="shop", inspect_arguments=False,
        metrics=False,
    )  # fmt: skip
    queues = [each._queue for each in gc.get_objects() if isinstance(each, BatchProcessor)]
    info = logfire.info

    def call(number: int) -> None:
        info(MESSAGE, **attributes(number))

    return Way(
        call,
        lambda: max(map(len, queues)) / 2048,
        logfire.force_flush,
        logfire.span("request"),
        "traces",
    )


# ---------------------------------------------------------------------- common


def _resource() -> Any:
    from opentelemetry.sdk.resources import Resource

    return Resource.create({"service.name": "shop"})


def _official_handler(provider: Any) -> logging.Logger:
    from opentelemetry.instrumentation.logging.handler import LoggingHandler

    logger = logging.getLogger("shop.orders")
    logger.propagate = False
    logger.addHandler(LoggingHandler(logger_provider=provider))
    logger.setLevel(logging.INFO)
    return logger


def _silence() -> None:
    """Keep the SDK from printing "queue full" for every record that it drops."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)


def _sdk_span() -> AbstractContextManager[Any]:
    """Return a recording span that is never exported, for records to be written in."""
    from opentelemetry.sdk.trace import TracerProvider

    return TracerProvider().get_tracer("bench").start_as_current_span("request")


def _spans_of_tracer(waiting: Callable[[], float], flush: Callable[[], Any]) -> Way:
    from opentelemetry import trace

    start = trace.get_tracer("shop.orders").start_as_current_span

    def call(number: int) -> None:
        with start("handle order", attributes=attributes(number)):
            pass

    return Way(call, waiting, flush, ExitStack(), "traces")


LOGS: Final[dict[str, Callable[[str], Way]]] = {
    "official, structlog": official_structlog,
    "official, logging": official_logging,
    "official, Logs API": official_emit,
    "Logfire, info": logfire_info,
    "otbridge, get_logger": otbridge_structlog,
    "otbridge, without call site": otbridge_structlog_without_place,
    "otbridge, JSON lines too": otbridge_structlog_console,
    "otbridge, structlog's loggers": otbridge_default_structlog,
    "otbridge, in a chain of one's own": otbridge_own_chain,
    "otbridge, logging": otbridge_logging,
}
DURABLE: Final[dict[str, Callable[[str], Way]]] = {
    "otbridge, memory": otbridge_memory,
    "otbridge, process": otbridge_process,
}
GRPC: Final[dict[str, Callable[[str], Way]]] = {
    "otbridge, gRPC": otbridge_grpc,
    "otbridge, gRPC, process": otbridge_grpc_process,
}
"""These are given the URL of the receiver's gRPC port."""
SPANS: Final[dict[str, Callable[[str], Way]]] = {
    "official": official_spans,
    "otbridge, SDK's tracer": otbridge_spans,
    "otbridge, own tracer": otbridge_light_spans,
    "otbridge.span, SDK's tracer": otbridge_span_blocks,
    "otbridge.span, own tracer": otbridge_light_span_blocks,
}


def is_installed(name: str) -> bool:
    """Return whether the library of the way called *name* is there."""
    return not name.startswith("Logfire") or find_spec("logfire") is not None
