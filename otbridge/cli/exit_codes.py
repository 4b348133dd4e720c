"""What a command's exit code means."""

from __future__ import annotations

from typing import Final

__all__ = ["ADDRESS_TAKEN", "FAILED", "OK", "STORE", "USAGE"]

OK: Final = 0
"""Done; a hub that was asked to end did so with everything stored."""

FAILED: Final = 1
"""It did not work; the message says what to do."""

USAGE: Final = 2
"""The command line is wrong, or asks for what is not allowed."""

ADDRESS_TAKEN: Final = 3
"""A port is taken, or the address is not this machine's."""

STORE: Final = 4
"""The data folder or the store cannot be used, or belongs to another hub."""
