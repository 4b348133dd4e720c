"""The certificate that is good now: follows the files, as certbot and cert-manager exchange them.

A new certificate is for the connections that begin from then on; those that are open go on. One
that does not work changes nothing, and is spoken of.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from otbridge._clock import SystemClock
from otbridge.delivery.spool.trouble import Trouble
from otbridge.errors import ConfigurationError
from otbridge.hub.tls.identity import read_identity

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    import grpc

    from otbridge._clock import Clock
    from otbridge.hub.tls import TlsFiles
    from otbridge.hub.tls.identity import Identity

__all__ = ["Renewal"]

_LOOK_S: Final = 2.0
"""How often the files are looked at: a `stat` each, some microseconds."""

_DAY_S: Final = 86_400
_SOON_S: Final = 7 * _DAY_S
"""A certificate that ends within this should have been renewed: those of Let's Encrypt are after
two thirds of their ninety days."""

_logger = logging.getLogger("otbridge.hub")


class Renewal:
    """The hub's certificate, today's and tomorrow's.

    Args:
        files: Where it is.
        clock: Tells when it expires, and when to speak of it again.

    Raises:
        ConfigurationError: The files cannot be used.
    """

    def __init__(self, files: TlsFiles, clock: Clock | None = None) -> None:
        self._files = files
        self._clock = clock or SystemClock()
        self._trouble = Trouble(self._clock, _logger.warning, 0.0)
        self._stamp = self._look()
        self._warned_until_s = 0.0
        self.identity: Identity = read_identity(files)
        """The one for connections that begin now."""
        self._warn_in_time()

    @property
    def context(self) -> ssl.SSLContext:
        """For the next connection to the HTTP port."""
        return self.identity.context

    async def watch(self) -> None:
        """Follow the files for ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Read the files again where they have changed."""
        stamp = self._look()
        if stamp != self._stamp:
            self._exchange(stamp)
        self._warn_in_time()

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Return what has gRPC ask for the certificate at every handshake; for one port."""
        import grpc

        served = self.identity

        def newer() -> Any:
            nonlocal served
            if served is self.identity:
                return None
            served = self.identity
            return _for_grpc(served)

        return grpc.dynamic_ssl_server_credentials(
            _for_grpc(served), newer, require_client_authentication=served.client_ca is not None
        )

    def _exchange(self, stamp: object) -> None:
        try:
            identity = read_identity(self._files)
        except ConfigurationError as error:
            # Not remembered as seen: the files may be in the middle of being exchanged.
            self._trouble.say(f"{error} Until then the certificate of before is used.")
            return
        if self._look() != stamp:
            return  # exchanged while they were read: the next look finds them whole
        self._stamp = stamp
        self.identity = identity
        _logger.info("The certificate was exchanged.")

    def _warn_in_time(self) -> None:
        now_s = self._clock.time_ns() / 1e9
        left_s = self.identity.expires_s - now_s
        if left_s > _SOON_S or now_s < self._warned_until_s:
            return
        self._warned_until_s = now_s + _DAY_S
        when = "has expired" if left_s <= 0 else f"expires in {left_s / 3600:.0f} hours"
        _logger.warning(
            "The certificate in %s %s. Exchange the file; the hub follows within seconds.",
            self._files.certificate,
            when,
        )

    def _look(self) -> list[tuple[int, int, int] | None]:
        named = (self._files.certificate, self._files.key, self._files.client_ca)
        return [_stamp(path) for path in named if path is not None]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file. Links are followed: Kubernetes exchanges only those."""
    try:
        found = path.stat()
    except OSError:
        return None  # in the middle of being exchanged
    return found.st_mtime_ns, found.st_size, found.st_ino


def _for_grpc(identity: Identity) -> Any:
    import grpc

    return grpc.ssl_server_certificate_configuration(
        [(identity.key, identity.chain)], identity.client_ca
    )
