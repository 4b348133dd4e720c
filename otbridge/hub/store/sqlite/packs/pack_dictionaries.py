"""What the packs of a file have in common: kept once, and known to the packs as a dictionary.

The first records of a pack would otherwise be compressed as if nothing like them had ever come: a
tenth of the disk. zlib takes such a dictionary, and writes its Adler-32 into what it compresses
with it (RFC 1950, section 2.2), by which it is found again. Each is there twice, with a checksum:
thousands of records cannot be read without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from zlib import adler32, crc32

from otbridge.hub.store.sqlite.packs.packs import Pack, dictionary_of, unpack

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["PackReader", "add_dictionary", "last_dictionary"]

_SIZE: Final = 8_000
"""Bytes of a dictionary. With 4,000 packs are 2 % larger, with 16,000 1 % smaller and slower to
write."""

_COPIES: Final = 2

_SELECT: Final = "SELECT Raw, Crc FROM otel_pack_dictionaries WHERE Id = ?"
_LAST: Final = (
    "SELECT Raw, Crc FROM otel_pack_dictionaries WHERE PackTable = ? ORDER BY rowid DESC LIMIT ?"
)
_INSERT: Final = "INSERT OR IGNORE INTO otel_pack_dictionaries VALUES (?, ?, ?, ?, ?)"


class PackReader:
    """Reads packs of one file.

    Args:
        rows: Returns the rows that a statement with one parameter finds there.
    """

    def __init__(self, rows: Callable[[str, int], Iterable[tuple[Any, ...]]]) -> None:
        self._rows = rows
        self._dictionaries: dict[int, bytes | None] = {}

    @classmethod
    def of(cls, db: sqlite3.Connection) -> PackReader:
        """Return one for who has a connection."""
        return cls(lambda sql, number: db.execute(sql, (number,)))

    def read(self, raw: bytes, crc: Any) -> Pack | None:
        """Return the pack, or None where its checksum, or its dictionary's, does not fit."""
        if crc32(raw) != crc:
            return None
        number = dictionary_of(raw)
        if number is None:
            return unpack(raw)
        if number not in self._dictionaries:
            self._dictionaries[number] = _sound(self._rows(_SELECT, number))
        dictionary = self._dictionaries[number]
        return None if dictionary is None else unpack(raw, dictionary)


def last_dictionary(db: sqlite3.Connection, table: str) -> bytes | None:
    """Return the dictionary that packs of a table were written with last."""
    return _sound(db.execute(_LAST, (table, _COPIES)))


def add_dictionary(db: sqlite3.Connection, table: str, records: Sequence[bytes]) -> bytes | None:
    """Make a dictionary of some of these *records*, and return it where it could be kept."""
    step = max(1, sum(map(len, records)) // _SIZE)
    dictionary = b"".join(records[::step])[-_SIZE:]
    number = adler32(dictionary)
    row = (table, dictionary, crc32(dictionary))
    added = db.executemany(_INSERT, [(number, copy, *row) for copy in range(_COPIES)])
    # Another one with the same number would be taken for it.
    return dictionary if added.rowcount == _COPIES else None


def _sound(found: Iterable[tuple[Any, ...]]) -> bytes | None:
    return next((bytes(raw) for raw, crc in found if crc32(raw) == crc), None)
