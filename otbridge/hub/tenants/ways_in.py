"""Which way in a sender takes: that of its tenant, and no other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

from otbridge.hub.access.principal import Principal

if TYPE_CHECKING:
    from otbridge.hub.access.admission import Admission
    from otbridge.hub.ingest import Ingest

__all__ = ["WayIn", "WaysIn"]


class WayIn(Protocol):
    """What a receiver needs of a space."""

    @property
    def admission(self) -> Admission:
        """Who says whether a request may be taken, and what it is worth."""
        ...

    @property
    def ingest(self) -> Ingest:
        """Who takes it."""
        ...


WaysIn = Callable[[Principal], AbstractAsyncContextManager[WayIn]]
"""Holds the way in of a principal open; entering raises `Busy` where that cannot be."""
