"""One peer on a WebSocket: reads, takes, answers, until either side has enough.

The protocol itself is `otbridge.wire.bridge_state`; here are its input, its output and its tasks:
a reader, a writer that alone sends, and one task per batch under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from otbridge.bridge.auth import Authenticate, authenticated
from otbridge.bridge.ingest import Busy, Refused, Taken
from otbridge.bridge.otlp import Origin, Peer, peer_of
from otbridge.bridge.rate import Bucket, RateLimit
from otbridge.errors import WireError
from otbridge.wire import frames
from otbridge.wire.bridge_state import Connection

if TYPE_CHECKING:
    from otbridge.bridge.ingest import Ingest
    from otbridge.wire.bridge_streams import Stream

__all__ = ["Receive", "Send", "Session", "Terms"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CLOSE_INTERNAL: Final = 1011
CLOSE_LATER: Final = 1013
CLOSE_MALFORMED: Final = 4400
CLOSE_TOKEN: Final = 4401
CLOSE_RATE: Final = 4429

AUTHENTICATE_S: Final = 5.0
"""For `authenticate` to answer; as long as a client has for its `hello`."""

SEND_S: Final = 30.0
"""For one frame to leave: frames are small, so that a client this slow has stopped reading."""

DRAIN_S: Final = 1.5
FAREWELL_S: Final = 0.5
"""For batches under way when the server leaves, and for the last frames to be written; together
well inside the 3 s that a hub has to stop."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a bridge allows, the same for all its clients."""

    authenticate: Authenticate
    live: bool
    rate: RateLimit
    window: int = 8


