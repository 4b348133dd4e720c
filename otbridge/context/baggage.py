"""W3C Baggage with limits that hold over all of a request's header lines, and nothing logged.

The official propagator writes an oversize header, and each member that it cannot read, into the
log as they came: whoever sends a request could fill the log, or put another user's baggage there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import get_current
from opentelemetry.propagators.textmap import TextMapPropagator, default_getter, default_setter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import CarrierT, Getter, Setter

__all__ = ["MOST_BYTES", "MOST_MEMBERS", "CappedBaggage"]

MOST_BYTES: Final = 8192
"""Of all lines together: what W3C Baggage §3.3 has everybody propagate."""

MOST_MEMBERS: Final = 180
"""Members of all lines together, as many as the official propagator takes from one."""

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\x20\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]*")
"""Printable ASCII but quote, comma and backslash; properties behind a `;` belong to it."""


class CappedBaggage(TextMapPropagator):
    """Reads what fits of all lines, in their order, and passes over the rest; writes as usual."""

    def __init__(self) -> None:
        self._writer = W3CBaggagePropagator()

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return *context* (the current one by default) with the baggage that *carrier* brings."""
        brought = get_current() if context is None else context
        for name, value in _members(getter.get(carrier, "baggage") or ()):
            brought = baggage.set_baggage(name, value, context=brought)
        return brought

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write the baggage of *context* into *carrier*."""
        self._writer.inject(carrier, context, setter)

    @property
    def fields(self) -> set[str]:
        """The header that is written."""
        return self._writer.fields


def _members(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    left = MOST_BYTES
    count = 0
    for line in lines:
        # Cut between members; what is behind an oversize line is not looked at.
        text = line if len(line) <= left else line[: max(0, line.rfind(",", 0, left + 1))]
        left -= len(line)
        for member in text.split(",") if text else ():
            name, separator, value = member.partition("=")
            name, value = name.strip(" \t"), value.strip(" \t")
            if separator and _NAME.fullmatch(name) and _VALUE.fullmatch(value):
                count += 1
                yield unquote_plus(name).strip(), unquote_plus(value).strip()
            if count == MOST_MEMBERS:
                return
        if left <= 0:
            return
