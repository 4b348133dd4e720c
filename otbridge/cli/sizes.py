"""Sizes as people write them: `500MB`, `5GB`, `2GiB`."""

from __future__ import annotations

import re
from typing import Any

import click

__all__ = ["SizeType"]

_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmgt]?i?)b?", re.ASCII | re.IGNORECASE)


class SizeType(click.ParamType[int]):
    """An option's value in bytes.

    Args:
        minimum: The smallest that is taken.
    """

    name = "size"

    def __init__(self, minimum: int) -> None:
        self._minimum = minimum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes that *value* stands for; units are powers of 1000, KiB and so on of 1024."""
        match = _SIZE.fullmatch(str(value).strip())
        unit = _UNITS.get(match[2].lower()) if match else None
        if match is None or unit is None:
            self.fail(f"{value!r} is no size. Write it like 500MB, 5GB or 2GiB.", param, ctx)
        size = int(float(match[1]) * unit)
        if size < self._minimum:
            smallest = f"{self._minimum / 1e6:g}MB"
            self.fail(f"{value} is too little. Give at least {smallest}.", param, ctx)
        return size
