"""The bridge's telemetry takes the same way in as everybody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.bridge.ingest import BridgeBusy
from otbridge.hub.access.principal import ANYBODY, Principal
from otbridge.hub.ingest import Busy

if TYPE_CHECKING:
    from otbridge.hub.access.control import AccessControl
    from otbridge.hub.ingest import Ingest
    from otbridge.hub.tenants.ways_in import WaysIn
    from otbridge.typing import Signal

__all__ = ["BridgeConsumer"]

_REVOKED_RETRY_S: Final = 5.0
"""The connection is closed in a moment; the client comes again with another token, or does not."""


class BridgeConsumer:
    """What a mounted bridge hands its requests to; see `otbridge.bridge.ingest.Consumer`.

    Args:
        ingest: Who takes those of clients who are of no tenant.
        access: Who knows the keys that the projects are the ids of; None: there are none.
        ways_in: Holds open the way in that belongs to a bearer; comes with *access*.
    """

    def __init__(
        self,
        ingest: Ingest,
        access: AccessControl | None = None,
        ways_in: WaysIn | None = None,
    ) -> None:
        self._ingest = ingest
        self._access = access
        self._ways_in = ways_in

    async def consume(
        self,
        signal: Signal,
        request: bytes,
        *,
        key: tuple[str, int] | None,
        origin: str,
        project: str,
    ) -> int:
        """Take a request; return how many of its records were refused for good.

        Raises:
            BridgeBusy: Nothing was taken.
            WireError: It can never be taken.
        """
        principal = self._bearer(project)
        if key is not None:
            # A batch becomes one request per signal, and each is stored once. Two keys may have
            # a stream of the same name: a client chooses it.
            key = ("/".join(filter(None, (project, key[0], signal))), key[1])
        door = f"bridge/{origin}"
        try:
            if self._ways_in is None:
                taken = await self._ingest.take(signal, request, door=door, key=key)
            else:
                async with self._ways_in(principal) as way:
                    way.admission.knock(principal, "")
                    request = await way.admission.admit(
                        principal, signal, request, instance_known=True
                    )
                    taken = await way.ingest.take(signal, request, door=door, key=key)
        except Busy as error:
            raise BridgeBusy(error.retry_s) from error
        return taken.rejected

    async def open_spans(self, request: bytes, *, origin: str, project: str) -> None:  # noqa: ARG002
        """Show spans that have begun. Their resource says already where they come from."""
        principal = self._bearer(project)
        if self._ways_in is None:
            await self._ingest.take_open_spans(request)
            return
        async with self._ways_in(principal) as way:
            request = await way.admission.admit(
                principal, "traces", request, instance_known=True, counted=False
            )
            await way.ingest.take_open_spans(request)

    async def gone(self, stream: str, *, project: str) -> None:
        """Give up the spans that the peer of *stream* left open."""
        if self._access is None or self._ways_in is None:
            await self._ingest.producer_gone(stream)
            return
        # Of a key that was taken away, too: that may be why its bearer went.
        tenant = self._access.tenant_of(project)
        async with self._ways_in(Principal(tenant=tenant)) as way:
            await way.ingest.producer_gone(stream)

    def _bearer(self, project: str) -> Principal:
        if self._access is None:
            return ANYBODY
        principal = self._access.bearer(project)
        if principal is None:
            raise BridgeBusy(_REVOKED_RETRY_S)
        return principal
