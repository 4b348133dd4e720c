"""S1: requests may come as they are, and in gzip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.server.answer import taken_whole
from otbridge.testing.conform.server.check import Check, each_signal
from otbridge.testing.conform.server.requests import of_size, plain

if TYPE_CHECKING:
    from otbridge.testing.conform.check import Finding
    from otbridge.testing.conform.server.check import Bench
    from otbridge.typing import Signal

__all__ = ["CHECKS"]


def _none(bench: Bench, signal: Signal) -> Finding:
    return taken_whole(bench.export(signal, plain(signal)))


def _gzip(bench: Bench, signal: Signal) -> Finding:
    # Long enough for gRPC's library to think that it is worth while.
    return taken_whole(bench.export_gzip(signal, of_size(signal, 4096)))


CHECKS: Final = (
    Check("S1", "takes requests that are not compressed", each_signal(_none)),
    Check("S1", "takes requests in gzip", each_signal(_gzip)),
)
"""In the order in which they are reported."""
