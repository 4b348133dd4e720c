"""A real server with a bridge mounted in somebody's application, and what arrived there."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otbridge.bridge.asgi import BridgeApp
from otbridge.bridge.mount import MountedBridge

REQUESTS: dict[str, Any] = {
    "logs": ExportLogsServiceRequest,
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


@dataclass
class Collector:
    """A consumer that keeps what it is given, and can be told to behave badly."""

    requests: list[tuple[str, Any, tuple[str, int] | None, str]] = field(default_factory=list)
    opened: list[Any] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    raises: Exception | None = None
    raises_for: str = ""
    """Only for this signal; empty: for all."""
    hold: threading.Event | None = None
    """While set and not done, nothing is taken."""
    changed: threading.Event = field(default_factory=threading.Event)

    async def consume(
        self,
        signal: str,
        request: bytes,
        *,
        key: tuple[str, int] | None,
        origin: str,
        project: str,
    ) -> int:
        if self.hold is not None:
            await asyncio.to_thread(self.hold.wait)
        if self.raises is not None and self.raises_for in {"", signal}:
            raise self.raises
        self.requests.append((signal, REQUESTS[signal].FromString(request), key, origin))
        self.changed.set()
        return 0

    async def open_spans(self, request: bytes, *, origin: str, project: str) -> None:
        if self.raises is not None:
            raise self.raises
        self.opened.append(ExportTraceServiceRequest.FromString(request))
        self.changed.set()

    async def gone(self, stream: str, *, project: str) -> None:
        self.lost.append(stream)
        self.changed.set()

    @property
    def keys(self) -> list[tuple[str, int] | None]:
        return [key for _, _, key, _ in self.requests]

    @property
    def bodies(self) -> list[str]:
        """The bodies of all log records, in order of arrival."""
        return [
            record.body.string_value
            for signal, request, _, _ in self.requests
            if signal == "logs"
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]


@dataclass
class Running:
    """A served application."""

    port: int
    bridge: BridgeApp
    collector: Collector
    server: uvicorn.Server
    loop: asyncio.AbstractEventLoop

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/telemetry/v1/bridge"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/telemetry/v1/bridge"

    def run(self, work: Any) -> Any:
        """Run a coroutine on the server's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)


Serve = Callable[..., Running]


@contextlib.contextmanager
def _served(app: FastAPI, bridge: BridgeApp, collector: Collector) -> Iterator[Running]:
    started = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            loops.append(asyncio.get_running_loop())
            started.set()

    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    server = Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(10), "the server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Running(port, bridge, collector, server, loops[0])
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves a FastAPI app with a bridge mounted at /telemetry."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Running:
            collector = Collector()
            bridge = BridgeApp(collector, **options)
            app = FastAPI()
            app.mount("/telemetry", MountedBridge(bridge))

            @app.get("/")
            def index() -> str:
                return "the host lives"

            return stack.enter_context(_served(app, bridge, collector))

        yield start
