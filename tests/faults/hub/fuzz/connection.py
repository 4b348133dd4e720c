"""Writes cases to the hub and reads what comes back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from tests.faults.hub.fuzz.case import Case, Lane

__all__ = ["Answer", "Broken", "Line", "exchange"]

ANSWER_S = 30.0
"""For one answer, on a machine that is loaded."""

_QUIET_S = 0.3
"""A connection on which nothing comes for so long has said what it had to say."""

_READ = 1 << 23

_END_STREAM_KINDS = {1: 1, 3: 0}
"""HTTP/2 frames that end a call, with the flag that they need for it: HEADERS and RST_STREAM."""


class Broken(Exception):  # noqa: N818 - says what the connection is
    """The hub did not keep to what HTTP promises."""


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    head: bytes
    """In lower case."""
    body: bytes


class Line:
    """A connection that is kept while the hub keeps it."""

    def __init__(self, port: int, source: str) -> None:
        self._port = port
        self._source = source
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._drop()

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def ask(self, case: Case) -> list[Answer]:
        """Return the answers of a case; fewer only where the hub said that it closes.

        Raises:
            Broken: One is missing.
        """
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                "127.0.0.1", self._port, limit=_READ, local_addr=(self._source, 0)
            )
        answers: list[Answer] = []
        try:
            self._writer.write(case.data)
            while len(answers) < case.answers:
                async with asyncio.timeout(ANSWER_S):
                    answers.append(await _answer(self._reader))
                if b"connection: close" in answers[-1].head:
                    self._drop()
                    return answers
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self._drop()
            raise Broken(f"{len(answers)} of {case.answers} answers, then {error!r}") from error
        return answers


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, found, rest = head.partition(b"content-length: ")
    body = await reader.readexactly(int(rest[: rest.index(b"\r\n")])) if found else b""
    return Answer(int(head[9:12]), head, body)


async def exchange(port: int, lane: Lane, case: Case) -> bytes:
    """Write a case on a connection of its own; return everything that came until it was closed.

    Raises:
        Broken: The hub does not close although we did.
    """
    reader, writer = await _connect(port, patient=lane.grpc)
    received = b""
    try:
        head, end, rest = (
            case.data.partition(b"\r\n\r\n") if lane.upgrade else (case.data, b"", b"")
        )
        writer.write(head + end)
        while True:
            piece = await asyncio.wait_for(reader.read(_READ), _QUIET_S)
            received += piece
            if not piece:
                return received
            if rest and b"\r\n\r\n" in received:
                writer.write(rest)
                rest = b""
            if lane.grpc and _ended(received) >= case.mutants:
                return received
    except TimeoutError:
        return received + await _end(reader, writer)
    except OSError:
        return received  # cut off, which is an answer to what is no protocol
    finally:
        writer.transport.abort()


async def _connect(
    port: int, *, patient: bool
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect; where *patient*, to a door that may just be opened again."""
    async with asyncio.timeout(ANSWER_S):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port, limit=_READ)
            except ConnectionError:
                if not patient:
                    raise
            await asyncio.sleep(0.02)


async def _end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Say that nothing more comes; the hub then has to close."""
    try:
        writer.write_eof()
        async with asyncio.timeout(ANSWER_S):
            return await reader.read(-1)
    except TimeoutError:
        raise Broken("not closed after the end") from None
    except OSError:
        return b""


def _ended(received: bytes) -> int:
    """Return how many calls have ended in some HTTP/2 frames; all, where the hub goes away."""
    place = count = 0
    while place + 9 <= len(received):
        kind, flags = received[place + 3], received[place + 4]
        if kind == 7:
            return 1 << 30
        needed = _END_STREAM_KINDS.get(kind)
        count += needed is not None and flags & needed == needed
        place += 9 + int.from_bytes(received[place : place + 3], "big")
    return count
