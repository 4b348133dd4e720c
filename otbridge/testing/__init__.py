"""What we test ourselves with, for you to test with: real servers, turnable clocks.

from otbridge.testing import OtlpReceiver

with OtlpReceiver() as receiver:
    otbridge.configure(service="shop", endpoint=receiver.http_url)
    ...
    receiver.wait_for(1)
    assert receiver.logs[0].body.string_value == "order placed"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otbridge.testing.answers import Answer
    from otbridge.testing.clock import FakeClock
    from otbridge.testing.doors import Tls
    from otbridge.testing.receiver import OtlpReceiver, Received

__all__ = ["Answer", "FakeClock", "OtlpReceiver", "Received", "Tls"]

_MODULES = {
    "Answer": "otbridge.testing.answers",
    "FakeClock": "otbridge.testing.clock",
    "OtlpReceiver": "otbridge.testing.receiver",
    "Received": "otbridge.testing.receiver",
    "Tls": "otbridge.testing.doors",
}


def __getattr__(name: str) -> Any:
    """Load the module of *name* when it is first asked for (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)
