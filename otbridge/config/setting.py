"""One setting: its name, its default, how it is read, and what is said about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otbridge.config import values

if TYPE_CHECKING:
    from dataclasses import Field

__all__ = ["Setting", "declare", "reader_for", "row_of"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    name: str
    """Argument of `configure` and key in files; `OTBRIDGE_` + upper case in the environment."""
    default: Any
    help: str
    read: values.Reader
    otel: tuple[str, ...] = ()
    """OpenTelemetry's variables with the same meaning, strongest first."""
    secret: bool = False
    """Whether its value must never be shown."""
    choices: str = ""
    """What may be written, in words for people."""

    @property
    def variable(self) -> str:
        """The setting's own environment variable."""
        return f"OTBRIDGE_{self.name.upper()}"


def declare(default: Any, read: values.Reader, help: str, **more: Any) -> Any:  # noqa: A002
    """Return a field of `Config` that brings its row of the table along.

    Args:
        default: Of the field.
        read: How it is read from what somebody wrote.
        help: What it is for, in a line.
        **more: Further fields of `Setting`.
    """
    metadata = {"read": read, "help": help, **more}
    if isinstance(default, Mapping):
        return field(
            default_factory=lambda: dict(default), metadata=metadata | {"default": default}
        )
    return field(default=default, metadata=metadata | {"default": default})


def row_of(entry: Field[Any]) -> Setting:
    """Return the row of the table that belongs to a field made by `declare`."""
    return Setting(entry.name, **entry.metadata)


def reader_for(row: Setting, variable: str) -> values.Reader:
    """Return how *row* is read from *variable*: OpenTelemetry counts its times in milliseconds."""
    if variable.startswith("OTEL_") and row.name in {"timeout", "metric_interval"}:
        return _milliseconds
    return row.read


def _milliseconds(value: Any) -> float:
    """Read OpenTelemetry's milliseconds as our seconds."""
    return float(values.number(1, 3_600_000, "milliseconds")(value)) / 1000
