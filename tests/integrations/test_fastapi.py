"""A FastAPI service behind a real socket, called by httpx."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import fastapi
import httpx
import pytest
import uvicorn
from opentelemetry import baggage, trace
from starlette.responses import Response

from otbridge.context.correlation import correlation, current_correlation
from otbridge.errors import ConfigurationError
from otbridge.integrations import fastapi as fastapi_integration
from otbridge.integrations import httpx as httpx_integration
from otbridge.semconv import CORRELATION_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integrations.conftest import Spans


@contextmanager
def served(app: fastapi.FastAPI) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def app() -> fastapi.FastAPI:
    application = fastapi.FastAPI()

    @application.get("/here")
    def here() -> dict[str, Any]:
        span = trace.get_current_span().get_span_context()
        return {
            "trace_id": trace.format_trace_id(span.trace_id),
            "correlation": current_correlation(),
            "baggage": dict(baggage.get_all()),
        }

    @application.get("/own")
    def own() -> Response:
        return Response("x", headers={"X-Correlation-ID": "the service's own"})

    return application


@pytest.fixture
def url(app: fastapi.FastAPI, spans: Spans) -> Iterator[str]:
    fastapi_integration.instrument(app)
    with served(app) as address:
        yield address


@pytest.fixture
def traced_httpx(spans: Spans) -> Iterator[None]:
    httpx_integration.instrument()
    yield
    httpx_integration.uninstrument()


def ended(spans: Spans, last: str) -> list[str]:
    """The names of all spans once *last* is among them: a server's ends after its answer left."""
    limit = time.monotonic() + 10
    while last not in spans.names and time.monotonic() < limit:
        continue
    return spans.names


def test_a_request_goes_on_in_the_callers_trace(url: str, spans: Spans) -> None:
    """Trace, baggage and correlation id come in by W3C headers, the id goes out by its own."""
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {
        "traceparent": f"00-{trace_id}-b7ad6b7169203331-01",
        "baggage": f"{CORRELATION_ID}=req-1,tenant=t1",
    }
    answer = httpx.get(f"{url}/here", headers=headers)

    assert answer.json() == {
        "trace_id": trace_id,
        "correlation": "req-1",
        "baggage": {CORRELATION_ID: "req-1", "tenant": "t1"},
    }
    assert answer.headers["x-correlation-id"] == "req-1"
    assert ended(spans, "GET /here") == ["GET /here"]


def test_a_correlation_header_alone_is_enough(url: str) -> None:
    """Callers without baggage say their id in a plain header; baggage wins over it."""
    answer = httpx.get(f"{url}/here", headers={"X-Correlation-ID": "req-2"})
    assert answer.json()["correlation"] == "req-2"
    assert answer.headers["x-correlation-id"] == "req-2"

    both = {"X-Correlation-ID": "req-2", "baggage": f"{CORRELATION_ID}=req-1"}
    assert httpx.get(f"{url}/here", headers=both).json()["correlation"] == "req-1"


def test_no_correlation_id_is_made_up(url: str) -> None:
    """A request without one is answered without one."""
    answer = httpx.get(f"{url}/here")
    assert answer.json()["correlation"] is None
    assert "x-correlation-id" not in answer.headers


def test_the_services_own_header_is_left_alone(url: str) -> None:
    """What the application says itself is not said twice."""
    answer = httpx.get(f"{url}/own", headers={"X-Correlation-ID": "req-2"})
    assert answer.headers.get_list("x-correlation-id") == ["the service's own"]


def test_a_hostile_id_cannot_break_out_of_the_header(url: str) -> None:
    """Line breaks and letters outside of ASCII in baggage do not reach the answer's headers."""
    brought = f"{CORRELATION_ID}=a%0D%0Aset-cookie:%20x%3D1%E2%82%AC"
    answer = httpx.get(f"{url}/here", headers={"baggage": brought})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-correlation-id"] == "a??set-cookie: x=1?"


