"""How much time there is: what flush and shutdown tell the stages that wait."""

from __future__ import annotations

import math

from otbridge.delivery.wake import Wake

__all__ = ["Pace"]


class Pace:
    """Shared by a pipeline and its senders."""

    def __init__(self) -> None:
        self.hurry = Wake()
        """Set when somebody waits: own waits end, the next attempt is made now."""
        self.deadline = math.inf
        """Monotonic time after which nothing is begun any more; infinite until a shutdown."""

    def close(self, deadline: float) -> None:
        """Let nothing take longer than until *deadline*."""
        self.deadline = deadline
        self.hurry.set()

    @property
    def closing(self) -> bool:
        """Whether a shutdown has set the end."""
        return self.deadline != math.inf
