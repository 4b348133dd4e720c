"""Where records leave that an SDK set up by somebody else has made.

Our exporters and processors for such an SDK are made by it, at a time of its choosing, with no
word of what is configured here; so they ask for the outlet with every batch. Light: knows nothing
of the SDK.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.context.loading import loading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otbridge.processors.redact import Redactor
    from otbridge.telemetry.live import LiveSpans
    from otbridge.telemetry.record import Put
    from otbridge.typing import FlushResult, Signal

__all__ = ["Outlet", "connect", "flush_sources", "is_used", "outlet", "use"]


class Outlet(NamedTuple):
    """The delivery of one signal, as configured now."""

    put: Put
    flush: Callable[[float], FlushResult]
    redactor: Redactor | None
    report: Callable[[str], None]
    live: LiveSpans | None = None


_outlets: dict[Signal, Outlet] = {}
_sources: Final[dict[Signal, Callable[[int], object]]] = {}


def connect(outlets: Mapping[Signal, Outlet]) -> None:
    """Set the outlet of each signal that is sent; called by the composition root."""
    _outlets.clear()
    _outlets.update(outlets)


def outlet(signal: Signal) -> Outlet | None:
    """Return the outlet of *signal*; None where it is not sent."""
    return _outlets.get(signal)


def use(signal: Signal, settings: Mapping[str, Any], flush_source: Callable[[int], object]) -> None:
    """Take note that an SDK hands *signal* over, and start a delivery if there is none yet.

    Args:
        signal: What is handed over.
        settings: Arguments of `otbridge.configure`, as far as they were given here.
        flush_source: Lets the SDK hand over what it still has, within so many milliseconds.
    """
    _sources[signal] = flush_source
    with loading:
        importlib.import_module("otbridge._configure").deliver(settings)


def is_used(signal: Signal) -> bool:
    """Return whether an SDK hands *signal* over by itself."""
    return signal in _sources


def flush_sources(seconds: float) -> None:
    """Let the SDKs hand over what they still have, all together within about *seconds*."""
    for flush in list(_sources.values()):
        flush(int(seconds * 1000 / len(_sources)))
