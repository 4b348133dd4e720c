"""What a text search can find: which words of a record are indexed, and how they are asked for.

Words are what SQLite's `unicode61` tokenizer makes of a text: runs of letters and digits, folded
to lower case and without accents. A `key=value` condition has to match a whole attribute value,
whatever characters it holds, so each short attribute is indexed as one more word: a character
that nobody types (of Unicode's private area, which the tokenizer counts as a letter) and a hash
of the pair.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple
from unicodedata import combining, normalize

if TYPE_CHECKING:
    from otbridge.hub.store.vocabulary import Term

__all__ = [
    "Asked",
    "asked",
    "attribute_words",
    "fold",
    "match_expression",
    "pair_word",
    "pair_word_of",
]

MAX_WORDS = 2_000
"""Characters of one text that are indexed; what is said first is what is searched for."""

MAX_PAIR = 256
"""Characters of an attribute value that can still be asked for as `key=value`."""

PAIR_BYTES = 5
"""Of the hash that stands for `key=value`: with ten million different ones, a search for one finds
another's records once in 100,000 times."""

_REPEATED = 64
"""Characters of an attribute value that is likely to come again."""

_MARK = "\ue000"
_WORDS = re.compile(r"[^\W_]+")
_NO_WORD = re.compile(rf"[^\w{_MARK}]+")


class Asked(NamedTuple):
    """What a term asks for, in folded words; all of them have to occur."""

    whole: tuple[str, ...]
    """Whole words."""
    begun: str
    """The beginning of a word; empty where there is none."""


def attribute_words(attributes: dict[str, Any]) -> list[str]:
    """Return the texts to index for *attributes*: each value, and each `key=value` as one word."""
    words: list[str] = []
    for key, value in attributes.items():
        if type(value) is str and len(value) <= _REPEATED:
            words.append(_repeated_words(key, value))
        else:
            for text in _texts(value):
                look_up = _repeated_words if len(text) <= _REPEATED else _words
                words.append(look_up(key, text))
    return words


def match_expression(term: Term, pair_bytes: int = PAIR_BYTES) -> str | None:
    """Return the FTS5 MATCH expression for *term*, or None where it asks nothing.

    A word of the search matches every word that begins with it, so that results appear while it
    is being typed. Where it is made of several (`order-placed`), all of them have to occur. A term
    that holds no letter and no digit asks nothing.

    Args:
        term: What is asked for.
        pair_bytes: As `pair_word` had it when the words were indexed.
    """
    if term.key is not None:
        return f'"{pair_word(term.key, term.text, pair_bytes)}"'
    # Composed, because the tokenizer joins an accent to its letter and the pattern would not.
    words = _WORDS.findall(normalize("NFC", term.text))
    if not words:
        return None
    *whole, begun = words
    return " AND ".join([*(f'"{word}"' for word in whole), f'"{begun}"*'])


def fold(text: str) -> str:
    """Return *text* as its words are compared: lower case, without accents.

    For stores that split texts at everything in ASCII that is no letter and no digit, and nowhere
    else: what separates words outside of ASCII becomes a space here.
    """
    # Each mark is three bytes; where nothing else is longer than its one, nothing is to be folded.
    if len(text.encode()) == len(text) + 2 * text.count(_MARK):
        return text.lower()
    plain = "".join(letter for letter in normalize("NFD", text) if not combining(letter))
    return _NO_WORD.sub(" ", plain.lower())


def asked(term: Term) -> Asked | None:
    """Return what *term* asks for, or None where it asks nothing; see `match_expression`."""
    if term.key is not None:
        return Asked((pair_word(term.key, term.text),), "")
    words = _WORDS.findall(fold(term.text))
    return Asked(tuple(words[:-1]), words[-1]) if words else None


def _texts(value: Any) -> list[str]:
    """Return the scalars in *value*, in the words of JSON."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    return [] if value is None else [repr(value)]


def _words(key: str, text: str) -> str:
    return f"{text} {pair_word(key, text)}" if len(text) <= MAX_PAIR else text[:MAX_WORDS]


# Methods, routes, hosts: most short values come again and again.
_repeated_words = lru_cache(maxsize=16_384)(_words)


def pair_word(key: str, text: str, size: int = PAIR_BYTES) -> str:
    """Return the word that stands for an attribute with just this value; a hash of *size* bytes."""
    return pair_word_of(key.encode(), text.encode(), size)


def pair_word_of(key: bytes, text: bytes, size: int = PAIR_BYTES) -> str:
    """Return the same for who has both in UTF-8."""
    return _MARK + blake2b(b"%b=%b" % (key, text), digest_size=size).hexdigest()
