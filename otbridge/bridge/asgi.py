"""The bridge as an ASGI application: WebSocket, POST and preflight at one address.

It answers whatever path it is called with; `otbridge.bridge.mount` puts it into an application.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, Final

from otbridge._clock import Clock, SystemClock
from otbridge.bridge import otlp
from otbridge.bridge.auth import Authenticate, OriginPolicy, no_token_needed
from otbridge.bridge.ingest import Consumer, Ingest
from otbridge.bridge.posts import Posts
from otbridge.bridge.rate import RateLimit
from otbridge.bridge.responses import Answer, HttpError, header, preflight, respond
from otbridge.bridge.session import Receive, Send, Session, Terms
from otbridge.wire.frames import SUBPROTOCOL

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from otbridge.bridge.responses import Scope
    from otbridge.wire.bridge_streams import Stream

__all__ = ["BridgeApp"]

MAX_CONNECTIONS: Final = 512
"""WebSockets at once; some 30 KiB each, and a file descriptor."""

LOST_AFTER_S: Final = 10.0
"""Without a new connection until a peer that left without `bye` counts as gone: room for the
first three attempts to reconnect, which come within 7 s."""


class BridgeApp:
    """The Python half of ts-bridge.

    It belongs to the event loop that first calls it, never raises into the application around
    it, and never blocks its loop for longer than reading one batch takes.

    Args:
        consumer: Takes the telemetry.
        origins: Origins allowed beside the request's own and localhost; see `OriginPolicy`.
        authenticate: Says who may speak; see `otbridge.bridge.auth.Authenticate`.
        live: Whether the consumer shows open spans.
        clock: Where the time comes from.
        rate: What one client may send.
        max_connections: WebSockets at once; beyond, HTTP 503.

    Raises:
        ConfigurationError: One of *origins* is no origin.
    """

    def __init__(
        self,
        consumer: Consumer,
        *,
        origins: Iterable[str] = (),
        authenticate: Authenticate = no_token_needed,
        live: bool = False,
        clock: Clock | None = None,
        rate: RateLimit | None = None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.origins = OriginPolicy(origins)
        """Which pages may speak."""
        self._ingest = Ingest(consumer, clock or SystemClock())
        self._terms = Terms(authenticate, live, rate or RateLimit())
        self._posts = Posts(self._ingest, self._terms)
        self._max_connections = max_connections
        self._sessions: set[Session] = set()
        self._closing = False
        self._loaded = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or request (ASGI 3)."""
        if not self._loaded and scope["type"] != "lifespan":
            await asyncio.to_thread(otlp.load)
            self._loaded = True
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await respond(send, await self._http(scope, receive))
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def close(self, *, retry_s: float = 1.0, why: str = "The server stops.") -> None:
        """Send every client off: what was taken is acknowledged, then `goaway` and close 1001.

        Returns when they were told, within 2 s; new connections are refused from now on. To be
        awaited before the server stops; safe to call twice.

        Args:
            retry_s: When clients should try again.
            why: One sentence for them.
        """
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*(session.leave(retry_s, why) for session in self._sessions))

    def expel(
        self,
        unwelcome: Callable[[str], bool],
        why: str = "The token is not accepted any more; get a new one.",
    ) -> None:
        """Close the connections that write for a project of which *unwelcome* says so (4401)."""
        for session in self._sessions:
            if session.project is not None and unwelcome(session.project):
                session.expel(why)

    def stats(self) -> dict[str, Any]:
        """Return what came over the bridge: the fields of `Counts`, `connections`, `streams`."""
        counts = self._ingest.counts
        return {
            "connections": len(self._sessions),
            "streams": len(self._ingest.registry),
            "batches": counts.batches,
            "rejected": counts.rejected,
            "busy": counts.busy,
            "refused": counts.refused,
            "open_spans_ignored": counts.open_spans_ignored,
            "dropped": dict(counts.dropped),
        }

    # ------------------------------------------------------------------ WebSocket

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect; ASGI has the application wait for it
        origin = header(scope, b"origin")
        refusal = self._refusal(scope, origin)
        if refusal is not None:
            await _deny(scope, send, refusal)
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        name = secrets.token_hex(8)
        session = Session(
            name, self._ingest, self._terms, origin=origin, receive=receive, send=send
        )
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            lost = session.lost_stream()
            if lost is not None and not self._closing:
                self._spawn(self._tell_gone(lost))

    def _refusal(self, scope: Scope, origin: str | None) -> HttpError | None:
        if not self.origins.allows(origin, header(scope, b"host")):
            return _origin_refused(origin)
        if SUBPROTOCOL not in scope.get("subprotocols", ()):
            what = "No subprotocol of this server was offered."
            return HttpError(400, "subprotocol", what, do=f"Offer {SUBPROTOCOL}.")
        if self._closing or len(self._sessions) >= self._max_connections:
            what = "This server takes no more connections now."
            do = "Send by POST, and try again later."
            return HttpError(503, "busy", what, do=do, retry_s=5.0)
        return None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell_gone(self, stream: Stream) -> None:
        await asyncio.sleep(LOST_AFTER_S)
        if stream.watcher is None:
            await self._ingest.gone(stream)

    # ------------------------------------------------------------------ HTTP

    async def _http(self, scope: Scope, receive: Receive) -> Answer:
        origin = header(scope, b"origin")
        if not self.origins.allows(origin, header(scope, b"host")):
            return _origin_refused(origin).answer()
        try:
            answer = await self._answer(scope, receive, origin)
        except HttpError as error:
            answer = error.answer()
        except Exception as error:  # noqa: BLE001 - the application around us must not see it
            self._ingest.report(error)
            what = "The bridge failed; the server's log says how."
            answer = HttpError(503, "fault", what, do="Send the same again.", retry_s=5.0).answer()
        return answer.for_origin(origin)

    async def _answer(self, scope: Scope, receive: Receive, origin: str | None) -> Answer:
        if scope["method"] == "OPTIONS":
            return preflight()
        if scope["method"] == "POST":
            return await self._posts.answer(scope, receive, origin)
        what = f"{scope['method']} is not how the bridge is spoken to."
        do = f"Open a WebSocket with the subprotocol {SUBPROTOCOL}, or POST."
        error = HttpError(405, "method", what, do=do).answer()
        error.headers["allow"] = "POST, OPTIONS"
        return error

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.shutdown":
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})


async def _deny(scope: Scope, send: Send, error: HttpError) -> None:
    """Refuse a WebSocket before its first frame; with a sentence where the server can carry one."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await respond(send, error.answer(), prefix="websocket.http")
    else:
        await send({"type": "websocket.close", "code": 4403})


def _origin_refused(origin: str | None) -> HttpError:
    return HttpError(
        403,
        "origin",
        f"Pages of {origin!r} may not send here.",
        "The bridge takes pages of its own origin, of localhost, and those it was told.",
        "Add the origin to the bridge's `origins`.",
    )
