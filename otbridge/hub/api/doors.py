"""What is asked of the hub by JSON and is no question to its store, as the OpenAPI document has it.

These doors look after their keys themselves, so they are not among the API's endpoints.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, NotRequired, TypedDict

__all__ = ["DOORS", "Door", "SessionJson", "TenantsJson", "TicketJson"]


class SessionToBegin(TypedDict):
    """A key of the kind read or admin."""

    token: str


class SessionJson(TypedDict):
    """Whether one has to sign in, and who has."""

    needed: bool
    signed_in: bool
    key: NotRequired[str]
    kind: NotRequired[str]
    ends_in_s: NotRequired[int]


class TicketToGive(TypedDict):
    """The id of the ingest key that the ticket is to stand for."""

    key: str


class TicketJson(TypedDict):
    """A ticket for one page."""

    ticket: str
    expires_in_s: float


class TenantJson(TypedDict):
    """A tenant in numbers; of one that is not open only the first three are told."""

    tenant: str
    open: bool
    keys: int
    received: NotRequired[dict[str, int]]
    stored: NotRequired[dict[str, int]]
    rejected: NotRequired[dict[str, int]]
    waiting: NotRequired[int]
    viewers: NotRequired[int]
    store: NotRequired[dict[str, int]]


class TenantsJson(TypedDict):
    """All tenants, the hub's own records first."""

    tenants: list[TenantJson]


class HealthJson(TypedDict):
    """The hub is there."""

    status: str
    hub: str
    version: str


class Door(NamedTuple):
    """One method of one address."""

    method: str
    path: str
    about: str
    answer: Any
    """The type of its JSON; None: it has no body."""
    body: Any = None
    """The type of the JSON that is sent with it."""
    status: int = 200


_SESSION: Final = "/api/v1/session"

DOORS: Final = (
    Door("GET", _SESSION, "Who one is signed in as, and whether one has to be.", SessionJson),
    Door("POST", _SESSION, "Sign in: the answer has a cookie.", None, SessionToBegin, status=204),
    Door("DELETE", _SESSION, "Sign out.", None, status=204),
    Door(
        "POST",
        "/v1/bridge/ticket",
        "A ticket that lets one page send, once; with a key of the kind write or admin.",
        TicketJson,
        TicketToGive,
    ),
    Door("GET", "/api/v1/tenants", "All tenants in numbers, for who runs the hub.", TenantsJson),
    Door("GET", "/healthz", "Whether the hub is there.", HealthJson),
)
