"""A case: what is written on one connection, and what has to come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = ["Case", "Lane"]


class Case(NamedTuple):
    """Some mutants that share a connection."""

    data: bytes
    mutants: int
    answers: int
    """Whole HTTP answers that have to come; 0: nothing is promised but that the hub closes."""


class Lane(NamedTuple):
    """A way to make cases, and where they go."""

    name: str
    share: float
    """Of all mutants."""
    make: Callable[[random.Random], Case]
    grpc: bool = False
    """Goes to the gRPC port, not to that for HTTP."""
    upgrade: bool = False
    """Begins with a request that has to be answered before the rest may be sent."""
    connections: int = 2
    """Open at the same time."""