@pytest.mark.usefixtures("traced_httpx")
def test_httpx_takes_trace_and_correlation_along(url: str, spans: Spans) -> None:
    """One trace from the caller's span through the client's to the server's."""
    with trace.get_tracer("t").start_as_current_span("caller") as caller, correlation("req-3"):
        answer = httpx.get(f"{url}/here")

    assert answer.json()["trace_id"] == trace.format_trace_id(caller.get_span_context().trace_id)
    assert answer.json()["correlation"] == "req-3"
    assert answer.request.headers["x-correlation-id"] == "req-3"
    assert sorted(ended(spans, "GET /here")) == ["GET", "GET /here", "caller"]
    assert spans.parent("GET /here") == "GET"
    assert spans.parent("GET") == "caller"


@pytest.mark.usefixtures("traced_httpx")
def test_async_httpx_does_the_same(url: str) -> None:
    """Asynchronous clients carry the id, and a header of the caller's own stays."""

    async def ask() -> tuple[str, str]:
        async with httpx.AsyncClient() as client:
            with correlation("req-4"):
                first = await client.get(f"{url}/here")
                own = {"X-Correlation-ID": "mine"}
                second = await client.get(f"{url}/here", headers=own)
        return first.request.headers["x-correlation-id"], second.request.headers["x-correlation-id"]

    assert asyncio.run(ask()) == ("req-4", "mine")


@pytest.mark.usefixtures("traced_httpx")
def test_instrumenting_httpx_again_is_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A second call neither doubles nor complains."""
    httpx_integration.instrument()
    assert caplog.records == []


def test_instrumenting_an_application_again_is_nothing(
    app: fastapi.FastAPI, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The same application is traced once."""
    fastapi_integration.instrument(app)
    httpx.get(f"{url}/here")
    assert [record for record in caplog.records if "instrument" in record.getMessage()] == []


@pytest.mark.parametrize("excluded", [["/own", "/other"], "/own,/other", "/own"])
def test_excluded_urls_are_excluded_and_nothing_else(
    app: fastapi.FastAPI, spans: Spans, excluded: str | list[str]
) -> None:
    """Only what was named is not traced; a string is a pattern and not a sequence of letters."""
    fastapi_integration.instrument(app, excluded_urls=excluded)
    with served(app) as url:
        httpx.get(f"{url}/own")
        httpx.get(f"{url}/here")
    assert ended(spans, "GET /here") == ["GET /here"]


def test_message_spans_are_there_when_asked_for(app: fastapi.FastAPI, spans: Spans) -> None:
    """The official instrumentation's spans per ASGI message are a choice."""
    fastapi_integration.instrument(app, message_spans=True)
    with served(app) as url:
        httpx.get(f"{url}/here")
    names = ["GET /here http send", "GET /here http send", "GET /here"]
    assert ended(spans, "GET /here") == names


def test_an_application_that_serves_already_is_refused(app: fastapi.FastAPI) -> None:
    """Too late is said, instead of tracing nothing in silence."""
    with served(app) as url:
        httpx.get(f"{url}/here")
    with pytest.raises(ConfigurationError, match="right after the application is made"):
        fastapi_integration.instrument(app)


def test_something_else_is_refused() -> None:
    """What is no application gets a sentence."""
    with pytest.raises(ConfigurationError, match="not a FastAPI application"):
        fastapi_integration.instrument(object())  # type: ignore[arg-type]  # the mistake itself


@pytest.mark.parametrize("name", ["fastapi", "httpx"])
def test_a_missing_package_is_named(
    name: str, app: fastapi.FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the official instrumentation the message says what to install."""
    monkeypatch.setitem(sys.modules, f"opentelemetry.instrumentation.{name}", None)
    instrument: dict[str, Callable[[], None]] = {
        "fastapi": lambda: fastapi_integration.instrument(app),
        "httpx": httpx_integration.instrument,
    }
    wanted = f"pip install opentelemetry-instrumentation-{name}"
    with pytest.raises(ConfigurationError, match=wanted):
        instrument[name]()


@pytest.mark.parametrize("name", ["", "a b", "x:y", "é", None])
def test_what_cannot_be_a_header_is_refused(name: Any, app: fastapi.FastAPI) -> None:
    """A bad header name is told when it is set, not when a request fails."""
    with pytest.raises(ConfigurationError, match="not the name of a header"):
        fastapi_integration.instrument(app, correlation_header=name)
    with pytest.raises(ConfigurationError, match="not the name of a header"):
        httpx_integration.instrument(correlation_header=name)
