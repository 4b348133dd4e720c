"""The process that writes a store's files: `python -m … DESCRIPTOR FOLDER`.

It does what it is asked to over a socket, and answers for each batch when that is on disk. It has
no clock, for it takes the hub's, and no questions: those are answered by the hub's own process
beside the writing.

When the socket is closed without a word, the hub was killed. Then this process ends at once, in the
middle of whatever it does, as if it were a part of the hub: what was acknowledged is in the receive
log, and the next hub needs the folder.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import Future
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otbridge._clock import SystemClock
from otbridge.errors import OtbridgeError, StoreError
from otbridge.hub.decoding import decode
from otbridge.hub.memory import collect_rarely, return_large_blocks
from otbridge.hub.store.sqlite.files.days import Folder
from otbridge.hub.store.sqlite.writing.messages import Answer
from otbridge.hub.store.sqlite.writing.writer import DayFilesWriter

if TYPE_CHECKING:
    from otbridge.hub.store.sqlite.writing.messages import Ask, Holdings, Opening
    from otbridge.wire.rows import Batch, Request

__all__ = ["main"]

_PATIENCE_S: Final = 2.0
"""The process before this one may need so long to end after its hub was killed."""


def main(descriptor: int, folder: Path) -> None:
    """Serve the socket of this number until the hub says that it is over."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Who ends a whole group of processes means the hub, which ends this one in its turn.
        signal.signal(number, signal.SIG_IGN)
    hub = Connection(descriptor)
    try:
        _serve(hub, folder)
    except (EOFError, OSError):
        os._exit(1)


def _serve(hub: Connection, folder: Path) -> None:
    opening: Opening = hub.recv()
    clock = _ToldClock(opening.now_ns)
    try:
        writer = DayFilesWriter(Folder(folder), clock, opening.retention, patience_s=_PATIENCE_S)
    except StoreError as error:
        hub.send(Answer(0, error, None, None))
        return
    return_large_blocks()
    collect_rarely()
    service = _Service(hub, writer)
    service.answer(0, None, None)
    while True:
        asked: Ask = hub.recv()
        clock.now_ns = asked.now_ns
        if asked.method == "close":
            writer.close()
            service.answer(asked.number, None, None)
            return
        service.do(asked)


class _ToldClock(SystemClock):
    """Says what time it was at the hub when that asked for something last."""

    __slots__ = ("now_ns",)

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def time_ns(self) -> int:
        return self.now_ns


class _Service:
    """Has done what the hub asks for, and tells it what became of it."""

    def __init__(self, hub: Connection, writer: DayFilesWriter) -> None:
        self._hub = hub
        self._writer = writer
        self._answering = threading.Lock()
        self._told: Holdings | None = None

    def do(self, asked: Ask) -> None:
        """Have it done after what was asked for before; it is answered when it is."""
        if asked.method == "submit":
            (batch,) = asked.arguments
            done = self._submit(batch)
        else:
            batch = None
            done = getattr(self._writer, asked.method)(*asked.arguments)
        done.add_done_callback(partial(self._done, asked.number, batch))

    def answer(self, number: int, error: StoreError | None, value: Any) -> None:
        """Tell the hub, and what has changed on the disk meanwhile."""
        with self._answering:
            holdings = self._writer.holdings
            news = None if holdings == self._told else holdings
            self._told = holdings
            self._hub.send(Answer(number, error, value, news))

    def _submit(self, batch: Batch) -> Future[None]:
        try:
            if batch.request is not None:
                _fill(batch, batch.request)
        except OtbridgeError as error:
            failed: Future[None] = Future()
            failed.set_exception(StoreError(error.what, error.why, error.do))
            return failed
        return self._writer.submit(batch)

    def _done(self, number: int, batch: Batch | None, done: Future[Any]) -> None:
        error = done.exception()
        value = None if error else done.result() if batch is None else batch.known_logs
        try:
            self.answer(number, error, value)  # type: ignore[arg-type]
        except OSError:
            os._exit(1)  # as above


def _fill(batch: Batch, request: Request) -> None:
    """Decode the rows again, which is cheaper than to have them sent."""
    decoded, _ = decode(*request)
    batch.spans = decoded.spans
    batch.open_spans = decoded.open_spans
    batch.logs = decoded.logs
    batch.metrics = decoded.metrics


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
