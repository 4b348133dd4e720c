"""Starting otbridge from below: by whoever records something first."""

from __future__ import annotations

import importlib

from otbridge.context.loading import loading

__all__ = ["start"]


def start() -> None:
    """Start otbridge with what the environment says, unless it is there already.

    What starts it is the composition root, which stands above all layers that call this, and is
    therefore found by its name. A fork in another thread waits for the end of it: a child cannot
    finish what a thread has begun that is not there.
    """
    with loading:
        importlib.import_module("otbridge._configure").runtime()
