"""Loading an official instrumentation, with a sentence to act on where it is not there."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["load"]


def load(module: str, package: str) -> ModuleType:
    """Return *module*.

    Raises:
        ConfigurationError: *module*, or something that it needs itself, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"{module} cannot be loaded: {error}.",
            f"The integration builds on {package}.",
            f"Install it: pip install {package}",
        ) from error
