"""FastAPI and Starlette applications: every request a span in the caller's trace.

from otbridge.integrations import fastapi

app = FastAPI()
fastapi.instrument(app)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.errors import ConfigurationError
from otbridge.integrations.correlation_header import (
    CORRELATION_HEADER,
    CorrelationMiddleware,
    header_name,
)
from otbridge.integrations.official import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI

__all__ = ["instrument"]


def instrument(
    app: FastAPI,
    *,
    excluded_urls: str | Sequence[str] | None = None,
    message_spans: bool = False,
    correlation_header: str = CORRELATION_HEADER,
) -> None:
    """Trace every request to *app*; context and correlation id come in and go out.

    The trace and the baggage that a request brings go on in it. A correlation id that it brings
    (in baggage, or in *correlation_header*) is in force while it is handled, and is said in the
    answer's *correlation_header*. Called again for the same application, it does nothing.

    Args:
        app: The application, before it has served its first request.
        excluded_urls: Regular expressions, a sequence of them or one string with commas between;
            requests whose URL contains one are not traced. By default none, except what `OTEL_PYTHON_FASTAPI_EXCLUDED_URLS` says.
        message_spans: Whether every ASGI message of a request is a span of its own, as the
            official instrumentation has it; two or more for each request, rarely of use.
        correlation_header: The header's name.

    Raises:
        ConfigurationError: opentelemetry-instrumentation-fastapi is missing, or *app* is no such
            application or serves already.
    """
    official = load(
        "opentelemetry.instrumentation.fastapi", "opentelemetry-instrumentation-fastapi"
    )
    if not hasattr(app, "build_middleware_stack"):
        raise ConfigurationError(
            f"{type(app).__name__} is not a FastAPI application.",
            "Requests are seen by middleware that FastAPI and Starlette applications have.",
            "Pass the application itself, before it is wrapped in anything.",
        )
    if getattr(app, "_is_instrumented_by_opentelemetry", False):
        return
    if app.middleware_stack is not None:
        raise ConfigurationError(
            "The application has served requests already.",
            "Its middleware is built at the first request and stays as it is.",
            "Call instrument() right after the application is made.",
        )
    # Added first and so the innermost: by then the request's baggage has been read.
    middleware: Any = CorrelationMiddleware
    app.add_middleware(middleware, header=header_name(correlation_header))
    official.FastAPIInstrumentor.instrument_app(
        app,
        excluded_urls=_with_commas(excluded_urls),
        exclude_spans=None if message_spans else ["receive", "send"],
    )


def _with_commas(patterns: str | Sequence[str] | None) -> str | None:
    # A string is a sequence of letters, and each letter a pattern that fits nearly every URL.
    return patterns if patterns is None or isinstance(patterns, str) else ",".join(patterns)
