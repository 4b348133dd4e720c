"""Clients that can be tested: ours, the official ones, and any command."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BUILT_IN", "Client", "Protocol"]

Protocol = Literal["http", "grpc"]

_DRIVERS: Final = "otbridge.testing.conform.drivers"
_CALL: Final = "import runpy, sys; runpy.run_path(sys.argv[1])[sys.argv[2]]()"


@dataclass(frozen=True, slots=True)
class Client:
    """A program that sends telemetry by OTLP, as `otbridge.testing.conform.task` describes."""

    name: str
    command: tuple[str, ...]
    protocols: tuple[Protocol, ...] = ("http", "grpc")
    """What it speaks."""

    @classmethod
    def calling(
        cls, function: Callable[[], None], protocols: tuple[Protocol, ...] = ("http", "grpc")
    ) -> Self:
        """Return the client that *function* is, called in a new process each time.

        Args:
            function: Of a module's top level; its file is run for it, not imported.
            protocols: What it speaks.

        Raises:
            TypeError: the function is not in a file, as in an interactive session.
        """
        file = inspect.getsourcefile(function)
        if file is None:
            raise TypeError(f"{function.__name__} is in no file that another process could run.")
        return cls(
            function.__name__, (sys.executable, "-c", _CALL, file, function.__name__), protocols
        )


def _driver(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"{_DRIVERS}.{module}")


BUILT_IN: Final = {
    client.name: client
    for client in (
        Client("otbridge", _driver("otbridge_sdk")),
        Client("opentelemetry-http", _driver("official_sdk"), ("http",)),
        Client("opentelemetry-grpc", _driver("official_sdk"), ("grpc",)),
    )
}
"""By name."""
