"""A page learns from its own response which span served it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.routing import Route

from otbridge.bridge.page_context import PageContext

if TYPE_CHECKING:
    from starlette.requests import Request

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


def shop() -> FastAPI:
    app = FastAPI()
    app.add_middleware(PageContext)

    @app.get("/page", response_class=HTMLResponse)
    def page() -> HTMLResponse:
        return HTMLResponse("<h1>shop</h1>", headers={"server-timing": "db;dur=5"})

    @app.get("/data")
    def data() -> dict[str, int]:
        return {"items": 3}

    return app


def client(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop")


async def test_a_page_is_told_the_span_that_served_it() -> None:
    """HTML names the instrumentation's server span in Server-Timing; other data does not."""
    app, spans = shop(), InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
    async with client(app) as http:
        answer = await http.get("/page")
        assert "server-timing" not in (await http.get("/data")).headers
    (server, _) = [span for span in spans.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert server.context is not None
    context = server.context
    named = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    assert answer.headers.get_list("server-timing") == [
        "db;dur=5",
        f'traceparent;desc="{named}"',
    ]


async def test_a_page_without_a_span_stays_as_it_is() -> None:
    """Outside any span there is nothing to name."""

    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse("<h1>shop</h1>", headers={"server-timing": "db;dur=5"})

    # Not FastAPI: where another test has set a provider, its newer versions trace by themselves.
    app = Starlette(routes=[Route("/page", page)])
    app.add_middleware(PageContext)
    async with client(app) as http:
        assert (await http.get("/page")).headers["server-timing"] == "db;dur=5"
