"""A gRPC server that a single request cannot end.

grpc.aio (seen in 1.85) decodes the path of every call as UTF-8 in the loop that takes the calls;
where a path is anything else the loop ends, and with it the server, for everybody. Nothing of ours
is asked before. So the server is opened again at once, on the same port: who was being served is
told to come again, which OTLP's clients do.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Final

from otbridge._clock import SystemClock
from otbridge.delivery.spool.trouble import Trouble
from otbridge.hub.listening import printed

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc
    import grpc.aio

__all__ = ["LastingServer", "quieten"]

_logger = logging.getLogger("otbridge.hub")

_LOOK_S: Final = 0.25
"""How often it is asked whether it still serves."""

_AGAIN_S: Final = 0.1
"""Until the port is tried again, where somebody else has it."""


class LastingServer:
    """A server on one port.

    Args:
        make: Returns a new `grpc.aio.Server` that has its handlers and no port.
        credentials: Returns what it encrypts by, new each time: gRPC asks such an object for its
            first certificate only once. None: it does not encrypt.
    """

    def __init__(
        self,
        make: Callable[[], grpc.aio.Server],
        credentials: Callable[[], grpc.ServerCredentials] | None = None,
    ) -> None:
        self._make = make
        self._credentials = credentials
        self._server: grpc.aio.Server | None = None
        self._watching: asyncio.Task[None] | None = None
        self._trouble = Trouble(SystemClock(), _logger.warning, 0.0)

    async def open(self, host: str, port: int) -> int:
        """Listen, and return the port (another than *port* where that is 0).

        Raises:
            RuntimeError: gRPC cannot have the port.
        """
        bound = await self._listen(printed(host, port))
        self._watching = asyncio.create_task(self._watch(printed(host, bound)))
        return bound

    async def close(self, grace_s: float) -> None:
        """Take no new calls; let the running ones finish for *grace_s* seconds."""
        if self._watching is not None:
            self._watching.cancel()
        if self._server is not None:
            await self._server.stop(grace_s)

    async def _listen(self, address: str) -> int:
        server = self._server = self._make()
        if self._credentials is None:
            bound = server.add_insecure_port(address)
        else:
            bound = server.add_secure_port(address, self._credentials())
        await server.start()
        return bound

    async def _watch(self, address: str) -> None:
        while self._server is not None:
            try:
                # Without a limit it would wait for the calls that are open, which may be for ever.
                if await self._server.wait_for_termination(_LOOK_S):
                    continue
            except UnicodeDecodeError:
                pass  # this is what ended it
            await self._server.stop(None)  # cancels its calls, and gives back what it holds
            self._trouble.say(
                "A call whose path is no text has ended gRPC's server. It is opened again."
            )
            await self._listen_again(address)

    async def _listen_again(self, address: str) -> None:
        while True:
            try:
                await self._listen(address)
            except RuntimeError:
                await asyncio.sleep(_AGAIN_S)
            else:
                return


def quieten() -> None:
    """Have gRPC write nothing about what strangers send; call before it is loaded.

    Its core writes a line for each header that it cannot read, and its Python part a stack trace
    for each that is no UTF-8: anybody could fill the log with them.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for name in ("grpc._cython.cygrpc", "asyncio"):
        logging.getLogger(name).addFilter(_not_about_encodings)


def _not_about_encodings(record: logging.LogRecord) -> bool:
    """Leave out what is said of texts that are no UTF-8, and of the server that ended so."""
    if record.name == "asyncio":
        failed = record.exc_info[1] if record.exc_info else None
        return not (isinstance(failed, UnicodeDecodeError) and _raised_by_grpc(failed))
    about: object = record.msg
    return not (isinstance(about, UnicodeDecodeError) or str(about).startswith("Invalid encoding"))


def _raised_by_grpc(error: BaseException) -> bool:
    where = error.__traceback__
    while where is not None:
        if "grpc/_cython" in where.tb_frame.f_code.co_filename:
            return True
        where = where.tb_next
    return False
