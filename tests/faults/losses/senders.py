"""Who takes part: SDKs, where they are installed, and how they are set."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_PACKAGES: Final = {"official": "opentelemetry-exporter-otlp-proto-http"}


@dataclass(frozen=True, slots=True)
class Sender:
    """An SDK in an environment."""

    name: str
    """Heads its column."""
    setup: str
    """The function in `setups`."""
    python: str = sys.executable
    environment: tuple[tuple[str, str], ...] = ()
    """Variables beyond the destination; none are the defaults."""

    def has(self, module: str) -> bool:
        """Return whether *module* is installed where it runs."""
        program = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
        return subprocess.run([self.python, "-c", program], check=False).returncode == 0

    def version(self) -> str:
        """Return its package and version."""
        package = _PACKAGES.get(self.setup, self.setup)
        program = f"from importlib.metadata import version; print(version({package!r}))"
        done = subprocess.run(
            [self.python, "-c", program], check=True, capture_output=True, text=True
        )
        return f"{package} {done.stdout.strip()}"


OFFICIAL: Final = Sender("official SDK", "official")
OTBRIDGE: Final = Sender("otbridge", "otbridge")
DURABLE: Final = Sender(
    "otbridge, durability=process",
    "otbridge",
    environment=(("OTBRIDGE_DURABILITY", "process"),),
)
"""With records on disk before a log call returns."""


def logfire(python: str) -> Sender:
    """Return Logfire as it is installed for the interpreter *python*."""
    return Sender("Logfire", "logfire", python)


def install_logfire(folder: Path) -> Sender:
    """Install Logfire, and what its rows need, in an environment of its own in *folder*.

    Raises:
        subprocess.CalledProcessError: it cannot be had; its `stderr` says why.
    """
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "logfire", "gunicorn"],
        check=True,
        capture_output=True,
        text=True,
    )
    return logfire(python)
