"""The record that every way writes: one message, five attributes, inside a span.

Values differ from record to record as real ones do: a running number, one of 65,536 users, an
amount, a flag, and one of eight routes.
"""

from __future__ import annotations

import random
from typing import Any, Final

__all__ = ["MESSAGE", "ROUTES", "USERS", "attributes"]

MESSAGE: Final = "checkout completed for customer order"

_chance: Final = random.Random(7)
USERS: Final = tuple(f"user-{_chance.getrandbits(40):x}@example.com" for _ in range(65_536))
ROUTES: Final = tuple(
    f"/api/v1/{name}"
    for name in ("cart", "checkout", "orders", "search", "login", "items", "pay", "health")
)


def attributes(number: int) -> dict[str, Any]:
    """Return the five attributes of record *number*."""
    return {
        "order_id": number,
        "user": USERS[number & 65_535],
        "amount": (number & 4095) * 0.37 + 1.0,
        "cached": number & 3 == 0,
        "route": ROUTES[number & 7],
    }
