"""Whether a folder may hold what a program has logged."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from otbridge.delivery.spool.files import Files

__all__ = ["check_root", "make_folders"]

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def check_root(files: Files, root: str) -> None:
    """Return if *root* is ours alone to write to, or not there yet.

    Raises:
        ConfigurationError: it is somebody else's, others may write to it, or it is no folder.
    """
    try:
        facts = files.facts(root)
    except OSError:
        return  # not there, or not to be seen: making it will tell
    if not stat.S_ISDIR(facts.mode):
        why, do = "It is not a folder.", "Choose another with OTBRIDGE_SPOOL_DIR."
    elif facts.owner != os.geteuid():
        why = f"It belongs to user {facts.owner}, and this process runs as {os.geteuid()}."
        do = "Choose a folder of this user's with OTBRIDGE_SPOOL_DIR."
    elif facts.mode & _OTHERS_WRITE:
        why = "Others may write to it, and could put records into this program's name."
        do = f"Run: chmod go-w {root}"
    else:
        return
    raise ConfigurationError(f"The spool cannot be kept in {root}.", why, do)


def make_folders(files: Files, root: str, service_path: str) -> None:
    """Make *root*, with the folders above it, and the service's folder in it; all 0700.

    Raises:
        ConfigurationError: see `check_root`.
        OSError: one cannot be made.
    """
    _make(files, root)
    check_root(files, root)
    _make(files, service_path, parents=False)


def _make(files: Files, path: str, *, parents: bool = True) -> None:
    try:
        files.make_folder(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        above = path.rpartition("/")[0]
        if not parents or not above:
            raise
        _make(files, above)
        _make(files, path, parents=False)
