"""What the configuration has decided, the OpenTelemetry SDK must not decide again."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["decided_already"]

_SWITCH = "OTEL_SDK_DISABLED"


@contextmanager
def decided_already() -> Iterator[None]:
    """Make a provider of the SDK that works, whatever `OTEL_SDK_DISABLED` says.

    The SDK reads the variable when a provider is made, and the provider keeps it for life. We
    have read it too, and where it holds we make no provider: so where one is made, something
    stronger (an argument, a variable of ours) has said otherwise.
    """
    said = os.environ.pop(_SWITCH, None)
    try:
        yield
    finally:
        if said is not None:
            os.environ[_SWITCH] = said
