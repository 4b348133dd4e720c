"""The server's side of one bridge connection, without sockets, clocks or tasks.

Messages and the time go in; frames to send, batches to take and a reason to close come out. The
caller reads, waits and writes: see `otbridge.bridge.session`. Rules by their numbers in
`docs/reference/bridge-protocol.md`.

    connecting --hello--> greeting --accept--> ready --> closing
                             └──────refuse──────────────────┘
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from otbridge.errors import LimitExceeded, WireError
from otbridge.wire import frames
from otbridge.wire.bridge_streams import IDS_AHEAD, Claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.wire.bridge_streams import Stream

__all__ = ["Close", "Connection", "Incoming", "Timing"]

CLOSE_GOING: Final = 1001
CLOSE_MALFORMED: Final = 4400
CLOSE_VERSION: Final = 4406
CLOSE_NO_HELLO: Final = 4408
CLOSE_TAKEN_OVER: Final = 4409
CLOSE_TOO_LARGE: Final = 4413
CLOSE_RATE: Final = 4429

MAX_UNSENT: Final = 256
"""Frames waiting for a client that does not read; beyond, it is let go (4429). A client that
reads has at most `window` nacks, an ack and a pong waiting."""

AHEAD_RETRY_MS: Final = 1000
"""When a batch too far ahead of a gap may come again: after the gap had time to close."""

Incoming = frames.Hello | frames.Batch | frames.Open
"""Frames that the caller has to act on."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The protocol's times, in seconds."""

    hello_s: float = 5.0
    """For the first frame to come."""
    silence_s: float = 90.0
    """Without a word until the connection counts as dead (rule 6). Above a minute, because a
    hidden tab's timers run once a minute."""
    ping_s: int = 25
    """Of silence after which the client pings; below the usual 30 s of proxies."""
    ack_s: float = 0.25
    """Between two acknowledgements (rule 2)."""


@dataclass(frozen=True, slots=True)
class Close:
    """How a connection ends."""

    code: int
    why: str
    """At most 123 bytes of UTF-8, as a close frame may carry (RFC 6455, 5.5)."""


class _State(Enum):
    CONNECTING = auto()
    GREETING = auto()
    READY = auto()


