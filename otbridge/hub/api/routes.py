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

import msgspec
from starlette.responses import Response
from starlette.routing import Route, Router

from otbridge.errors import QueryError
from otbridge.hub.access.principal import principal_of
from otbridge.hub.api import (
    export,
    facets,
    links,
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
from otbridge.hub.api.endpoint import Endpoint, read_arguments
from otbridge.hub.api.errors import MethodNotAllowed, NotFound, answer_for
from otbridge.hub.api.filters import LOG_FILTERS, TRACE_FILTERS
from otbridge.hub.api.openapi import describe_api
from otbridge.hub.api.parameters import parameters, path_id
from otbridge.hub.api.turns import in_turn
from otbridge.hub.asgi import read_body
from otbridge.hub.store.budget import within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from otbridge.hub.store import Store

__all__ = ["ENDPOINTS", "router"]


def _links(state: Any) -> Any:
    return state.links


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
        "/links",
        "Saved links to screens, the latest first.",
        links.SavedLinksJson,
        links.get_links,
        parameters("limit", "key_cursor"),
        look=_links,
    ),
    Endpoint(
        "/links",
        "Save a link to a screen with all that was chosen on it.",
        links.SavedLinkJson,
        links.post_link,
        look=_links,
        method="POST",
        body=links.LinkToSave,
    ),
    Endpoint(
        "/links/{link_id}",
        "Delete a saved link.",
        links.DeletedJson,
        links.delete_link,
        (path_id("link_id"),),
        look=_links,
        method="DELETE",
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

_MAX_BODY = 64_000
"""Bytes of what is sent to the API, which are settings and never telemetry."""

_BUDGET_S = 5.0
"""What one answer may take in all; each question to the store has a budget of its own."""


def _answering(endpoints: Sequence[Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers at the one path that *endpoints* have."""
    by_method = {endpoint.method: endpoint for endpoint in endpoints}
    if "GET" in by_method:
        by_method["HEAD"] = by_method["GET"]

    async def answer(request: Request) -> Response:
        try:
            endpoint = _for_method(by_method, request.method)
            asked = read_arguments(
                endpoint, request.path_params, request.query_params.multi_items()
            )
            state = request.app.state
            if endpoint.body is not None:
                asked["body"] = await _body(request, endpoint.body)
                asked["principal"] = principal_of(request.scope)
            await state.follower.caught_up(_OWN_WRITES_S)
            if endpoint.look is not None:
                asked["hub"] = endpoint.look(state)
            work = partial(_encoded, endpoint, state.store, asked)
            return _json(200, await in_turn(work))
        except Exception as error:  # noqa: BLE001 - each becomes an answer of the one shape
            return _error(error)

    return answer


def _for_method(by_method: Mapping[str, Endpoint], method: str) -> Endpoint:
    endpoint = by_method.get(method)
    if endpoint is None:
        raise MethodNotAllowed(method, by_method)
    return endpoint


async def _body(request: Request, kind: Any) -> Any:
    """Return the JSON that came with a request.

    Raises:
        QueryError: It is none, or not what is asked for.
    """
    data = await read_body(request.scope, request.receive, _MAX_BODY)
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise QueryError(
            "The request's body cannot be read.",
            f"The parser says: {error}.",
            "Send the JSON object that /api/v1/openapi.json describes.",
        ) from None


def _encoded(endpoint: Endpoint, store: Store, asked: dict[str, Any]) -> bytes:
    with within(_BUDGET_S):
        return msgspec.json.encode(endpoint.handle(store, asked))


async def _openapi(request: Request) -> Response:
    if request.method not in {"GET", "HEAD"}:
        return _error(MethodNotAllowed(request.method, ("GET", "HEAD")))
    return _json(200, _openapi_document())


@cache
def _openapi_document() -> bytes:
    return msgspec.json.encode(describe_api(ENDPOINTS))


async def _nothing_here(request: Request) -> Response:
    known = ", ".join(_BY_PATH)
    return _error(
        NotFound(
            "unknown_address",
            f"There is nothing at {request.url.path[:200]}.",
            f"The API has {known}.",
            "/api/v1/openapi.json describes them.",
        )
    )


def _error(error: Exception) -> Response:
    status, body = answer_for(error)
    response = _json(status, msgspec.json.encode(body))
    if isinstance(error, MethodNotAllowed):
        response.headers["allow"] = ", ".join(error.allowed)
    elif status == 503:
        response.headers["retry-after"] = "1"
    return response


def _json(status: int, body: bytes) -> Response:
    # Answers change with every record that arrives, and hold what users logged.
    return Response(body, status, {"cache-control": "no-store"}, "application/json")


# No methods: the endpoints check them, so that a wrong one gets an error of the API's shape.
_BY_PATH = {
    path: [endpoint for endpoint in ENDPOINTS if endpoint.path == path]
    for path in dict.fromkeys(endpoint.path for endpoint in ENDPOINTS)
}
_ROUTES = (
    *(
        # Names of metrics may have slashes in them.
        Route(
            path.replace("metric_name", "metric_name:path"),
            _answering(endpoints),
            methods=(),
        )
        for path, endpoints in _BY_PATH.items()
    ),
    Route("/openapi.json", _openapi, methods=()),
    Route("/{path:path}", _nothing_here, methods=()),
)

router = Router(_ROUTES, redirect_slashes=False)
"""To be mounted at `/api/v1`."""
