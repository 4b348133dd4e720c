"""One-time tickets for pages: your backend fetches one, the page shows it instead of a key.

A page that was given a ticket has nothing lasting in it. The ticket stands for a public key, with
all its limits, works once, and only for half a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from otbridge.errors import LimitExceeded
from otbridge.hub.access.principal import principal_of
from otbridge.hub.access.secret import Secret, digest_of
from otbridge.hub.asgi import SlowBody, read_body, respond
from otbridge.hub.refusals import Refusal, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.access.key import Key
    from otbridge.hub.access.keyring import Keyring
    from otbridge.hub.access.principal import Principal
    from otbridge.hub.asgi import Receive, Scope, Send

__all__ = ["TICKET_PATH", "TICKET_PREFIX", "TICKET_S", "BridgeTickets"]

TICKET_PATH: Final = "/v1/bridge/ticket"
TICKET_PREFIX: Final = "otb_ticket_"

TICKET_S: Final = 30.0
"""From the backend's answer to the page's first frame."""

_MAX_TICKETS: Final = 10_000
"""Unused ones; the oldest go first, and would be out of date in any case."""

_MAX_BODY: Final = 4 << 10


class _Asked(msgspec.Struct):
    key: str


class BridgeTickets:
    """The unused tickets of a hub, and the ASGI application that gives them out.

    Args:
        keyring: Who knows the keys.
        now: Returns monotonic seconds.
    """

    def __init__(self, keyring: Keyring, now: Callable[[], float]) -> None:
        self._keyring = keyring
        self._now = now
        self._tickets: dict[bytes, tuple[str, float]] = {}

    def redeem(self, ticket: str) -> Key | None:
        """Return the public key that *ticket* stands for, once; None ever after."""
        found = self._tickets.pop(digest_of(ticket.encode(errors="replace")), None)
        if found is None or found[1] <= self._now():
            return None
        return self._keyring.get(found[0])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a ticket to a server that sends with a secret key."""
        if scope.get("method") != "POST":
            await refuse(scope, send, _WRONG_METHOD)
            return
        principal = principal_of(scope)
        if principal.key is None:
            await refuse(scope, send, _NO_KEYS)
            return
        if principal.public:
            await refuse(scope, send, _PUBLIC)
            return
        try:
            body = await read_body(scope, receive, _MAX_BODY)
            asked = msgspec.json.decode(body, type=_Asked).key
        except (LimitExceeded, SlowBody, msgspec.MsgspecError, UnicodeError):
            await refuse(scope, send, _UNREADABLE)
            return
        key = self._wanted(principal, asked)
        if key is None:
            await refuse(scope, send, _NO_SUCH_KEY)
            return
        answer = {"ticket": self._issue(key).reveal(), "expires_in_s": TICKET_S}
        headers = ((b"cache-control", b"no-store"),)
        await respond(send, 200, "application/json", msgspec.json.encode(answer), headers)

    def _wanted(self, principal: Principal, key_id: str) -> Key | None:
        """Return the public key with this id, where it is of the same tenant."""
        key = self._keyring.get(key_id)
        return key if key is not None and key.public and key.tenant == principal.tenant else None

    def _issue(self, key: Key) -> Secret:
        now = self._now()
        for digest, (_, ends_at) in list(self._tickets.items()):
            if ends_at > now and len(self._tickets) < _MAX_TICKETS:
                break  # they stand in the order in which they end
            del self._tickets[digest]
        ticket = Secret.new(TICKET_PREFIX)
        self._tickets[ticket.digest()] = (key.id, now + TICKET_S)
        return ticket


_WRONG_METHOD: Final = Refusal(
    405, "method_not_allowed", "A ticket is asked for by POST.", "", "", ((b"allow", b"POST"),)
)
_NO_KEYS: Final = Refusal(
    409,
    "no_keys",
    "This hub asks nobody for a key.",
    "",
    "Let the page connect without a ticket, or add keys with `otbridge hub keys add`.",
)
_PUBLIC: Final = Refusal(
    403,
    "forbidden",
    "A public key gives out no tickets.",
    "Everybody can read it.",
    "Ask from your backend, with a key of the kind write.",
)
_UNREADABLE: Final = Refusal(
    400,
    "bad_ticket_request",
    "It is not said which key the ticket is to stand for.",
    "",
    'POST {"key": "ID"} as JSON, with the id of an ingest key from `otbridge hub keys list`.',
)
_NO_SUCH_KEY: Final = Refusal(
    404,
    "unknown_key",
    "There is no ingest key with this id.",
    "",
    "`otbridge hub keys list` shows them.",
)
