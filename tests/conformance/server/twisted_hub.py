"""A hub whose answers can be twisted, one rule at a time, to see whether the checks find it out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn, Self

import grpc
import uvicorn

from otbridge.errors import OtbridgeError
from otbridge.hub.app import Hub
from otbridge.hub.receivers.otlp_grpc import OtlpGrpc
from otbridge.hub.receivers.status import retry_details, status_body
from otbridge.hub.settings import HubSettings
from otbridge.hub.store import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from otbridge.typing import Signal

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

BODY_LIMIT = 256 << 10
"""Small, so that a request over it is sent in no time."""

ANSWER_LIMIT = 128 << 10
"""Small for the same reason, in place of OTLP's 4 MiB."""

BURST = range(64 << 10, 72 << 10)
"""Sizes of the requests that come in a burst; every second of them is too much for this hub."""


@dataclass(frozen=True)
class Asked:
    """A request, over either protocol."""

    protocol: str
    signal: str
    body: bytes
    method: str = "POST"
    content_type: str = ""
    encoding: str = ""

    @property
    def is_json(self) -> bool:
        return self.content_type.startswith(JSON)


@dataclass(frozen=True)
class Said:
    """The answer to it."""

    status: str
    """HTTP status in digits, or gRPC code."""
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    details: bytes = b""

    @property
    def is_success(self) -> bool:
        return self.status in ("200", "OK")


Honest = Callable[[Asked], Awaitable[Said]]
Twist = Callable[[Asked, Honest], Awaitable[Said]]


async def no_twist(asked: Asked, honest: Honest) -> Said:
    return await honest(asked)


def refusal(asked: Asked, http: int, code: str, message: str = "twisted") -> Said:
    """An error as it should be, in the form that the sender speaks."""
    if asked.protocol == "grpc":
        return Said(code, message=message)
    kind = JSON if asked.is_json else PROTOBUF
    return Said(str(http), status_body(kind, http, OtbridgeError(message)), kind)


class TwistedHub:
    """A hub in this process, over real connections, with `twist` between it and its senders."""

    def __init__(self, folder: Path, overloaded_by: range = BURST) -> None:
        self.twist: Twist = no_twist
        self._overloaded_by = overloaded_by
        self.url = ""
        self.grpc = ""
        self._folder = folder
        self._burst = 0
        self._up = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._thread.join()

    async def _live(self) -> None:
        store = open_store(self._folder)
        hub = Hub(store, HubSettings(data=self._folder))
        door = _GrpcDoor(hub.home.ingest, self._answer)
        self.grpc = f"127.0.0.1:{await door.start('127.0.0.1', 0)}"
        server = _Server(_HttpDoor(hub.app, self._answer))
        serving = asyncio.create_task(server.serve())
        await server.up.wait()
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._stop = lambda: loop.call_soon_threadsafe(stop.set)
        self._up.set()
        await stop.wait()
        server.should_exit = True
        await asyncio.gather(serving, door.stop(0))
        await hub.close()
        await hub.end(0)
        store.close()

    async def _answer(self, asked: Asked, hub: Honest) -> Said:
        async def honest(asked: Asked) -> Said:
            if len(asked.body) in self._overloaded_by:
                self._burst += 1
                if self._burst % 2:
                    return _overload(asked)
            if asked.protocol == "grpc" and len(asked.body) > BODY_LIMIT:
                return Said("RESOURCE_EXHAUSTED", message="too large")
            return await hub(asked)

        return await self.twist(asked, honest)


def _overload(asked: Asked) -> Said:
    said = refusal(asked, 503, "UNAVAILABLE", "later")
    if asked.protocol == "grpc":
        return replace(said, details=retry_details("later", 1))
    return replace(said, headers={"retry-after": "1"})


class _Server(uvicorn.Server):
    def __init__(self, app: Any) -> None:
        super().__init__(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
        self.up = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets=sockets)
        self.up.set()


class _HttpDoor:
    """Takes OTLP requests whole, and passes everything else through."""

    def __init__(self, app: Any, answer: Twist) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked = Asked(
            "http",
            scope["path"].removeprefix("/v1/"),
            body,
            scope["method"],
            headers.get("content-type", ""),
            headers.get("content-encoding", ""),
        )
        said = await self._answer(asked, lambda changed: self._ask(scope, changed))
        given = {"content-length": str(len(said.body)), **said.headers}
        if said.content_type:
            given["content-type"] = said.content_type
        await send(
            {
                "type": "http.response.start",
                "status": int(said.status),
                "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            }
        )
        await send({"type": "http.response.body", "body": said.body})

    async def _ask(self, scope: Any, asked: Asked) -> Said:
        kept = [
            (name, value)
            for name, value in scope["headers"]
            if name not in (b"content-length", b"transfer-encoding")
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": asked.body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app({**scope, "headers": kept}, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        kind = headers.pop("content-type", "")
        headers.pop("content-length", None)
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Said(str(sent[0]["status"]), body, kind, headers)


class _Aborted(Exception):  # noqa: N818 - carries an answer
    def __init__(self, said: Said) -> None:
        self.said = said


class _Listening:
    """What the hub's handler believes to be gRPC's context."""

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()

    async def abort(self, code: grpc.StatusCode, message: str, trailing: Any = ()) -> NoReturn:
        details = dict(trailing).get("grpc-status-details-bin", b"")
        raise _Aborted(Said(code.name, message=message, details=details))


class _GrpcDoor(OtlpGrpc):
    def __init__(self, ingest: Any, answer: Twist) -> None:
        super().__init__(ingest)
        self._answer = answer

    def _export(self, signal: Signal) -> Callable[[bytes, Any], Awaitable[bytes]]:
        export = super()._export(signal)

        async def ask(asked: Asked) -> Said:
            try:
                return Said("OK", await export(asked.body, _Listening()))
            except _Aborted as aborted:
                return aborted.said

        async def twisted(request: bytes, context: Any) -> bytes:
            said = await self._answer(Asked("grpc", signal, request), ask)
            if said.status != "OK":
                trailing = (("grpc-status-details-bin", said.details),) if said.details else ()
                await context.abort(grpc.StatusCode[said.status], said.message, trailing)
            return said.body

        return twisted
