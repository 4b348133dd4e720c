"""Saved links: a screen of the UI with all that was chosen on it, under a short name.

The file has a JSON object a line, in the order in which links were saved; a line with `deleted`
takes one away. It is only ever appended to, each line is synced, and what a crash left behind of
one is passed over.
"""

from __future__ import annotations

import os
import re
import threading
from base64 import urlsafe_b64encode
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import msgspec

from otbridge.errors import QueryError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_LINKS", "READERS_LINKS", "Permalink", "Permalinks", "TooManyLinks"]

MAX_LINKS: Final = 10_000
"""Links that one hub keeps, some 5 MB; saving is refused then, and none is ever deleted unasked."""

READERS_LINKS: Final = 9_000
"""Beyond so many, only administrators save: who may only read cannot keep them from it."""

_MAX_ARGUMENTS: Final = 32
_MAX_TEXT: Final = 2_000
"""Characters of all arguments together; browsers and proxies cut longer addresses."""

_VIEW: Final = re.compile(r"/(?:[A-Za-z0-9_~%-][A-Za-z0-9._~%-]*/?)*")
_NOT_VIEWS: Final = ("/api/", "/v1/", "/l/")


class TooManyLinks(QueryError):  # noqa: N818 - named like its status
    """The hub keeps as many links as it may."""


class Permalink(msgspec.Struct, frozen=True):
    """A screen and what was chosen on it."""

    id: str
    view: str
    """The screen's path, e.g. `/traces`."""
    arguments: dict[str, str]
    created_unix_nano: str

    @property
    def address(self) -> str:
        """Where it leads, at the same hub."""
        query = urlencode(self.arguments)
        return f"{self.view}?{query}" if query else self.view


class _Deleted(msgspec.Struct, frozen=True):
    deleted: str


class Permalinks:
    """The links of one hub, in a file. May be used from any thread.

    Args:
        path: The file; made with the first link.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._links: dict[str, Permalink] | None = None

    def all(self) -> list[Permalink]:
        """Return all links, in the order in which they were saved."""
        with self._lock:
            return list(self._loaded().values())

    def find(self, link_id: str) -> Permalink | None:
        """Return the link with this id."""
        with self._lock:
            return self._loaded().get(link_id)

    def save(
        self, view: str, arguments: dict[str, str], now_ns: int, room: int = MAX_LINKS
    ) -> tuple[Permalink, bool]:
        """Save a link, and return it and whether it is new: the same content has the same id.

        Args:
            view: The screen's path.
            arguments: What was chosen on it.
            now_ns: When, in unix nanoseconds.
            room: How many links there may be, at most `MAX_LINKS`.

        Raises:
            QueryError: It does not lead to a screen, or is too long.
            TooManyLinks: There is no place for another one.
            StoreError: It cannot be written.
        """
        _check(view, arguments)
        content = msgspec.json.encode([view, sorted(arguments.items())])
        with self._lock:
            links = self._loaded()
            for size in (6, 9, 12):  # 8, 12 or 16 characters; longer only where two have the same
                digest = blake2b(content, digest_size=size).digest()
                link_id = urlsafe_b64encode(digest).decode()
                known = links.get(link_id)
                if known is None:
                    break
                if (known.view, known.arguments) == (view, arguments):
                    return known, False
            if len(links) >= min(room, MAX_LINKS):
                raise TooManyLinks(
                    f"The hub keeps {min(room, MAX_LINKS):,} links of this kind, and no more.",
                    "None is deleted unless somebody asks for it.",
                    "Have some deleted by an administrator: DELETE /api/v1/links/{id}.",
                )
            link = Permalink(link_id, view, arguments, str(now_ns))
            self._append(link)
            links[link_id] = link
            return link, True

    def delete(self, link_id: str) -> bool:
        """Delete a link; return whether there was one.

        Raises:
            StoreError: That cannot be written.
        """
        with self._lock:
            links = self._loaded()
            if link_id not in links:
                return False
            self._append(_Deleted(link_id))
            del links[link_id]
            return True

    def _loaded(self) -> dict[str, Permalink]:
        if self._links is None:
            try:
                lines = self._path.read_bytes().splitlines()
            except FileNotFoundError:
                lines = []
            except OSError as error:
                raise _unusable(self._path, error) from error
            self._links = _read(lines)
        return self._links

    def _append(self, line: Permalink | _Deleted) -> None:
        try:
            flags = os.O_CREAT | os.O_APPEND | os.O_RDWR | os.O_CLOEXEC
            file = os.open(self._path, flags, 0o600)
            try:
                # A line that a crash cut off must not swallow this one.
                os.write(file, b"\n" + msgspec.json.encode(line) + b"\n")
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise _unusable(self._path, error) from error


def _read(lines: list[bytes]) -> dict[str, Permalink]:
    links: dict[str, Permalink] = {}
    for line in lines:
        if line:
            try:
                said = msgspec.json.decode(line, type=dict[str, object])
                if "deleted" in said:
                    links.pop(str(said["deleted"]), None)
                else:
                    link = msgspec.convert(said, Permalink)
                    links[link.id] = link
            except msgspec.MsgspecError:
                continue  # what a crash left behind, of a link that nobody was told was saved
    return links


def _check(view: str, arguments: dict[str, str]) -> None:
    if not _VIEW.fullmatch(view) or len(view) > _MAX_TEXT or view.startswith(_NOT_VIEWS):
        raise QueryError(
            f"view is {view[:80]!r}.",
            "It is the path of a screen of this hub's UI, without what follows the question mark.",
            "Give one like /traces or /logs.",
        )
    size = sum(len(name) + len(value) for name, value in arguments.items())
    if len(arguments) > _MAX_ARGUMENTS or size > _MAX_TEXT:
        raise QueryError(
            "The arguments are too many, or too long.",
            f"At most {_MAX_ARGUMENTS} with {_MAX_TEXT:,} characters are kept.",
            "Leave out what does not matter.",
        )


def _unusable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The saved links in {path.name} cannot be read or written.",
        f"The system says: {error.strerror}.",
        "Check the disk and the permissions of the data folder.",
    )
