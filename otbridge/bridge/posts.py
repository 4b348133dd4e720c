"""The bridge by POST: for pages that cannot have a WebSocket, and for the moment they go away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from otbridge.bridge.auth import authenticated
from otbridge.bridge.ingest import Busy, Refused, Taken
from otbridge.bridge.otlp import Origin, Peer, peer_of
from otbridge.bridge.rate import Buckets
from otbridge.bridge.responses import Answer, HttpError, header, read_body
from otbridge.bridge.session import AUTHENTICATE_S
from otbridge.errors import LimitExceeded, MalformedData
from otbridge.wire import frames
from otbridge.wire.bridge_streams import IDS_AHEAD, Claim

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from otbridge.bridge.ingest import Ingest
    from otbridge.bridge.responses import Scope
    from otbridge.bridge.session import Receive, Terms
    from otbridge.wire.bridge_streams import Stream

__all__ = ["Posts"]

TAKE_S: Final = 10.0
"""For the consumer to take everything in one POST; then the client is asked to come again."""

LATER_S: Final = 1.0
"""When a batch may come again that was not wrong, only early."""

_NONE: Final = b"[]"
"""No open spans, said or left out."""

_MEDIA_TYPES: Final = frozenset({"application/json", "text/plain"})


class Posts:
    """Answers POSTs.

    Args:
        ingest: Where batches go.
        terms: What is allowed.
    """

    def __init__(self, ingest: Ingest, terms: Terms) -> None:
        self._ingest = ingest
        self._terms = terms
        self._buckets = Buckets(terms.rate)
        self._tasks: set[asyncio.Task[tuple[int, str]]] = set()

    async def answer(self, scope: Scope, receive: Receive, origin: str | None) -> Answer:
        """Take what one POST brings and return the answer.

        Args:
            scope: ASGI's.
            receive: ASGI's.
            origin: The page's `Origin`, already allowed; None where the peer is no browser.

        Raises:
            HttpError: The answer is an error.
        """
        _check_headers(scope)
        body = await read_body(scope, receive, frames.READABLE_BYTES)
        client = (scope.get("client") or ("",))[0]
        wait_s = self._buckets.charge(client, len(body), self._ingest.clock.monotonic())
        if wait_s:
            what = "More than one client may send."
            raise HttpError(429, "rate", what, do=f"Wait {wait_s:.1f} s.", retry_s=wait_s)
        envelope = _envelope(body)
        owner = await self._owner(envelope.token, origin)
        peer = self._peer(envelope, origin, owner)
        stream = self._ingest.registry.stream(
            envelope.stream, self._ingest.clock.monotonic(), owner
        )
        stream.settle_below(envelope.oldest)
        rejected, message = await self._in_time(self._take(peer, stream, envelope.batches))
        if self._terms.live and bytes(envelope.open) != _NONE:
            await self._ingest.show_open(peer, stream, envelope.open)
        ack = frames.Ack(stream.last, rejected, message, live=self._terms.live)
        return Answer(200, frames.encode(ack).encode())

    async def _owner(self, token: str | None, origin: str | None) -> str:
        try:
            async with asyncio.timeout(AUTHENTICATE_S):
                owner = await authenticated(self._terms.authenticate, token, origin)
        except Exception as error:
            # The application's function may raise anything, a timeout among it.
            self._ingest.report(error)
            what = "The token could not be checked."
            raise HttpError(503, "busy", what, do="Come again.", retry_s=5.0) from error
        if owner is None:
            what = "The token is not accepted."
            raise HttpError(401, "token", what, do="Get a new one.")
        return owner

    def _peer(self, envelope: frames.Envelope, origin: str | None, owner: str) -> Peer:
        kind: Origin = "node" if origin is None else "browser"
        try:
            now_ms = self._ingest.clock.time_ns() / 1e6
            return peer_of(envelope, origin=kind, now_ms=now_ms, project=owner)
        except (MalformedData, LimitExceeded) as error:
            raise HttpError(400, "malformed", error.what, error.why, error.do) from error

    async def _in_time(self, work: Coroutine[Any, Any, tuple[int, str]]) -> tuple[int, str]:
        """Wait for *work* while a client would; it goes on to its end in any case.

        Cut off half-way, a batch could be with the consumer and come again.
        """
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=TAKE_S)
        if not done:
            raise _busy(Busy(LATER_S, "The receiver is slow."))
        return task.result()

    def _ended(self, task: asyncio.Task[tuple[int, str]]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # it was the client's answer, if the client still waited

    async def _take(
        self, peer: Peer, stream: Stream, batches: list[frames.Batch]
    ) -> tuple[int, str]:
        rejected, messages = 0, ""
        for batch in batches:
            stream.settle_below(batch.oldest)
            if not await self._claimed(stream, batch.id):
                continue
            match await self._ingest.take(peer, stream, batch):
                case Taken(rejected=some, message=message):
                    rejected += some
                    messages = message or messages
                    stream.settle(batch.id, self._ingest.clock.monotonic())
                case Refused(why=why):
                    rejected += batch.n
                    messages = why
                    stream.settle(batch.id, self._ingest.clock.monotonic())
                case Busy() as busy:
                    stream.release(batch.id, busy.retry_s)
                    raise _busy(busy)
        return rejected, messages

    async def _claimed(self, stream: Stream, batch_id: int) -> bool:
        """Claim a batch; False where it was taken already. Waits while another way takes it."""
        while True:
            match stream.claim(batch_id):
                case Claim.NEW:
                    return True
                case Claim.SEEN:
                    return False
                case Claim.IN_FLIGHT:
                    await self._ingest.wait(stream, batch_id)
                case Claim.AHEAD:
                    what = f"Batch {batch_id} is more than {IDS_AHEAD} above {stream.last}."
                    do = "Send the lower ones first, or `oldest`."
                    raise HttpError(503, "ahead", what, do=do, retry_s=LATER_S)


def _check_headers(scope: Scope) -> None:
    media_type = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        what = f"The body is said to be {media_type or 'nothing'!r}."
        raise HttpError(415, "media_type", what, do="Send application/json or text/plain.")
    encoding = (header(scope, b"content-encoding") or "identity").lower()
    if encoding != "identity":
        what = f"The body is encoded as {encoding!r}."
        raise HttpError(415, "encoding", what, do="Send it as it is.")


def _envelope(body: bytes) -> frames.Envelope:
    try:
        envelope = frames.decode_envelope(body)
    except LimitExceeded as error:
        raise HttpError(413, "too_large", error.what, error.why, error.do) from error
    except MalformedData as error:
        raise HttpError(400, "malformed", error.what, error.why, error.do) from error
    if isinstance(envelope, frames.OtherVersion):
        what = f"The body is of protocol version {envelope.v}."
        raise HttpError(400, "version", what, f"This server speaks {frames.VERSION}.")
    return envelope


def _busy(busy: Busy) -> HttpError:
    do = f"Send the same again in {busy.retry_s:g} s."
    return HttpError(503, "busy", busy.why, do=do, retry_s=busy.retry_s)
