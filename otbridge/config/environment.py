"""Read settings from environment variables: `OTBRIDGE_*` first, then OpenTelemetry's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from otbridge.config.destination import DESTINATION_SETTINGS, SIGNALS
from otbridge.config.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otbridge.config.setting import Setting

__all__ = ["Variable", "read_environment", "variables"]


class Variable(NamedTuple):
    """An environment variable and the setting that it sets."""

    variable: str
    name: str
    """The setting's name, with the signal in front where it is for one signal only."""
    row: Setting
    own: bool
    """Whether it is ours (`OTBRIDGE_*`) and therefore stronger."""


def variables() -> Iterator[Variable]:
    """Yield every variable that is looked at, strongest first for each setting."""
    for row in SETTINGS:
        yield Variable(row.variable, row.name, row, own=True)
        for variable in row.otel:
            yield Variable(variable, row.name, row, own=False)
    for row in DESTINATION_SETTINGS:
        for signal in SIGNALS:
            name = f"{signal}_{row.name}"
            yield Variable(f"OTBRIDGE_{name.upper()}", name, row, own=True)
            yield Variable(f"OTEL_EXPORTER_OTLP_{name.upper()}", name, row, own=False)


def read_environment(
    environ: Mapping[str, str], *, own: bool
) -> Iterator[tuple[str, str, Setting, str]]:
    """Yield (setting name, text, row, variable) for each variable that is set and not empty.

    An empty variable counts as unset, as the OpenTelemetry specification says.
    """
    seen: set[str] = set()
    for entry in variables():
        if entry.own is not own or entry.name in seen:
            continue
        text = environ.get(entry.variable, "").strip()
        if text:
            seen.add(entry.name)
            yield entry.name, text, entry.row, entry.variable
