"""Words in the full text of one day's file, asked for in the way that costs least.

The index has, for each word, the numbers of all documents with it, oldest first. A document has the
words of several records that lie together; who asks looks at each of them. Two things make the
index slow where a word is common, and both are avoided here:

- For the beginning of a word SQLite first makes one list of those of all words that begin so,
  whatever part of it is wanted. Several times faster is to look up which words these are, and to ask
  for any of them. Where these are very many, as those of a single letter are, the newest records
  are read and looked through.
- The newest records with a word are wanted, and to know them by their times the whole list has to
  be sorted. So the newest records that fit otherwise are taken in steps, and the index is asked
  which of these have the words: a short piece of each list. A word that only a few records have
  is asked for at once.
"""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.store.sqlite.questions import attribute_search
from otbridge.hub.store.text import PAIR_BYTES, fold, match_expression

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from otbridge.hub.store.conditions import AttributeCondition
    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.hub.store.vocabulary import Term

__all__ = [
    "LOG_WORDS",
    "NOTHING",
    "STEPS",
    "TRACE_WORDS",
    "Spelled",
    "among",
    "begins_a_word",
    "few",
    "narrowing",
    "spelled_out",
]

LOG_WORDS: Final = "otel_log_words"
TRACE_WORDS: Final = "otel_trace_words"

NOTHING: Final = f'"{chr(0xE000)}"'
"""Matches no record: a mark without its hash."""

STEPS: Final = (500, 2_000, 8_000, 16_000, 32_000)
"""How many of the newest records are looked at first, and then: 1.5 ms of CPU, 5, 18, and so on,
measured with a million log records. What is not found often enough in these is rare, and its list
short."""

FEW: Final = 1_000
"""Documents that are looked at one by one, whenever they were written; with so few of them
nothing is won by beginning with the newest."""

_WORDS: Final = re.compile(r"[^\W_]+")

_MOST_WORDS: Final = 256
"""Words with one beginning that are looked up, at 30 µs each; more are left to SQLite."""


class Spelled(NamedTuple):
    """A term as the full text of one file is asked for it."""

    expression: str
    """The whole of it, for FTS5."""
    whole: str
    """What of it is quick to ask; empty where nothing is."""
    begun: str
    """The beginning of a word that stands for too many, in folded letters; empty where there is
    none. Such a beginning is short, and most records have a word of it."""


def spelled_out(reader: Reader, day: str, words: str, term: Term) -> Spelled | None:
    """Return *term* with the words that its last one begins.

    Args:
        reader: Who asks.
        day: The file.
        words: The table of the full text.
        term: What is asked for.

    Returns:
        What to ask, or None where the term asks nothing.
    """
    expression = match_expression(term)
    if expression is None:
        return None
    if not expression.endswith('"*'):
        return Spelled(expression, expression, "")
    at = expression.rindex('"', 0, -2)
    begun = expression[at + 1 : -2]
    # What has accents is folded by rules that only SQLite knows; so it is left to it.
    found = _words_from(reader, day, words, begun.lower()) if begun.isascii() else []
    if found is None:
        return Spelled(expression, expression[:at].removesuffix(" AND "), begun.lower())
    if begun.isascii():
        any_of = " OR ".join(f'"{word}"' for word in found) or NOTHING
        expression = f"{expression[:at]}({any_of})"
    return Spelled(expression, expression, "")


def begins_a_word(begun: str, texts: Iterable[str]) -> bool:
    """Whether a word in *texts* begins with *begun*, as far as letters without accents go."""
    return any(word.startswith(begun) for text in texts for word in _WORDS.findall(fold(text)))


def _words_from(reader: Reader, day: str, words: str, begun: str) -> list[str] | None:
    """Return all words that begin so, or None where there are too many."""
    sql = f"SELECT term FROM temp.{words}_terms WHERE term >= ? LIMIT 1"
    found: list[str] = []
    at = begun
    while len(found) < _MOST_WORDS:
        next_word = reader.first(day, sql, at)
        if next_word is None or not next_word[0].startswith(begun):
            return found
        found.append(next_word[0])
        at = f"{next_word[0]}\0"
    return None


def narrowing(conditions: Iterable[AttributeCondition]) -> list[str]:
    """Return the expressions of what the full text knows about *conditions* on attributes."""
    found = (attribute_search.words(condition, PAIR_BYTES) for condition in conditions)
    return [expression for expression in found if expression]


def few(reader: Reader, day: str, words: str, expression: str) -> list[int] | None:
    """Return the numbers of all documents that match, or None where these are more than `FEW`."""
    sql = f"SELECT rowid FROM {words} WHERE {words} MATCH ? LIMIT {FEW + 1}"
    found = [number for (number,) in reader.rows(day, sql, expression)]
    return found if len(found) <= FEW else None


def among(
    reader: Reader, day: str, words: str, expression: str, numbers: Collection[int]
) -> set[int]:
    """Return those of the documents with these *numbers*, at least one, that match."""
    sql = f"SELECT rowid FROM {words} WHERE {words} MATCH ? AND rowid BETWEEN ? AND ?"
    found = reader.rows(day, sql, expression, min(numbers), max(numbers))
    return {number for (number,) in found}.intersection(numbers)
