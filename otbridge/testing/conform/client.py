"""Clients that can be tested: ours, the official ones, and any command."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["BUILT_IN", "Client", "Protocol"]

Protocol = Literal["http", "grpc"]

_DRIVERS: Final = "otbridge.testing.conform.drivers"


@dataclass(frozen=True, slots=True)
class Client:
    """A program that sends telemetry by OTLP, as `otbridge.testing.conform.task` describes."""

    name: str
    command: tuple[str, ...]
    protocols: tuple[Protocol, ...] = ("http", "grpc")
    """What it speaks."""


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
