"""Deleting what processes that have ended left behind, because somebody wants it gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.delivery.spool.folder import lock_folder
from otbridge.delivery.spool.names import QUARANTINE, is_process_folder

if TYPE_CHECKING:
    from otbridge.delivery.spool.files import Files

__all__ = ["purge_service"]


def purge_service(files: Files, service_path: str) -> int:
    """Delete the folders of one service that no process has, and its quarantine.

    Returns:
        How many bytes that freed. What cannot be deleted is left.
    """
    try:
        names = files.names(service_path)
    except OSError:
        return 0  # there is none
    freed = 0
    for name in names:
        path = f"{service_path}/{name}"
        if name == QUARANTINE:
            freed += _delete(files, path)
        elif is_process_folder(name):
            try:
                fd = lock_folder(files, path)
            except OSError:
                continue  # it was removed just now
            if fd is not None:
                freed += _delete(files, path)
                files.close(fd)
    return freed


def _delete(files: Files, folder: str) -> int:
    freed = 0
    try:
        for name in files.names(folder):
            size = files.facts(f"{folder}/{name}").size
            files.unlink(f"{folder}/{name}")
            freed += size
        files.remove_folder(folder)
    except OSError:
        pass  # a folder in it, or a disk that is read-only: what is left is found again
    return freed