class Connection:
    """One connection, from its opening to the reason for closing it.

    Args:
        conn: A name for the connection, for `ready` and for log lines.
        now: Monotonic seconds, as everywhere below.
        window: Batches that may be unacknowledged at once.
        live: Whether open spans are wanted.
        timing: The protocol's times.
        wake: Called when another connection's act gave this one something to send.
    """

    def __init__(
        self,
        conn: str,
        now: float,
        *,
        window: int = 8,
        live: bool = False,
        timing: Timing | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.conn = conn
        self.epoch = 0
        self.stream: Stream | None = None
        self.closing: Close | None = None
        """Set once; whoever writes sends what is waiting, then closes."""
        self.said_bye = False
        """Whether the client said that it leaves on purpose; it closes, and we need not."""
        self._window = window
        self._live = live
        self._timing = timing or Timing()
        self._wake = wake
        self._state = _State.CONNECTING
        self._unsent: list[frames.ServerFrame] = []
        self._opened = now
        self._heard = now
        self._acked = 0
        self._acked_at = float("-inf")
        self._ack_due = False
        self._slow_until = now
        self._rejected = 0
        self._message = ""
        self._highest = 0  # of the settled batches that came by this connection
        self._awaited: set[int] = set()  # batches that came by it, and are not settled yet

    # ------------------------------------------------------------------ what comes in

    def receive(self, message: str | bytes, now: float) -> Incoming | None:
        """Read one message; return the frame in it where the caller has to act on it.

        `Hello`: find out who it is, then `accept` or `close`. `Batch`: it is new and claimed;
        take it, then `taken`, `busy` or `refused`. `Open`: show it.
        A message after `closing` is set is not read.
        """
        if self.closing is not None:
            return None
        self._heard = now
        if self.stream is not None:
            self.stream.seen = now
        try:
            frame = frames.decode(message)
        except LimitExceeded as error:
            self.close(CLOSE_TOO_LARGE, error.what)
            return None
        except WireError as error:
            self.close(CLOSE_MALFORMED, f"{error.what} {error.why}")
            return None
        if isinstance(frame, frames.Unknown):
            return None
        if isinstance(frame, frames.OtherVersion):
            self.close(CLOSE_VERSION, f"This server speaks version {frames.VERSION}.")
            return None
        if self._state is not _State.READY:
            return self._first(frame)
        return self._next(frame, now)

    def _first(self, frame: frames.ClientFrame) -> Incoming | None:
        if self._state is _State.CONNECTING and isinstance(frame, frames.Hello):
            self._state = _State.GREETING
            return frame
        self.close(CLOSE_MALFORMED, "The first frame must be hello; wait for ready after it.")
        return None

    def _next(self, frame: frames.ClientFrame, now: float) -> Incoming | None:
        match frame:
            case frames.Batch():
                return self._batch(frame, now)
            case frames.Oversize():
                self._oversize(frame, now)
            case frames.Ping():
                self._send(frames.Pong(frame.t))
            case frames.Open():
                return frame if self._live else None
            case frames.Bye():
                self.said_bye = True
            case _:
                self.close(CLOSE_MALFORMED, "There is one hello per connection.")
        return None

    def _batch(self, batch: frames.Batch, now: float) -> frames.Batch | None:
        stream = self._own_stream()
        stream.settle_below(batch.oldest)
        match stream.claim(batch.id):
            case Claim.NEW:
                return batch
            case Claim.SEEN:
                self._owe_ack(now)
            case Claim.IN_FLIGHT:
                self._awaited.add(batch.id)
            case Claim.AHEAD:
                why = f"More than {IDS_AHEAD} ids above {stream.last}; send the lower ones first."
                self._send(frames.Nack(batch.id, why, retry_ms=AHEAD_RETRY_MS))
        return None

    def _oversize(self, frame: frames.Oversize, now: float) -> None:
        why = f"The frame has {frame.size} bytes; at most {frames.MAX_BYTES} are taken."
        if self._own_stream().claim(frame.id) is Claim.NEW:
            self.refused(frame.id, now, why)
        else:
            self._send(frames.Nack(frame.id, why, fatal=True))

    # ------------------------------------------------------------------ what the caller decides

    def accept(self, hello: frames.Hello, stream: Stream, now_ms: float) -> None:
        """Let the client in: it speaks for *stream* from now on (rule 11).

        Args:
            hello: What it said.
            stream: The stream that it named.
            now_ms: The server's wall clock, unix milliseconds.
        """
        if self.closing is not None:
            return
        other = stream.watcher
        if other is not None:
            if other.epoch > hello.epoch:
                self.taken_over()
                return
            other.taken_over()
        self.stream = stream
        self.epoch = hello.epoch
        stream.watcher = self
        stream.settle_below(hello.oldest)
        self._acked = stream.last
        self._state = _State.READY
        self._send(
            frames.Ready(
                v=frames.VERSION,
                conn=self.conn,
                last=stream.last,
                window=self._window,
                max_bytes=frames.MAX_BYTES,
                ping_s=self._timing.ping_s,
                live=self._live,
                config={},
                clock=now_ms,
            )
        )

    def taken(self, batch_id: int, now: float, rejected: int = 0, message: str = "") -> None:
        """A claimed batch is with the store or the delivery queue; say so in the next `ack`.

        *rejected* of its records were refused for good, for the reason *message*.
        """
        self._rejected += rejected
        self._message = message or self._message
        self._awaited.add(batch_id)
        self._own_stream().settle(batch_id, now)

    def refused(self, batch_id: int, now: float, why: str) -> None:
        """A claimed batch can never be taken; its id is settled all the same."""
        self._awaited.discard(batch_id)
        self._send(frames.Nack(batch_id, why, fatal=True))
        self._own_stream().settle(batch_id, now)

    def busy(self, batch_id: int, retry_s: float, why: str) -> None:
        """A claimed batch cannot be taken now; the client brings it again after *retry_s*."""
        self._awaited.discard(batch_id)
        self._send(frames.Nack(batch_id, why, retry_ms=_milliseconds(retry_s)))
        self._own_stream().release(batch_id, retry_s)

    def slow(self, window: int, for_s: float, now: float) -> None:
        """Ask the client to keep at most *window* batches under way for so long; once meanwhile."""
        if now >= self._slow_until:
            self._slow_until = now + for_s
            self._send(frames.Slow(window, _milliseconds(for_s)))

    def leave(self, now: float, retry_s: float, why: str) -> None:
        """The server goes: acknowledge what was taken, tell the client when to come again."""
        if self._state is _State.READY:
            self._flush_ack(now)
            self._send(frames.GoAway(_milliseconds(retry_s), why))
        self.close(CLOSE_GOING, why)

    def close(self, code: int, why: str) -> None:
        """End the connection; the first reason given stays."""
        if self.closing is None:
            self.closing = Close(code, why.encode()[:123].decode(errors="ignore"))
            self._wake()

    def gone(self) -> None:
        """The connection is over, whoever ended it: the stream is nobody's until the next."""
        if self.stream is not None and self.stream.watcher is self:
            self.stream.watcher = None

    # ------------------------------------------------------------------ time and output

    def tick(self, now: float) -> None:
        """Do what has become due: a late acknowledgement, or the end of patience."""
        if self.closing is not None:
            return
        if self._state is _State.CONNECTING and now - self._opened >= self._timing.hello_s:
            self.close(CLOSE_NO_HELLO, f"No hello within {self._timing.hello_s:g} s.")
        elif now - self._heard >= self._timing.silence_s:
            self.close(CLOSE_GOING, f"Not a word for {self._timing.silence_s:g} s.")
        elif self._ack_due and now - self._acked_at >= self._timing.ack_s:
            self._flush_ack(now)

    def deadline(self) -> float:
        """Return the time at which `tick` has something to do, if nothing comes before."""
        deadline = self._heard + self._timing.silence_s
        if self._state is _State.CONNECTING:
            deadline = min(deadline, self._opened + self._timing.hello_s)
        if self._ack_due:
            deadline = min(deadline, self._acked_at + self._timing.ack_s)
        return deadline

    def outgoing(self) -> list[frames.ServerFrame]:
        """Return the frames to send now, in order; each is returned once."""
        unsent, self._unsent = self._unsent, []
        return unsent

    # ------------------------------------------------------------------ what the stream tells

    def settled(self, batch_id: int, now: float) -> None:
        """Acknowledge, where that is news to the client (see `Watcher`).

        A batch above a gap is none yet; when the gap is closed, perhaps by POST, it is.
        """
        if batch_id in self._awaited:
            self._awaited.discard(batch_id)
            self._highest = max(self._highest, batch_id)
        if min(self._highest, self._own_stream().last) > self._acked:
            self._owe_ack(now)

    def released(self, batch_id: int, retry_s: float) -> None:
        """Tell the client that the copy it sent elsewhere was not taken (see `Watcher`)."""
        if batch_id in self._awaited:
            self._awaited.discard(batch_id)
            why = "The same batch came by another way, and could not be taken."
            self._send(frames.Nack(batch_id, why, retry_ms=_milliseconds(retry_s)))

    def taken_over(self) -> None:
        """Close: a newer connection speaks for the stream (see `Watcher`)."""
        self.close(CLOSE_TAKEN_OVER, "A newer connection of this stream took over.")

    # ------------------------------------------------------------------ insides

    def _own_stream(self) -> Stream:
        if self.stream is None:
            raise RuntimeError("Nobody was accepted yet: call accept() with the hello first.")
        return self.stream

    def _owe_ack(self, now: float) -> None:
        self._ack_due = True
        if now - self._acked_at >= self._timing.ack_s:
            self._flush_ack(now)
        else:
            self._wake()

    def _flush_ack(self, now: float) -> None:
        if not self._ack_due:
            return
        self._send(frames.Ack(self._own_stream().last, self._rejected, self._message))
        self._acked = self._own_stream().last
        self._acked_at = now
        self._ack_due = False
        self._rejected = 0
        self._message = ""

    def _send(self, frame: frames.ServerFrame) -> None:
        if self.closing is not None:
            return
        self._unsent.append(frame)
        if len(self._unsent) > MAX_UNSENT:
            self.close(CLOSE_RATE, "The client does not read what it is sent.")
        self._wake()


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
