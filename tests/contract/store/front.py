"""What stands in front of a real ClickHouse in tests: speaks TLS for it, counts, and takes it away.

The engine that the tests run listens without TLS only (`SYSTEM START LISTEN` in clickhouse-local),
as many servers do that leave it to a proxy. And it ends when one that it speaks to is killed and
its connection reset; through this it is closed.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import suppress
from typing import Final, Self

_READ: Final = 65_536

_LEAVE_S: Final = 2.0
"""In which ClickHouse has said what it still had to say to who has left."""


class Front:
    """Listens on a port of its own and passes every byte on to *port*.

    Args:
        to: Port that ClickHouse listens on, on this machine.
        pem: A file with certificate and key, to speak TLS by; empty: plain.
        port: To listen on; 0: one that is free.
    """

    def __init__(self, to: int, pem: str = "", *, port: int = 0) -> None:
        self._to = to
        self._tls: ssl.SSLContext | None = None
        if pem:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(pem)
        self.port = port
        self.sent = 0
        """Bytes that went to ClickHouse."""
        self.answered = 0
        """Bytes that came from it."""
        self._loop = asyncio.new_event_loop()
        self._open = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._stop = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._open.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        # asyncio says of each failed handshake what the tests look at from the other side.
        self._loop.set_exception_handler(lambda *_: None)
        server = await asyncio.start_server(self._pass, "127.0.0.1", self.port, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._open.set()
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, to_behind = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._up(reader, to_behind))
                both.create_task(self._down(behind, writer))
        finally:
            writer.close()
            await _part(behind, to_behind)

    async def _up(self, reader: asyncio.StreamReader, to_behind: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_READ):
                self.sent += len(data)
                to_behind.write(data)
                await to_behind.drain()
        with suppress(OSError):
            to_behind.write_eof()

    async def _down(self, behind: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await behind.read(_READ):
                self.answered += len(data)
                writer.write(data)
                await writer.drain()
        writer.close()


async def _part(behind: asyncio.StreamReader, to_behind: asyncio.StreamWriter) -> None:
    """End a connection to ClickHouse with nothing unread, which would reset it."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_LEAVE_S):
            to_behind.write_eof()
            while await behind.read(_READ):
                pass
    to_behind.close()
