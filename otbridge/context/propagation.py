"""The context on its way between processes: W3C `traceparent`, `tracestate` and `baggage`.

A carrier is a plain dict of strings: HTTP headers, a queue message's attributes, a frame's
field. Which headers are written and read is the setting `propagators`.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from opentelemetry import context, propagate
from opentelemetry.context import Context

from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, MutableMapping

    from opentelemetry.propagators.textmap import TextMapPropagator

__all__ = [
    "continued",
    "environment_carrier",
    "extract",
    "inject",
    "make_propagator",
    "read_environment_carrier",
]

_ENVIRONMENT: Final = {
    "TRACEPARENT": "traceparent",
    "TRACESTATE": "tracestate",
    "BAGGAGE": "baggage",
}
"""OpenTelemetry's names for the three headers as environment variables."""

_MOST_BAGGAGE: Final = 8192
"""Bytes of baggage that are read at all: W3C Baggage's limit for what must be propagated."""


def inject(
    carrier: MutableMapping[str, str] | None = None, *, within: Context | None = None
) -> dict[str, str]:
    """Write the current context into *carrier*.

    Args:
        carrier: Where to write; it is changed. A new dict when left out.
        within: The context to write; the current one by default.

    Returns:
        What was written, also where a carrier was given.
    """
    written: dict[str, str] = {}
    propagate.inject(written, context=within)
    if carrier is not None:
        carrier.update(written)
    return written


def extract(carrier: Mapping[str, str | bytes] | None, *, within: Context | None = None) -> Context:
    """Return the context that *carrier* brings, on top of an empty one (or *within*).

    Header names are read in any case. A carrier that is damaged or oversize is not an error: the
    context then simply starts here.
    """
    headers: dict[str, str] = {}
    for key, value in (carrier or {}).items():
        name = str(key).lower()
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        # The propagator would log an oversize header whole, whoever sent it.
        if name != "baggage" or len(text) <= _MOST_BAGGAGE:
            headers[name] = text
    base = Context() if within is None else within
    return propagate.extract(headers, context=base)


@contextmanager
def continued(carrier: Mapping[str, str | bytes] | None) -> Iterator[Context]:
    """Make the context that *carrier* brings the current one for a while."""
    brought = extract(carrier)
    token = context.attach(brought)
    try:
        yield brought
    finally:
        context.detach(token)


def make_propagator(names: Iterable[str]) -> TextMapPropagator:
    """Return a propagator that reads and writes in all the ways named, in that order.

    Args:
        names: `tracecontext`, `baggage`, any installed entry point of `opentelemetry_propagator`
            (b3, jaeger, ...), or `none`.

    Raises:
        ConfigurationError: One of them is not installed.
    """
    from importlib.metadata import entry_points

    from opentelemetry.propagators.composite import CompositePropagator

    wanted = list(dict.fromkeys(name.lower() for name in names))
    if "none" in wanted:
        return CompositePropagator([])
    installed = {entry.name: entry for entry in entry_points(group="opentelemetry_propagator")}
    for name in wanted:
        if name not in installed:
            raise ConfigurationError(
                f"There is no propagator {name!r}.",
                f"Installed are: {', '.join(sorted(installed))}.",
                "Correct the setting propagators, or install the package that has it.",
            )
    from otbridge.context.baggage import CappedBaggage

    # Where baggage is wanted ours takes its place: limits over all lines, and nothing logged.
    return CompositePropagator(
        [CappedBaggage() if name == "baggage" else installed[name].load()() for name in wanted]
    )


def environment_carrier(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return environment variables for a child process: *environ* and the current context.

    Args:
        environ: What the child gets besides; this process's own environment by default.
    """
    child = {
        name: value
        for name, value in (os.environ if environ is None else environ).items()
        if name not in _ENVIRONMENT
    }
    written = inject()
    return child | {
        variable: written[header] for variable, header in _ENVIRONMENT.items() if header in written
    }


def read_environment_carrier(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the carrier that a parent process left in the environment; may be empty."""
    source = os.environ if environ is None else environ
    return {
        header: source[variable]
        for variable, header in _ENVIRONMENT.items()
        if source.get(variable)
    }
