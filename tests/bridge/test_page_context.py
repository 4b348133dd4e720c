"""A page learns from its own response which trace served it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from opentelemetry import trace

from otbridge.bridge.page_context import PageContext

TRACE_ID, SPAN_ID = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331


class InSpan:
    """ASGI middleware that serves inside a span, as the FastAPI instrumentation does."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        context = trace.SpanContext(
            TRACE_ID, SPAN_ID, is_remote=False, trace_flags=trace.TraceFlags(1)
        )
        with trace.use_span(trace.NonRecordingSpan(context)):
            await self._app(scope, receive, send)


def app(*, in_span: bool) -> FastAPI:
    app = FastAPI()
    app.add_middleware(PageContext)
    if in_span:
        app.add_middleware(InSpan)

    @app.get("/page", response_class=HTMLResponse)
    def page() -> HTMLResponse:
        return HTMLResponse("<h1>shop</h1>", headers={"server-timing": "db;dur=5"})

    @app.get("/data")
    def data() -> dict[str, int]:
        return {"items": 3}

    return app


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_page_is_told_the_span_that_served_it() -> None:
    """HTML carries traceparent in Server-Timing, beside what was there before."""
    async with client(app(in_span=True)) as http:
        answer = await http.get("/page")
    assert answer.headers.get_list("server-timing") == [
        "db;dur=5",
        'traceparent;desc="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"',
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_data_and_pages_without_a_span_stay_as_they_are() -> None:
    """JSON gets no header, and neither does HTML outside any span."""
    async with client(app(in_span=True)) as http:
        assert "server-timing" not in (await http.get("/data")).headers
    async with client(app(in_span=False)) as http:
        assert (await http.get("/page")).headers["server-timing"] == "db;dur=5"


def client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop")
