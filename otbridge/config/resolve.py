"""Put the sources together: argument, `OTBRIDGE_*`, `OTEL_*`, file, profile, default."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from otbridge.config.destination import DESTINATION_SETTINGS, SIGNALS, Destination
from otbridge.config.environment import read_environment, variables
from otbridge.config.profiles import PROFILES
from otbridge.config.setting import Setting, reader_for
from otbridge.config.settings import SETTINGS, Config
from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.typing import Signal

__all__ = ["resolve"]

_ROWS: dict[str, Setting] = {row.name: row for row in SETTINGS} | {
    f"{signal}_{row.name}": row for row in DESTINATION_SETTINGS for signal in SIGNALS
}
_CONFIG_FILE = "OTBRIDGE_CONFIG_FILE"
# Variables with our prefix that belong to other parts of otbridge (the hub, the demo, the spool).
_OTHER_PARTS = ("OTBRIDGE_CONFIG_FILE", "OTBRIDGE_OPEN", "OTBRIDGE_HUB", "OTBRIDGE_DEMO", "OTBRIDGE_SPOOL")  # fmt: skip


class _Found(NamedTuple):
    value: Any
    source: str
    rank: int
    """Of its source; 0 is the strongest."""


def resolve(
    arguments: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    lenient: bool = False,
) -> Config:
    """Return the settings of this process.

    Args:
        arguments: Values given in code; None among them means "not given".
        environ: Environment variables; the process's own by default.
        folder: Where the search for a settings file begins; the working directory by default.
        lenient: Leave out what cannot be used, and say so in the result's `warnings`.

    Raises:
        ConfigurationError: A setting is unknown or its value cannot be used.
    """
    environ = os.environ if environ is None else environ
    sources = _Sources(lenient=lenient)
    sources.take_arguments(arguments or {})
    sources.take_environment(environ)
    sources.take_file(environ, folder)
    sources.take_profile()
    return _config(sources.found, (*_misspelt(environ), *sources.problems))


class _Sources:
    """What the sources say, the strongest first: a later one only fills what is still open."""

    def __init__(self, *, lenient: bool) -> None:
        self.found: dict[str, _Found] = {}
        self.problems: list[str] = []
        self._lenient = lenient

    def take_arguments(self, arguments: Mapping[str, Any]) -> None:
        for name, value in arguments.items():
            if value is not None:
                row = self._row(name, "configure()", "argument")
                self._keep(name, row, value, f"argument {name}", 0)

    def take_environment(self, environ: Mapping[str, str]) -> None:
        for rank, own in ((1, True), (2, False)):
            for name, text, row, variable in read_environment(environ, own=own):
                value = _first_known(text) if name in SIGNALS and not own else text
                self._keep(name, row, value, variable, rank)

    def take_file(self, environ: Mapping[str, str], folder: Path | None) -> None:
        from otbridge.config.files import find_file, read_file

        named = environ.get(_CONFIG_FILE, "").strip()
        try:
            path = Path(named) if named else find_file((folder or Path.cwd()).absolute())
        except OSError:  # the working directory is gone: there is no file to find there
            path = None
        try:
            settings = {} if path is None else read_file(path)
        except ConfigurationError as error:
            self._problem(error)
            return
        for name, value in settings.items():
            row = self._row(name, str(path), "setting")
            self._keep(name, row, value, str(path), 3)

    def take_profile(self) -> None:
        if "profile" not in self.found:
            return
        name, source, _ = self.found["profile"]
        profile = PROFILES.get(str(name).lower())
        if profile is None:
            self._problem(
                ConfigurationError(
                    f"There is no profile {name!r} (from {source}).",
                    do=f"Choose one of: {', '.join(PROFILES)}.",
                )
            )
            return
        for setting, value in profile.items():
            self._keep(setting, _ROWS[setting], value, f"profile {name}", 4)

    def _row(self, name: str, place: str, kind: str) -> Setting | None:
        row = _ROWS.get(name)
        if row is None:
            self._problem(_unknown(name, place, kind))
        return row

    def _keep(self, name: str, row: Setting | None, value: Any, source: str, rank: int) -> None:
        if row is None or name in self.found:
            return
        try:
            self.found[name] = _Found(reader_for(row, source)(value), source, rank)
        except ValueError as why:
            shown = "" if row.secret else f" {value!r}"
            self._problem(
                ConfigurationError(
                    f"The value{shown} of the setting {name} (from {source}) cannot be used.",
                    str(why),
                    f"What it is for: {row.help}",
                )
            )

    def _problem(self, error: ConfigurationError) -> None:
        if not self._lenient:
            raise error
        self.problems.append(f"{error} It is left out.")


def _first_known(text: str) -> str:
    """Choose from a list of exporters, which OTEL_*_EXPORTER allows, the first that we have.

    Where our own exporter is in it, an SDK hands over to us what we are to send.
    """
    names = [name.strip().lower() for name in text.split(",")]
    if "otbridge" in names:
        return "otbridge"
    return next((name for name in names if name in {"otlp", "console", "none"}), text)


def _unknown(name: str, place: str, kind: str) -> ConfigurationError:
    import difflib

    near = difflib.get_close_matches(name, list(_ROWS), n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else "The manual's page on settings lists them all."
    return ConfigurationError(f"{place} has no {kind} {name}.", do=hint)


def _misspelt(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each `OTBRIDGE_*` variable that looks like a misspelt one of ours.

    Not an error: the environment is shared with other programs and other versions.
    """
    import difflib

    known = {entry.variable for entry in variables() if entry.own}
    strange = [
        variable
        for variable in environ
        if variable.startswith("OTBRIDGE_")
        and variable not in known
        and not variable.startswith(_OTHER_PARTS)
    ]
    return tuple(
        f"{variable} is not a setting; did you mean {near[0]}?"
        for variable in strange
        if (near := difflib.get_close_matches(variable, known, n=1, cutoff=0.8))
    )


def _config(found: Mapping[str, _Found], warnings: tuple[str, ...]) -> Config:
    names = {entry.name for entry in fields(Config)}
    plain: dict[str, Any] = {name: value.value for name, value in found.items() if name in names}
    attributes = plain.get("resource_attributes", {})
    if "service" not in plain and attributes.get("service.name"):
        plain["service"] = attributes["service.name"]
    return Config(
        **plain,
        destinations={signal: _destination(found, signal) for signal in SIGNALS},
        sources={name: value.source for name, value in found.items()},
        warnings=warnings,
    )


def _destination(found: Mapping[str, _Found], signal: Signal) -> Destination:
    chosen: dict[str, Any] = {}
    for row in DESTINATION_SETTINGS:
        # The stronger source wins; within one source the signal's own value does.
        ours = [found[name] for name in (f"{signal}_{row.name}", row.name) if name in found]
        if ours:
            best = min(ours, key=lambda value: value.rank)
            chosen[row.name] = best.value
            if row.name == "endpoint":
                chosen["asked_for"] = True
                chosen["exact"] = best is found.get(f"{signal}_endpoint")
    if "endpoint" in chosen and not (chosen["exact"] and chosen.get("protocol") != "grpc"):
        # A base URL is added to; a signal's own URL is used as it is written.
        chosen["endpoint"] = chosen["endpoint"].rstrip("/")
    if chosen.get("protocol") == "grpc" and "endpoint" not in chosen:
        # OTLP's registered gRPC port, on the same machine as the default destination.
        chosen["endpoint"] = "http://127.0.0.1:4317"
    return Destination(**chosen)
