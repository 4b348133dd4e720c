"""Everything about access, put together for one hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.hub.access.admission import Admission
from otbridge.hub.access.guard import AccessGuard
from otbridge.hub.access.key import Right
from otbridge.hub.access.key_file import FILE_NAME
from otbridge.hub.access.keyring import Keyring
from otbridge.hub.access.login import LOGIN_FILES, login_page
from otbridge.hub.access.principal import ANYBODY, Principal
from otbridge.hub.access.quotas import Quotas
from otbridge.hub.access.sessions import SESSION_PATH, Sessions
from otbridge.hub.access.tickets import TICKET_PATH, TICKET_PREFIX, BridgeTickets
from otbridge.hub.access.trace_owners import TraceOwners
from otbridge.hub.access.untrusted import Untrusted
from otbridge.hub.security import is_loopback

if TYPE_CHECKING:
    from otbridge._clock import Clock
    from otbridge.bridge.asgi import BridgeApp
    from otbridge.hub.access.key import Key, Quota
    from otbridge.hub.asgi import App
    from otbridge.hub.ledger import HubLedger
    from otbridge.hub.security import Origins
    from otbridge.hub.settings import HubSettings
    from otbridge.hub.store import Store

__all__ = ["AccessControl", "needs_keys"]


def needs_keys(settings: HubSettings) -> bool:
    """Whether the hub is closed although it may have no keys: others can reach it."""
    return not settings.insecure and not is_loopback(settings.host)


class AccessControl:
    """Who may use a hub. It belongs to the hub's event loop.

    Args:
        settings: Where the keys are, and whether they are needed.
        origins: Which pages may send; learns of those that public keys are for.
        ledger: Who counts what is turned away.
        clock: Where the time comes from.

    Raises:
        ConfigurationError: The keys cannot be read.
    """

    def __init__(
        self,
        settings: HubSettings,
        origins: Origins,
        ledger: HubLedger,
        clock: Clock,
    ) -> None:
        self.keyring = Keyring(settings.data / FILE_NAME, required=needs_keys(settings))
        self._origins = origins
        self._ledger = ledger
        self._quotas = Quotas(clock.monotonic)
        self._sessions = Sessions(self.keyring, clock.monotonic)
        self._tickets = BridgeTickets(self.keyring, clock.monotonic)
        self._tenants: dict[str, str] = {}
        self.doors: dict[str, App] = {
            SESSION_PATH: self._sessions,
            TICKET_PATH: self._tickets,
            **LOGIN_FILES,
        }
        """The doors that are about access itself, by path."""

    def admission_for(self, store: Store, ledger: HubLedger, shared: Quota) -> Admission:
        """Return who holds senders to what they may do.

        Args:
            store: What tells whose a trace is.
            ledger: Who counts what is turned away.
            shared: How much all keys of one tenant may bring together.
        """
        return Admission(self._quotas, Untrusted(TraceOwners(store)), ledger, shared)

    def guarded(self, app: App) -> App:
        """Return *app* behind a guard that asks for keys."""
        return AccessGuard(
            app,
            keyring=self.keyring,
            sessions=self._sessions,
            login=login_page,
            origins=self._origins,
            ledger=self._ledger,
        )

    def attach(self, bridge: BridgeApp) -> None:
        """Have *bridge* take the pages of the keys, and let those go whose key is taken away."""

        def follow() -> None:
            origins = self.keyring.origins()
            self._origins.also(origins)
            bridge.origins.also(origins)
            bridge.expel(self._is_unwelcome)
            self._tenants.update((key.id, key.tenant) for key in self.keyring.keys)
            self._quotas.forget({key.id for key in self.keyring.keys})

        self.keyring.on_change(follow)

    def authenticate(self, token: str | None, origin: str | None) -> str | None:
        """Return the id of the key that a bridge's client shows: an `Authenticate`.

        Empty where the hub is open; None to refuse.
        """
        if not self.keyring.closed:
            return ""
        if token is not None and token.startswith(TICKET_PREFIX):
            key = self._tickets.redeem(token)
        else:
            key = self.find(None if token is None else token.encode(errors="replace"))
        if key is None or not key.grants(Right.WRITE) or not key.fits(origin):
            self.turned_away("no_key" if key is None else "forbidden")
            return None
        return key.id

    def find(self, secret: bytes | None) -> Key | None:
        """Return the key that *secret* belongs to, or None."""
        principal = None if secret is None else self.keyring.find(secret)
        return None if principal is None else principal.key

    def turned_away(self, reason: str) -> None:
        """Count a request that went no further."""
        self._ledger.turned_away(reason)

    def bearer(self, key_id: str) -> Principal | None:
        """Return who was let in by `authenticate`; None where the key was taken away since."""
        if not key_id:
            return None if self.keyring.closed else ANYBODY
        key = self.keyring.get(key_id)
        return None if key is None else Principal.of(key)

    def tenant_of(self, key_id: str) -> str:
        """Return whose this key is, or was before it was taken away."""
        return self._tenants.get(key_id, "")

    def as_dict(self, tenant: str) -> dict[str, Any]:
        """Return who of *tenant* may use the hub, and what came with which key."""
        return {
            "closed": self.keyring.closed,
            "keys": [
                {
                    "id": key.id,
                    "kind": key.kind.value,
                    "name": key.name,
                    "service": key.service,
                    **self._quotas.use_of(key.id),
                }
                for key in self.keyring.keys
                if key.tenant == tenant
            ],
        }

    def _is_unwelcome(self, key_id: str) -> bool:
        return self.bearer(key_id) is None
