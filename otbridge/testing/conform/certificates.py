"""Certificates for one run, made by the `openssl` command: no key is kept or shipped."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Certificates", "Pair", "make_certificates"]


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM files of a self-signed certificate, which is its own authority, and of its key."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Certificates:
    """Who is who."""

    receiver: Pair
    """For localhost and 127.0.0.1."""
    stranger: Pair
    """The same names, but not the receiver."""
    client: Pair


def make_certificates(folder: Path) -> Certificates | None:
    """Make all three in *folder*; return None where there is no `openssl` that can."""
    program = shutil.which("openssl")
    if program is None:
        return None
    try:
        return Certificates(*(_make(program, folder, who) for who in Certificates.__slots__))
    except subprocess.SubprocessError:
        return None


def _make(program: str, folder: Path, who: str) -> Pair:
    pair = Pair(str(folder / f"{who}.pem"), str(folder / f"{who}.key"))
    subprocess.run(  # noqa: S603 - the arguments are ours
        [
            program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", f"/CN={who}",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", pair.key, "-out", pair.certificate,
        ],
        check=True,
        capture_output=True,
        timeout=20,
    )  # fmt: skip
    return pair
