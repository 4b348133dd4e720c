"""What a receiver asks before it hands a request on: is there room for it, and what is it worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.hub.access.key import UNLIMITED
from otbridge.hub.access.untrusted import count_records
from otbridge.hub.ingest import Overload
from otbridge.hub.limits import MAX_PUBLIC_RECORDS
from otbridge.wire.otlp_walk import MAX_RECORDS

if TYPE_CHECKING:
    from otbridge.hub.access.key import Key, Quota
    from otbridge.hub.access.principal import Principal
    from otbridge.hub.access.quotas import Quotas
    from otbridge.hub.access.untrusted import Untrusted
    from otbridge.hub.ledger import HubLedger
    from otbridge.typing import Signal

__all__ = ["Admission"]


class Admission:
    """Lets requests in as far as their sender's key goes.

    Args:
        quotas: How much each may bring.
        untrusted: What makes public senders' requests believable.
        ledger: Who counts what is turned away.
        shared: How much all keys of the tenant may bring together.
    """

    def __init__(
        self,
        quotas: Quotas,
        untrusted: Untrusted,
        ledger: HubLedger,
        shared: Quota = UNLIMITED,
    ) -> None:
        self._quotas = quotas
        self._untrusted = untrusted
        self._ledger = ledger
        self._shared = shared

    def knock(self, principal: Principal, address: str) -> None:
        """Count one request that may be too many, before its body is read.

        Raises:
            Overload: These are too many; the sender may come again.
        """
        if principal.key is not None and self._metered(principal.key):
            self._charge(principal, address, requests=1)

    async def admit(
        self,
        principal: Principal,
        signal: Signal,
        request: bytes,
        *,
        address: str = "",
        instance_known: bool = False,
        counted: bool = True,
    ) -> bytes:
        """Return the request that may be taken in place of *request*.

        Args:
            principal: Who sends it.
            signal: What it exports.
            request: The serialised Export…ServiceRequest.
            address: Where it came from; empty where the door has limits of its own for that.
            instance_known: Whether its `service.instance.id` is the hub's word already.
            counted: Whether its records count; those of an open span come again when it ends.

        Raises:
            Overload: It is more than the key may bring now; it may come again.
            MalformedData: It is not OTLP.
            LimitExceeded: It holds more than its sender may bring at once.
        """
        key = principal.key
        if key is None:
            return request
        if not self._metered(key):
            self._quotas.note(key, len(request))
            return request
        records = 0
        if key.public:
            records = count_records(request, MAX_PUBLIC_RECORDS)
        elif key.quota.records is not None or self._shared.records is not None:
            records = count_records(request, MAX_RECORDS)
        if counted:
            self._charge(principal, address, records=records, size=len(request))
        if not key.public:
            return request
        return await self._untrusted.rewritten(signal, request, key, instance_known=instance_known)

    def _metered(self, key: Key) -> bool:
        return key.metered or self._shared is not UNLIMITED

    def _charge(
        self,
        principal: Principal,
        address: str,
        *,
        requests: int = 0,
        records: int = 0,
        size: int = 0,
    ) -> None:
        if principal.key is None:
            return
        wait_s = self._quotas.charge(
            principal.key,
            address,
            requests=requests,
            records=records,
            size=size,
            shared=self._shared,
        )
        if wait_s:
            self._ledger.turned_away("rate_limited")
            raise Overload(
                "This key brings more than it may in a minute, alone or with others of its tenant.",
                "",
                f"Send the same again in {wait_s} s.",
                retry_s=wait_s,
            )
