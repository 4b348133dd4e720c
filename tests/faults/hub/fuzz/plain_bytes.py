"""Mutations that know nothing of what they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

__all__ = ["BAD_TEXTS", "mutated"]

BAD_TEXTS = (
    b"\xff\xfe",
    b"\xc0\x80",  # an overlong zero
    b"\xed\xa0\x80",  # half a surrogate pair
    b"\xf4\x90\x80\x80",  # beyond Unicode
    b"\x00",
    b"\x1b[2J",
    b"%n%s{0.__class__}",
    b"' OR 1=1 --",
    "\u202e\u2028\ufeff".encode(),
)
"""Pieces that texts should not have, or that somebody may take for more than a text."""

_INTERESTING = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff")


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _drop(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randrange(1, 16) :]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randrange(1, 64)]
    return data[:start] + piece * chance.choice((2, 3, 50)) + data[start:]


def _insert(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    piece = chance.choice((*_INTERESTING, *BAD_TEXTS, chance.randbytes(chance.randrange(1, 9))))
    return data[:start] + piece + data[start + chance.choice((0, len(piece))) :]


_WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(_flip, _flip, _cut, _drop, _repeat, _insert, _insert),
)


def mutated(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Return *data* with one to three changes, or joined in its middle with one of *others*."""
    if not data:
        return chance.randbytes(chance.randrange(64))
    if chance.random() < 0.1:
        other = chance.choice(others)
        return data[: chance.randrange(len(data))] + other[chance.randrange(len(other) + 1) :]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(_WAYS)(data, chance) or b"\x0a"
    return data
