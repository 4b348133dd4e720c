"""`/api/v1/tenants`: all tenants of a hub in numbers, for who runs it. Numbers only, no record."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec

from otbridge.errors import OtbridgeError
from otbridge.hub.access.key import Right
from otbridge.hub.access.principal import principal_of
from otbridge.hub.asgi import respond
from otbridge.hub.refusals import Refusal, refuse
from otbridge.hub.tenants.names import names_in

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.hub.access.control import AccessControl
    from otbridge.hub.asgi import Header, Receive, Scope, Send
    from otbridge.hub.ingest import Busy
    from otbridge.hub.space import Space
    from otbridge.hub.tenants.spaces import Spaces

__all__ = ["TENANTS_PATH", "TenantsDoor", "refuse_busy"]

TENANTS_PATH: Final = "/api/v1/tenants"

_NO_STORE: Final[Header] = (b"cache-control", b"no-store")


class TenantsDoor:
    """The ASGI application at `TENANTS_PATH`.

    Args:
        home: What is of no tenant.
        spaces: Those of the tenants.
        access: Who knows the keys.
        data: The hub's data folder.
    """

    def __init__(self, home: Space, spaces: Spaces, access: AccessControl, data: Path) -> None:
        self._home = home
        self._spaces = spaces
        self._access = access
        self._data = data

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one request of an administrator who is of no tenant."""
        if scope["method"] not in ("GET", "HEAD"):
            await refuse(scope, send, _WRONG_METHOD)
            return
        principal = principal_of(scope)
        key = principal.key
        # An open hub believes everybody, and has no tenants.
        if principal.tenant or (key is not None and not key.grants(Right.ADMIN)):
            await refuse(scope, send, _NOT_FOR_TENANTS)
            return
        body = msgspec.json.encode({"tenants": await self._tenants()})
        await respond(send, 200, "application/json", body, (_NO_STORE,))

    async def _tenants(self) -> list[dict[str, Any]]:
        names = set(await asyncio.to_thread(names_in, self._data))
        names.update(key.tenant for key in self._access.keyring.keys if key.tenant)
        spaces = {"": self._home, **self._spaces.open_ones}
        return [await self._numbers(name, spaces.get(name)) for name in ("", *sorted(names))]

    async def _numbers(self, tenant: str, space: Space | None) -> dict[str, Any]:
        told: dict[str, Any] = {
            "tenant": tenant,
            "open": space is not None,
            "keys": sum(key.tenant == tenant for key in self._access.keyring.keys),
        }
        if space is None:
            return told
        books = space.ledger.as_dict()
        told |= {name: books[name] for name in ("received", "stored", "rejected", "waiting")}
        told["viewers"] = space.live.as_dict()["viewers"]
        try:
            totals = await asyncio.to_thread(space.store.totals)
        except OtbridgeError:  # it was closed meanwhile, or its server is away
            return told
        told["store"] = {
            "bytes": totals.bytes,
            "spans": totals.spans,
            "logs": totals.logs,
            "data_points": totals.data_points,
        }
        return told


async def refuse_busy(scope: Scope, receive: Receive, send: Send, busy: Busy) -> None:
    """Say that a tenant's space cannot be opened at this moment."""
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        await send({"type": "websocket.close", "code": 1013})
        return
    retry = (b"retry-after", b"%d" % busy.retry_s)
    await refuse(scope, send, Refusal(503, "busy", busy.what, busy.why, busy.do, (retry,)))


_NOT_FOR_TENANTS: Final = Refusal(
    403,
    "forbidden",
    "This key does not open this door.",
    "It is for who runs the hub: with a key of the kind admin, and of no tenant.",
    "Ask GET /api/v1/stats for the numbers of your own records.",
)
_WRONG_METHOD: Final = Refusal(
    405,
    "method_not_allowed",
    "The tenants are asked for by GET.",
    "",
    "",
    ((b"allow", b"GET, HEAD"),),
)
