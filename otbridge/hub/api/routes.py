"""The API as a whole: which questions there are, and how one is answered.

`router` is mounted at `/api/v1` of an application whose state has `store`, the `follower` that
brings into it what the hub acknowledges, and, for the statistics, `ledger`, `live`, `log`, `forward`
and `started_ns`. Questions are answered in worker threads, a few at a time, so that neither the
event loop nor the receivers ever wait for one.

Who asks after an answer to what they sent sees it: before a question goes to the store, it waits for
the store to reach what the hub has acknowledged until then, for a second at most and without a
thread. Where the store is further behind than that, the question is answered from what is there.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import msgspec
from anyio.lowlevel import RunVar
from starlette.responses import Response
from starlette.routing import Route, Router

from otbridge.hub.api import (
    export,
    facets,
    logs,
    metrics,
    operations,
    runs,
    schemas,
    services,
    sessions,
    stats,
    traces,
)
from otbridge.hub.api.endpoint import Endpoint, parameters, path_id, read_arguments
from otbridge.hub.api.errors import MethodNotAllowed, NotFound, answer_for
from otbridge.hub.api.filters import LOG_FILTERS, TRACE_FILTERS
from otbridge.hub.api.openapi import describe_api

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from otbridge.hub.store import Store

__all__ = ["ENDPOINTS", "router"]

ENDPOINTS = (
    Endpoint(
        "/traces",
        "Traces, newest first.",
        schemas.TracesJson,
        traces.get_traces,
        parameters(*TRACE_FILTERS, "limit", "trace_cursor"),
    ),
    Endpoint(
        "/traces/{trace_id}",
        "A trace with all its spans and logs.",
        schemas.TraceJson,
        traces.get_trace,
        (path_id("trace_id"),),
    ),
    Endpoint(
        "/traces/{trace_id}/otlp",
        "Everything the hub holds of a trace, as OTLP/JSON.",
        schemas.OtlpJson,
        traces.get_trace_otlp,
        (path_id("trace_id"),),
    ),
    Endpoint(
        "/logs",
        "Log records, newest first.",
        schemas.LogsJson,
        logs.get_logs,
        parameters(*LOG_FILTERS, "limit", "log_cursor"),
    ),
    Endpoint(
        "/facets",
        "Which values a field has among the logs, or traces, that fit, and how often.",
        schemas.FacetsJson,
        facets.get_facets,
        parameters("of", "field", "key", *dict.fromkeys((*TRACE_FILTERS, *LOG_FILTERS)), "limit"),
    ),
    Endpoint(
        "/runs",
        "Agent runs, the one that began something latest first.",
        schemas.RunsJson,
        runs.get_runs,
        parameters("trace_id", *TRACE_FILTERS, "limit", "trace_cursor"),
    ),
    Endpoint(
        "/runs/{run_id}",
        "An agent run: its agents, the edges between them, its steps and tokens.",
        schemas.RunDetailsJson,
        runs.get_run,
        (path_id("run_id"),),
    ),
    Endpoint(
        "/sessions",
        "Sessions of visitors, and conversations with agents, newest first.",
        sessions.SessionsJson,
        sessions.get_sessions,
        parameters(
            "by", *(name for name in TRACE_FILTERS if name != "session"), "limit", "session_cursor"
        ),
    ),
    Endpoint(
        "/sessions/{session_id}",
        "A session and its traces, newest first.",
        sessions.SessionDetailsJson,
        sessions.get_session,
        (path_id("session_id"), *parameters("by", "limit", "trace_cursor")),
    ),
    Endpoint(
        "/metrics",
        "Which metrics there are.",
        metrics.MetricsJson,
        metrics.get_metrics,
        parameters("service", "name", "from", "to", "limit", "key_cursor"),
    ),
    Endpoint(
        "/metrics/{metric_name}",
        "The data points of a metric, a series for each source and set of attributes.",
        metrics.MetricSeriesJson,
        metrics.get_metric,
        (
            path_id("metric_name"),
            *parameters("service", "attr", "from", "to", "limit", "key_cursor"),
        ),
    ),
    Endpoint(
        "/export",
        "Everything of one signal as OTLP/JSON, in the order in which it was stored.",
        schemas.ExportJson,
        export.get_export,
        parameters("signal", "from", "to", "limit", "scan_cursor"),
    ),
    Endpoint(
        "/services",
        "Every service that has sent spans or logs.",
        services.ServicesJson,
        services.get_services,
        parameters("name", "from", "to", "limit", "key_cursor"),
    ),
    Endpoint(
        "/operations",
        "How often the operations of services ran, how they ended and how long they took.",
        operations.OperationsJson,
        operations.get_operations,
        parameters(
            *("service", "name", "kind", "error", "from", "to"),
            *("sort", "series", "limit", "key_cursor"),
        ),
    ),
    Endpoint(
        "/service-map",
        "Which services called which.",
        operations.ServiceMapJson,
        operations.get_service_map,
        parameters("service", "from", "to"),
    ),
    Endpoint(
        "/stats",
        "The hub in numbers.",
        stats.StatsJson,
        stats.get_stats,
        look=stats.hub_numbers,
    ),
)

_OWN_WRITES_S = 1.0
"""A question waits so long for what was acknowledged before it."""

_MAX_QUESTIONS = 4
"""Answered at the same time; the others wait their turn."""


_turns: RunVar[anyio.CapacityLimiter] = RunVar("otbridge.hub.api.turns")
"""Whose turn it is; a limiter belongs to one event loop."""


def _my_turn() -> anyio.CapacityLimiter:
    limiter = _turns.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(_MAX_QUESTIONS)
        _turns.set(limiter)
    return limiter


def _answering(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            _only_get(request)
            asked = read_arguments(
                endpoint, request.path_params, request.query_params.multi_items()
            )
            state = request.app.state
            await state.follower.caught_up(_OWN_WRITES_S)
            if endpoint.look is not None:
                asked["hub"] = endpoint.look(state)
            work = partial(_encoded, endpoint, state.store, asked)
            return _json(200, await anyio.to_thread.run_sync(work, limiter=_my_turn()))
        except Exception as error:  # noqa: BLE001 - each becomes an answer of the one shape
            return _error(error)

    return answer


def _encoded(endpoint: Endpoint, store: Store, asked: dict[str, Any]) -> bytes:
    return msgspec.json.encode(endpoint.handle(store, asked))


async def _openapi(request: Request) -> Response:
    try:
        _only_get(request)
    except MethodNotAllowed as error:
        return _error(error)
    return _json(200, _openapi_document())


@cache
def _openapi_document() -> bytes:
    return msgspec.json.encode(describe_api(ENDPOINTS))


async def _nothing_here(request: Request) -> Response:
    known = ", ".join(endpoint.path for endpoint in ENDPOINTS)
    return _error(
        NotFound(
            "unknown_address",
            f"There is nothing at {request.url.path[:200]}.",
            f"The API has {known}.",
            "/api/v1/openapi.json describes them.",
        )
    )


def _only_get(request: Request) -> None:
    if request.method not in {"GET", "HEAD"}:
        raise MethodNotAllowed(
            f"{request.method} is not answered here.", "The API only answers questions.", "Use GET."
        )


def _error(error: Exception) -> Response:
    status, body = answer_for(error)
    response = _json(status, msgspec.json.encode(body))
    if status == 405:
        response.headers["allow"] = "GET, HEAD"
    elif status == 503:
        response.headers["retry-after"] = "1"
    return response


def _json(status: int, body: bytes) -> Response:
    # Answers change with every record that arrives, and hold what users logged.
    return Response(body, status, {"cache-control": "no-store"}, "application/json")


# No methods: the endpoints check them, so that a wrong one gets an error of the API's shape.
_ROUTES = (
    *(
        # Names of metrics may have slashes in them.
        Route(
            endpoint.path.replace("metric_name", "metric_name:path"),
            _answering(endpoint),
            methods=(),
        )
        for endpoint in ENDPOINTS
    ),
    Route("/openapi.json", _openapi, methods=()),
    Route("/{path:path}", _nothing_here, methods=()),
)

router = Router(_ROUTES, redirect_slashes=False)
"""To be mounted at `/api/v1`."""
