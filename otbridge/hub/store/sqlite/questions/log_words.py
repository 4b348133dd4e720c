"""Whether a log record has the words that are asked for: told from the record itself.

The full text knows of a few records together that one of them has a word, or several of them the
words of a question. Here each is looked at, in the same folded words as the index has them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otbridge.hub.store.text import MAX_WORDS, asked, fold
from otbridge.hub.store.words import AttributeWords
from otbridge.wire.otlp_outline import read_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from otbridge.hub.store.vocabulary import Term
    from otbridge.wire.rows import LogRow

    Test = Callable[[str], object]

__all__ = ["LogWords"]

_IN_WORD: Final = r"(?:[^\W_]|\ue000)"
"""A letter, a digit, or the mark before the hash that stands for an attribute."""


_ELSEWHERE: Final = re.compile(
    rb"[\xc3-\xc9\xcc\xcd][\x80-\xbf]|\xe1[\xaa\xb7-\xbb]|\xe2[\x83\x84]|\xef\xb8|[\x0a\x12][\s\S]{1,3}:"
)
"""Bytes of a record that may have ASCII words which are not in it letter by letter: UTF-8 of letters
with accents and of accents, which folding takes away, and values of bytes, which are base64."""

_UNWRITTEN: Final = ("true", "false", "null", "nan", "infinity")
"""What other values than texts are written as, beside numbers."""


class LogWords:
    """The words of one question. What was found out about attributes is kept for its other records.

    Args:
        every: Terms of which a record has to have each.
        some: Terms of which a record has to have one at least; empty where nothing is asked.
    """

    def __init__(self, every: Iterable[Term], some: Iterable[Term] = ()) -> None:
        every = list(every)
        self._every = list(_tests(every))
        self._letters = [letters for term in every for letters in _letters_of(term)]
        self._keys = [term.key.encode() for term in every if term.key is not None]
        self._some = list(_tests(some))
        self._words = AttributeWords()

    def may_be_in(self, data: bytes) -> bool:
        """Return False where the bytes of a record tell that it has not every term.

        Telling it from the record takes twenty times as long.
        """
        if not all(key in data for key in self._keys):
            return False
        if not self._letters:
            return True
        lower = data.lower()
        return all(letters in lower for letters in self._letters) or bool(_ELSEWHERE.search(data))

    def all_in(self, row: LogRow) -> bool:
        """Whether the record has every term."""
        text = self._text(row) if self._every else ""
        return all(test(text) for test in self._every)

    def one_in(self, row: LogRow) -> bool:
        """Whether the record has one of the other terms."""
        text = self._text(row)
        return any(test(text) for test in self._some)

    def _text(self, row: LogRow) -> str:
        texts = self._words.of(read_log(row.data).attributes[:])
        return fold(" ".join((row.body_text[:MAX_WORDS], row.event_name, *texts)))


def _tests(terms: Iterable[Term]) -> Iterator[Test]:
    """Yield what has to hold for a folded text that has the *terms*."""
    for term in terms:
        words = asked(term)
        if words is None:
            continue
        for word in words.whole:
            yield re.compile(f"(?<!{_IN_WORD}){re.escape(word)}(?!{_IN_WORD})").search
        if words.begun:
            yield re.compile(f"(?<!{_IN_WORD}){re.escape(words.begun)}").search


def _letters_of(term: Term) -> Iterator[bytes]:
    """Yield what the bytes of a record with the *term* have, in lower case, unless it is folded."""
    if term.key is not None:
        texts: tuple[str, ...] = (term.text.lower(),)
    else:
        words = asked(term)
        texts = (*words.whole, words.begun) if words else ()
    for text in texts:
        # A number is written in digits only where it is asked for.
        if (
            text.isascii()
            and any(letter.isalpha() and letter != "e" for letter in text)
            and not any(word.startswith(text) for word in _UNWRITTEN)
        ):
            yield text.encode()
