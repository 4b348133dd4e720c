"""The encrypted door of the HTTP port: shakes hands, and hands the connection on.

asyncio would do it itself, but with one context for ever, a minute's patience, and no limit on how
many are shaking hands: strangers who begin and fall silent would keep all the files that the
process may open, unseen by the limits on connections. Rules: reliability checklist, lines 8 and 14.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from otbridge._clock import SystemClock
from otbridge.delivery.spool.trouble import Trouble
from otbridge.hub.limits import HANDSHAKE_S, MAX_HANDSHAKES

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["Handshakes", "TlsDoor"]

_logger = logging.getLogger("otbridge.hub")

_UNPROVEN: Final = frozenset({"CERTIFICATE_VERIFY_FAILED", "PEER_DID_NOT_RETURN_A_CERTIFICATE"})

_FAREWELL_S: Final = 10.0
"""What is still to be sent to one whose connection is closed has this long to leave."""


class Handshakes:
    """Those that are shaking hands at one port.

    Args:
        context: Returns what a connection that begins now is encrypted by.
    """

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self.context = context
        self._under_way: dict[TlsDoor, None] = {}
        self._trouble = Trouble(SystemClock(), _logger.warning, 0.0)

    def begin(self, door: TlsDoor) -> None:
        """Count one more; beyond the limit the one that takes longest goes."""
        self._under_way[door] = None
        if len(self._under_way) > MAX_HANDSHAKES:
            oldest = next(iter(self._under_way))
            self.end(oldest)
            oldest.abort()

    def end(self, door: TlsDoor) -> None:
        """Count one less."""
        self._under_way.pop(door, None)

    def failed(self, raw: asyncio.Transport, error: OSError) -> None:
        """Say who could not show that it may connect, for asyncio hangs up without a word to it.

        What else goes wrong is the strangers' business.
        """
        reason = getattr(error, "reason", None)
        if reason not in _UNPROVEN:
            return
        why = getattr(error, "verify_message", "") or "it showed no certificate"
        address = (raw.get_extra_info("peername") or ("an unknown address",))[0]
        self._trouble.say(f"A client at {address} was refused: {why}.")


class TlsDoor(asyncio.Protocol):
    """One connection until it is encrypted; from then on it is that of another protocol.

    Args:
        handshakes: Those at the same port.
        make: Returns the protocol that takes over.
    """

    def __init__(self, handshakes: Handshakes, make: Callable[[], asyncio.Protocol]) -> None:
        self._handshakes = handshakes
        self._make = make
        self._raw: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._early = b""
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        if self._raw is not None or not isinstance(transport, asyncio.Transport):
            return
        self._raw = transport
        transport.pause_reading()  # until TLS reads
        self._handshakes.begin(self)
        self._task = asyncio.get_running_loop().create_task(self._shake(transport))

    def data_received(self, data: bytes) -> None:
        """Keep what came with the end of the handshake."""
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Note that nobody is there to be handed on."""
        self._ended = True

    def abort(self) -> None:
        """End it, without a word."""
        if self._raw is not None:
            self._raw.abort()

    async def _shake(self, raw: asyncio.Transport) -> None:
        try:
            encrypted = await asyncio.get_running_loop().start_tls(
                raw,
                self,
                self._handshakes.context(),
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=_FAREWELL_S,
            )
        except OSError as error:  # ssl's errors, time-outs and resets
            self._handshakes.failed(raw, error)
            raw.abort()
            return
        finally:
            self._handshakes.end(self)
        if encrypted is None or self._ended:
            return
        self._hand_on(encrypted)

    def _hand_on(self, encrypted: asyncio.Transport) -> None:
        protocol = self._make()
        encrypted.set_protocol(protocol)
        protocol.connection_made(encrypted)
        if self._early:
            early, self._early = self._early, b""
            protocol.data_received(early)
