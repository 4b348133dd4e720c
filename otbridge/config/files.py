"""Find and read a settings file.

Looked for in the working directory and its parents, up to the first folder that holds one of
them: `otbridge.toml`, `otbridge.yaml`, `otbridge.yml`, `otbridge.json`, and the table
`[tool.otbridge]` of a `pyproject.toml`. `OTBRIDGE_CONFIG_FILE` names one outright, and an empty
value of it (`OTBRIDGE_CONFIG_FILE=`) changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["find_file", "read_file"]

_NAMES: Final = (
    "otbridge.toml",
    "otbridge.yaml",
    "otbridge.yml",
    "otbridge.json",
    "pyproject.toml",
)
_MOST_BYTES: Final = 1 << 20
"""A settings file of more than a mebibyte is some other file."""


def find_file(start: Path) -> Path | None:
    """Return the nearest settings file at or above *start*, or None."""
    for folder in (start, *start.parents):
        for name in _NAMES:
            path = folder / name
            try:
                if path.is_file() and (
                    name != "pyproject.toml" or b"[tool.otbridge" in path.read_bytes()
                ):
                    return path
            except OSError:  # a parent we may not look into holds no settings of ours
                continue
    return None


def read_file(path: Path) -> dict[str, Any]:
    """Return the settings in *path*, sections joined to names: `[logs] endpoint` is `logs_endpoint`.

    Raises:
        ConfigurationError: The file cannot be read or parsed.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigurationError(
                f"{path} is larger than a settings file can be.",
                f"The limit is {_MOST_BYTES} bytes.",
            )
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The settings file {path} cannot be read: {error}.",
            do="Correct the path in OTBRIDGE_CONFIG_FILE or the file's permissions.",
        ) from error
    try:
        table = _parse(path, content)
    except ValueError as error:  # tomllib's, json's and msgspec's errors are all ValueErrors
        raise ConfigurationError(
            f"The settings file {path} is not valid {path.suffix[1:].upper()}: {error}."
        ) from error
    if not isinstance(table, Mapping):
        raise ConfigurationError(
            f"The settings file {path} holds no table of settings.",
            do='Write settings as names and values, e.g. service = "checkout".',
        )
    return dict(_flattened(table))


def _parse(path: Path, content: str) -> Any:
    if path.suffix == ".json":
        import json

        return json.loads(content)
    if path.suffix in {".yaml", ".yml"}:
        try:
            import yaml  # type: ignore[import-untyped]
        except ImportError:
            raise ConfigurationError(
                f"{path} is YAML, and no YAML reader is installed.",
                do="Install PyYAML, or write the same settings as otbridge.toml.",
            ) from None
        try:
            return yaml.safe_load(content) or {}
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from error
    import tomllib

    table = tomllib.loads(content)
    if path.name == "pyproject.toml":
        return table.get("tool", {}).get("otbridge", {})
    return table


def _flattened(table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for raw, value in table.items():
        key = str(raw).replace("-", "_")
        if isinstance(value, Mapping) and key in {"logs", "traces", "metrics"}:
            pairs.extend(
                (key if inner == "exporter" else f"{key}_{str(inner).replace('-', '_')}", item)
                for inner, item in value.items()
            )
        else:
            pairs.append((key, value))
    return pairs
