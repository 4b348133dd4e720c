"""The table of settings as people read it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from otbridge.config.settings import SETTINGS

if TYPE_CHECKING:
    from otbridge.config.setting import Setting

__all__ = ["markdown"]


def markdown() -> str:
    """Return the table of all settings in Markdown; the manual's page is compared with it."""
    lines = ["| setting | variables | default | |", "|---|---|---|---|"]
    lines += [
        f"| `{row.name}` | {_variables(row)} | {_default(row)} | {row.help} ({row.choices}) |"
        for row in SETTINGS
    ]
    return "\n".join(lines) + "\n"


def _variables(row: Setting) -> str:
    return ", ".join(f"`{variable}`" for variable in (row.variable, *row.otel))


def _default(row: Setting) -> str:
    value = row.default
    if row.name == "level":
        return f"`{logging.getLevelName(value).lower()}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        value = ",".join(value)
    if isinstance(value, float):
        value = f"{value:g}"
    return f"`{value}`" if value or value == 0 else ""