class Session:
    """Serves one WebSocket that was accepted already.

    Args:
        name: The connection's name, for `ready.conn`.
        ingest: Where batches go.
        terms: What is allowed.
        origin: The page's `Origin`; None where the peer is no browser.
        receive: ASGI's.
        send: ASGI's.
    """

    def __init__(
        self,
        name: str,
        ingest: Ingest,
        terms: Terms,
        *,
        origin: str | None,
        receive: Receive,
        send: Send,
    ) -> None:
        self._ingest = ingest
        self._terms = terms
        self._origin = origin
        self._receive = receive
        self._send = send
        self._wake = asyncio.Event()
        self._connection = Connection(
            name, self._now(), window=terms.window, live=terms.live, wake=self._wake.set
        )
        self._bucket = Bucket(terms.rate, self._now())
        self._peer: Peer | None = None
        self._taking: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Serve until the connection is closed by either side; never raises but to be cancelled."""
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Batches under way are left to finish: they are in the consumer's hands already.
            self._connection.gone()
            for task in (reader, writer):
                task.cancel()
            self._ended.set()
            for result in await asyncio.gather(reader, writer, return_exceptions=True):
                if isinstance(result, Exception):
                    await self._fail(result)

    async def leave(self, retry_s: float, why: str) -> None:
        """Finish what is under way, then send the client off to come back after *retry_s*."""
        if self._taking:
            await asyncio.wait(self._taking, timeout=DRAIN_S)
        self._connection.leave(self._now(), retry_s, why)
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._ended.wait()
        except TimeoutError:
            pass  # a client that does not read; the server will cut it off

    @property
    def project(self) -> str | None:
        """Whom the peer writes for; None while it has not been accepted."""
        return None if self._peer is None else self._peer.project

    def expel(self, why: str) -> None:
        """End the connection of a peer whose token is not accepted any more."""
        self._connection.close(CLOSE_TOKEN, why)

    def lost_stream(self) -> Stream | None:
        """Return the stream whose peer went without good-bye and may have left spans open.

        To be asked after `run`. A peer that said good-bye has ended its spans.
        """
        stream = self._connection.stream
        if stream is None or stream.watcher is not None or not stream.has_open_spans:
            return None
        if self._connection.said_bye:
            stream.has_open_spans = False
            return None
        return stream

    # ------------------------------------------------------------------ reading

    async def _read(self) -> None:
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return
            message: str | bytes | None = event.get("text")
            await self._handle(event["bytes"] if message is None else message)

    async def _handle(self, message: str | bytes) -> None:
        frame = self._connection.receive(message, self._now())
        wait_s = self._bucket.charge(len(message), self._now())
        if self._bucket.exhausted:
            self._connection.close(CLOSE_RATE, "More than allowed, again and again.")
        elif isinstance(frame, frames.Hello):
            await self._greet(frame)
        elif isinstance(frame, frames.Batch) and wait_s:
            self._connection.busy(frame.id, wait_s, "More than one client may send.")
            self._connection.slow(1, wait_s, self._now())
        elif isinstance(frame, frames.Batch):
            await self._start(frame)
        elif isinstance(frame, frames.Open) and not wait_s:
            await self._show(frame)

    async def _greet(self, hello: frames.Hello) -> None:
        connection = self._connection
        try:
            async with asyncio.timeout(AUTHENTICATE_S):
                owner = await authenticated(self._terms.authenticate, hello.token, self._origin)
        except TimeoutError:
            connection.close(CLOSE_LATER, "The token could not be checked in time.")
            return
        except Exception as error:  # noqa: BLE001 - the application's function; it may raise anything
            self._ingest.report(error)
            connection.close(CLOSE_INTERNAL, "The token could not be checked.")
            return
        if owner is None:
            connection.close(CLOSE_TOKEN, "The token is not accepted; get a new one.")
            return
        now_ms = self._ingest.clock.time_ns() / 1e6
        origin: Origin = "node" if self._origin is None else "browser"
        try:
            self._peer = peer_of(hello, origin=origin, now_ms=now_ms, project=owner)
        except WireError as error:
            connection.close(CLOSE_MALFORMED, str(error))
            return
        stream = self._ingest.registry.stream(hello.stream, self._now(), owner)
        connection.accept(hello, stream, now_ms)

    async def _fail(self, error: Exception) -> None:
        self._ingest.report(error)
        why = "The bridge failed; the server's log says how."
        await self._sent({"type": "websocket.close", "code": CLOSE_INTERNAL, "reason": why})

    # ------------------------------------------------------------------ taking

    async def _start(self, batch: frames.Batch) -> None:
        task = asyncio.create_task(self._take(batch))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)
        # A client that keeps to the window never waits here; one that does not is read no faster.
        while len(self._taking) > self._terms.window:
            await asyncio.wait(self._taking, return_when=asyncio.FIRST_COMPLETED)

    async def _take(self, batch: frames.Batch) -> None:
        connection = self._connection
        peer, stream = self._peer, connection.stream
        if peer is None or stream is None:
            raise RuntimeError("A batch came before its sender was accepted.")
        match await self._ingest.take(peer, stream, batch):
            case Taken(rejected=rejected, message=message):
                connection.taken(batch.id, self._now(), rejected, message)
            case Busy(retry_s=retry_s, why=why):
                connection.busy(batch.id, retry_s, why)
            case Refused(why=why):
                connection.refused(batch.id, self._now(), why)

    async def _show(self, frame: frames.Open) -> None:
        if self._peer is not None and self._connection.stream is not None:
            await self._ingest.show_open(self._peer, self._connection.stream, frame.spans)

    # ------------------------------------------------------------------ writing

    async def _write(self) -> None:
        connection = self._connection
        while True:
            self._wake.clear()
            connection.tick(self._now())
            closing = connection.closing
            for frame in connection.outgoing():
                if not await self._sent({"type": "websocket.send", "text": frames.encode(frame)}):
                    return
            if closing is not None:
                await self._sent(
                    {"type": "websocket.close", "code": closing.code, "reason": closing.why}
                )
                return
            try:
                async with asyncio.timeout(max(0.0, connection.deadline() - self._now())):
                    await self._wake.wait()
            except TimeoutError:
                pass  # something is due

    async def _sent(self, event: MutableMapping[str, Any]) -> bool:
        try:
            async with asyncio.timeout(SEND_S):
                await self._send(event)
        except (OSError, RuntimeError):
            return (
                False  # the peer is gone (TimeoutError is an OSError); the reader hears of it too
            )
        return True

    def _now(self) -> float:
        return self._ingest.clock.monotonic()
