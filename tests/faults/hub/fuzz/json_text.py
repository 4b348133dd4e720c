"""Mutations of JSON: of the tree, and of how it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

__all__ = ["mutated"]

_VALUES = (
    *(b"null", b"true", b"0", b"-1", b"1.5", b"1e999", b"-1e999", b"1E400", b"NaN", b"Infinity"),
    *(b"-0", b"01", b"1e-400", b"18446744073709551616", b"9223372036854775808", b"123456789" * 40),
    *(
        b'""',
        b'"x"',
        b'"NaN"',
        b'"-Infinity"',
        b'"zz"',
        b'"0x10"',
        b'"1e3"',
        b'"\\ud800"',
        b'" 7 "',
    ),
    *(b'"\\u0000"', b'"\\x41"', b'"\xff"', b'"\xed\xa0\x80"', b"'x'", b'"18446744073709551616"'),
    *(
        b"[]",
        b"{}",
        b"[[]]",
        b"[null]",
        b'{"":null}',
        b"[0,]",
        b'{"a":1,}',
        b"/**/1",
        b"\xef\xbb\xbf1",
    ),
    *(
        b'{"stringValue":"a","intValue":1}',
        b'{"kvlistValue":{"values":[{}]}}',
        b'{"bytesValue":"="}',
    ),
    *(b'{"arrayValue":{"values":[{}]}}', b'{"arrayValue":[]}', b'{"doubleValue":"NaN"}', b"", b"}"),
)

_NESTS = (
    (b"[", b"]"),
    (b'{"a":', b"}"),
    (b'{"arrayValue":{"values":[', b"]}}"),
    (b'{"kvlistValue":{"values":[{"key":"k","value":', b"}]}}"),
)

_MOST_BYTES = 256 << 10

_TIMES = (*(1,) * 20, 2, 2, 40)

_DEPTHS = (5, 31, 33, 60, 500)


def mutated(tree: Any, chance: random.Random, others: Sequence[Any]) -> bytes:
    """Return the text of *tree* with one of its values or keys changed; no more than 256 KiB."""
    while True:
        text = msgspec.json.encode(_changed(tree, chance, others))
        if len(text) <= _MOST_BYTES:
            return text


def _changed(value: Any, chance: random.Random, others: Sequence[Any]) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.9:
        return _changed_object(value, chance, others)
    if isinstance(value, list) and value and chance.random() < 0.9:
        place = chance.randrange(len(value))
        changed = _changed(value[place], chance, others)
        return [*value[:place], *[changed] * chance.choice(_TIMES), *value[place + 1 :]]
    return _another(value, chance, others)


def _changed_object(value: dict[str, Any], chance: random.Random, others: Sequence[Any]) -> Any:
    key = chance.choice(list(value))
    rest = {name: told for name, told in value.items() if name != key}
    way = chance.random()
    if way < 0.7:
        return {**rest, key: _changed(value[key], chance, others)}
    if way < 0.8:  # the same key twice
        first = msgspec.json.encode({key: _another(value[key], chance, others)})[:-1]
        return msgspec.Raw(first + b"," + msgspec.json.encode(value)[1:])
    if way < 0.9:
        names = (key.upper(), key + "s", "", "\x00", "__proto__", _snake(key), "x" * 5000)
        return {**rest, chance.choice(names): value[key]}
    return rest


def _another(value: Any, chance: random.Random, others: Sequence[Any]) -> Any:
    way = chance.random()
    if way < 0.7:
        return msgspec.Raw(chance.choice(_VALUES))
    if way < 0.8:
        begin, end = chance.choice(_NESTS)
        times = chance.choice(_DEPTHS)
        return msgspec.Raw(begin * times + msgspec.json.encode(value) + end * times)
    if way < 0.9 and isinstance(value, str):
        return value * chance.choice((0, 2, 1000)) + chance.choice(("", "\x00", "\u2028", "g"))
    return chance.choice(others)


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)
