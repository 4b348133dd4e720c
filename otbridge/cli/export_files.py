"""Files that an export writes: their owner's only, and whole or not at all.

What is in them may be anybody's secrets.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import click

from otbridge.cli.otlp_lines import LISTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otbridge.cli.parquet_tables import ParquetFile

__all__ = ["Written", "opened_folder", "opened_lines"]


class Written(Protocol):
    """Takes what is exported."""

    def write(self, signal: str, resources: list[dict[str, Any]]) -> None:
        """Write records of one signal, as OTLP/JSON has them under its list."""
        ...


class _Lines:
    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, signal: str, resources: list[dict[str, Any]]) -> None:
        import msgspec

        self._out.write(msgspec.json.encode({LISTS[signal]: resources}) + b"\n")


@contextmanager
def opened_lines(file: Path) -> Iterator[Written]:
    """Open *file* for OTLP/JSON lines; `-` is standard output."""
    if str(file) == "-":
        yield _Lines(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    part = file.with_name(f"{file.name}.part")
    number = _made(part, file)
    try:
        with os.fdopen(number, "wb") as out:
            yield _Lines(out)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, ParquetFile] = {}

    def write(self, signal: str, resources: list[dict[str, Any]]) -> None:
        from otbridge.cli.parquet_tables import ParquetFile

        file = self._files.get(signal)
        if file is None:
            part = self._part(signal)
            os.close(_made(part, part))
            file = self._files[signal] = ParquetFile(part, signal)
        file.add(resources)

    def _part(self, signal: str) -> Path:
        return self._folder / f"{signal}.parquet.part"

    def finish(self) -> None:
        """Put the files in their places; those of an earlier export go."""
        for file in self._files.values():
            file.close()
        for signal in LISTS:
            place = self._folder / f"{signal}.parquet"
            if signal in self._files:
                self._part(signal).replace(place)
            else:
                place.unlink(missing_ok=True)

    def give_up(self) -> None:
        for signal in self._files:
            self._part(signal).unlink(missing_ok=True)


@contextmanager
def opened_folder(folder: Path) -> Iterator[Written]:
    """Open *folder*, which is made where there is none, for a Parquet file of each signal."""
    from otbridge.cli.parquet_tables import require_pyarrow

    require_pyarrow()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise click.ClickException(
            f"{folder} cannot be used as a folder: {error.strerror}."
        ) from error
    out = _Folder(folder)
    try:
        yield out
        out.finish()
    except BaseException:
        out.give_up()
        raise


def _made(part: Path, file: Path) -> int:
    """Make *part* anew, for its owner only, and return its descriptor."""
    try:
        part.unlink(missing_ok=True)
        return os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from error
