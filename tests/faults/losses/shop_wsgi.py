"""A web application for gunicorn, set up before the fork: every request logs five lines."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

sys.path.insert(0, str(Path(__file__).parent))

import producer  # type: ignore[import-not-found]  # the files beside this one
import setups  # type: ignore[import-not-found]

setups.SETUPS[os.environ["LOSSES_SDK"]]()


def app(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    producer.orders(5)
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"ordered"]
