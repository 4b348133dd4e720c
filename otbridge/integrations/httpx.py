"""httpx: every request a span, carrying the trace on to who is called.

from otbridge.integrations import httpx

httpx.instrument()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.context.correlation import current_correlation
from otbridge.errors import ConfigurationError
from otbridge.integrations.correlation_header import (
    CORRELATION_HEADER,
    header_name,
    header_value,
)
from otbridge.integrations.official import load

if TYPE_CHECKING:
    from opentelemetry.trace import Span

__all__ = ["instrument", "uninstrument"]


def instrument(*, correlation_header: str = CORRELATION_HEADER) -> None:
    """Trace all requests of httpx in this process, of clients that exist already, too.

    Requests carry `traceparent`, `tracestate` and `baggage`, and the correlation id in force in
    *correlation_header*, unless the request has that header itself. Nothing is excluded but what
    `OTEL_PYTHON_HTTPX_EXCLUDED_URLS` says. Called again, it does nothing.

    Args:
        correlation_header: The header's name.

    Raises:
        ConfigurationError: opentelemetry-instrumentation-httpx or httpx is missing, they do not
            fit together, or *correlation_header* cannot be a header's name.
    """
    header = header_name(correlation_header)
    instrumentor = _instrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        return

    def say(span: Span, request: Any) -> None:  # noqa: ARG001 - the hook's signature
        identifier = current_correlation()
        if identifier is not None and header not in request.headers:
            request.headers[header] = header_value(identifier)

    async def say_async(span: Span, request: Any) -> None:
        say(span, request)

    try:
        instrumentor.instrument(
            request_hook=say, async_request_hook=say_async, raise_exception_on_conflict=True
        )
    except Exception as error:
        raise ConfigurationError(
            f"httpx cannot be instrumented: {error}.",
            "opentelemetry-instrumentation-httpx works with certain versions of httpx only.",
            "Install versions that fit: pip install -U httpx opentelemetry-instrumentation-httpx",
        ) from error


def uninstrument() -> None:
    """Trace httpx no more; does nothing where it is not traced."""
    instrumentor = _instrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


def _instrumentor() -> Any:
    package = "opentelemetry-instrumentation-httpx"
    return load("opentelemetry.instrumentation.httpx", package).HTTPXClientInstrumentor()
