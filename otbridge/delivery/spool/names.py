"""Names of folders and files, made of nothing that a record holds."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.delivery.spool.frames import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.typing import Signal

__all__ = [
    "BOOK",
    "CLASSES",
    "QUARANTINE",
    "TOTALS",
    "SegmentName",
    "default_root",
    "destination_key",
    "is_process_folder",
    "is_segment",
    "process_folder",
    "read_segment_name",
    "service_folder",
]

BOOK: Final = "book"
QUARANTINE: Final = "quarantine"
TOTALS: Final = "totals"
CLASSES: Final = ("error", "plain")
"""Classes of segments, in the order in which a reader prefers them."""

_PROCESS: Final = re.compile(r"[0-9]{1,10}-[0-9]{1,20}")
_SEGMENT: Final = re.compile(
    r"(logs|traces|metrics)\.(error|plain)\.([0-9]{16,20})\.([0-9a-f]{8})\.v([0-9]{1,9})\.seg"
)
_UNSAFE: Final = re.compile(r"[^a-z0-9_-]+")
_MAX_WORDS: Final = 40


class SegmentName(NamedTuple):
    """What a segment's name says."""

    signal: Signal
    kind: str
    """`plain` or `error`."""
    first: int
    """Number of its first record in its stream."""
    salt: int
    version: int = FORMAT_VERSION

    @property
    def stream(self) -> str:
        """Name of the stream that it belongs to."""
        return f"{self.signal}.{self.kind}"

    def __str__(self) -> str:
        return f"{self.stream}.{self.first:016d}.{self.salt:08x}.v{self.version}.seg"


def read_segment_name(name: str) -> SegmentName | None:
    """Return what *name* says, None if it is not a segment's, whatever its version."""
    match = _SEGMENT.fullmatch(name)
    if match is None:
        return None
    signal, kind, first, salt, version = match.groups()
    return SegmentName(signal, kind, int(first), int(salt, 16), int(version))  # type: ignore[arg-type] # the pattern allows the three signals only


def is_segment(name: str) -> bool:
    """Return whether *name* is a segment of any format, past or future."""
    return name.endswith(".seg")


def is_process_folder(name: str) -> bool:
    """Return whether *name* is the folder of a process."""
    return _PROCESS.fullmatch(name) is not None


def process_folder(pid: int, start_ns: int) -> str:
    """Return the name of a process's folder."""
    return f"{pid}-{start_ns}"


def service_folder(service: str) -> str:
    """Return a folder name for *service*: readable where it can be, different in any case."""
    words = _UNSAFE.sub("-", service.lower()).strip("-")[:_MAX_WORDS] or "service"
    digest = hashlib.sha256(service.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{words}-{digest[:8]}"


def destination_key(destination: str) -> str:
    """Return what a destination is called in the book; its address may be nobody's business."""
    return hashlib.sha256(destination.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def default_root(environ: Mapping[str, str] = os.environ) -> str:
    """Return `OTBRIDGE_SPOOL_DIR`, or `otbridge/spool` in the user's data folder."""
    chosen = environ.get("OTBRIDGE_SPOOL_DIR")
    if chosen:
        return str(Path(chosen).expanduser().absolute())
    data = Path(environ.get("XDG_DATA_HOME") or "")
    if not data.is_absolute():  # the XDG specification: a relative path there is to be ignored
        data = Path.home() / ".local" / "share"
    return str(data / "otbridge" / "spool")
