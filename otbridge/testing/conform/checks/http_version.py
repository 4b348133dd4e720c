"""C18: HTTP/1.1 is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Check, Finding, failed, passed

if TYPE_CHECKING:
    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]


def _delivers(bench: Bench) -> Finding:
    seen = bench.trial()
    words = f"{seen.arrived} of {seen.task.total} records arrived at a receiver of HTTP/1.1 only"
    return passed(words) if seen.arrived else failed(words)


CHECKS: Final = (
    Check("C18", "delivers by HTTP/1.1", _delivers, level="SHOULD", protocols=("http",)),
)
