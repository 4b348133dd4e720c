"""A key: what its bearer may do, and in whose name."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

__all__ = ["PUBLIC_QUOTA", "UNLIMITED", "Key", "Kind", "Quota", "Right", "TraceContext"]


class Kind(StrEnum):
    """What a key is for."""

    INGEST = "ingest"
    """Public: it is in a web page for everybody to read, and only lets its bearer send."""
    WRITE = "write"
    """Secret: servers send with it, and are believed."""
    READ = "read"
    """Secret: lets people and programs look."""
    ADMIN = "admin"
    """Secret: all of it."""

    @property
    def prefix(self) -> str:
        """What its secrets begin with, so that a leaked one is recognised."""
        return "otb_pub_" if self is Kind.INGEST else f"otb_{self.value}_"


class Right(StrEnum):
    """What a door asks for."""

    WRITE = "write"
    READ = "read"
    ADMIN = "admin"


_RIGHTS: Final = {
    Kind.INGEST: frozenset({Right.WRITE}),
    Kind.WRITE: frozenset({Right.WRITE}),
    Kind.READ: frozenset({Right.READ}),
    Kind.ADMIN: frozenset(Right),
}


class TraceContext(StrEnum):
    """What becomes of a public sender's records in traces that it did not begin."""

    LINK = "link"
    """They move to a trace of their own, which links to the other."""
    CONTINUE = "continue"
    """They stay where the backend handed the context out; elsewhere as `link`."""
    DROP = "drop"
    """They move to a trace of their own, without a link."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much a key may bring in a minute; None is without a limit. All of it may come at once."""

    requests: int | None = None
    records: int | None = None
    bytes: int | None = None
    """Of OTLP protobuf, inflated: that is what it costs the hub."""


UNLIMITED: Final = Quota()
"""What servers may bring unless they are told otherwise."""

PUBLIC_QUOTA: Final = Quota(requests=6_000, records=60_000, bytes=64 << 20)
"""What a public key may bring unless it is told otherwise: a page sends some ten records a second,
so that this is a hundred visitors at a time."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: everything but the secret."""

    id: str
    """Names it in lists and statistics; tells nothing about the secret."""
    kind: Kind
    digest: bytes = field(repr=False)
    """SHA-256 of the secret."""
    name: str = ""
    """What people call it."""
    created_s: int = 0
    """Unix seconds."""
    tenant: str = ""
    """Whose records it is about."""
    service: str = ""
    """Of a public key: the name that everything it brings is under."""
    origins: frozenset[str] = frozenset()
    """Of a public key: the pages that may use it, as browsers send `Origin`."""
    quota: Quota = UNLIMITED
    trace_context: TraceContext = TraceContext.CONTINUE
    """Of a public key; all others are believed."""

    public: bool = field(init=False)
    """Whether its bearer may be anybody."""
    metered: bool = field(init=False)
    """Whether what it brings has to be counted against anything."""
    _rights: frozenset[Right] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Asked for with every request, so they are worked out once.
        object.__setattr__(self, "public", self.kind is Kind.INGEST)
        object.__setattr__(self, "metered", self.public or self.quota != UNLIMITED)
        object.__setattr__(self, "_rights", _RIGHTS[self.kind])

    def grants(self, right: Right) -> bool:
        """Whether its bearer has *right*."""
        return right in self._rights

    def fits(self, origin: str | None) -> bool:
        """Whether a page of *origin* may use it; secret keys may be used from anywhere."""
        return not self.public or (origin or "").lower() in self.origins
