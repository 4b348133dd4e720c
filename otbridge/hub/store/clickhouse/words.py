r"""What a text search finds, made of the columns by ClickHouse itself: the SQL of `DerivedWords`.

The words are those of `otbridge.hub.store.text`: folded to lower case and without accents, cut
where one text is very long. `DerivedWords` has them as its default, so they are the same whoever
writes the row: we, or a collector.

A short attribute is one more word, by which `key=value` is found: a character that nobody types
and a hash of the pair. Rows of schema version 1 have another hash (`text.pair_word`), so a
question asks for both.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Final
from unicodedata import combining

from otbridge.hub.store.text import MAX_PAIR, MAX_WORDS

__all__ = ["decimal", "fold", "log_words", "pair", "span_words"]

_MARK: Final = "\ue000"
"""As in `otbridge.hub.store.text`."""

_MARK_BYTES: Final = len(_MARK.encode())

_BITS: Final = 2**40 - 1
"""Of the hash, as many as there: ten million pairs hold two that are the same once in 100,000."""

_SEARCHED_EVENTS: Final = 32
"""Events of one span that are searched, exceptions among them; streams have thousands."""


def pair(text: str) -> str:
    """Return the word that stands for *text*, which is `key=value`."""
    return f"concat('{_MARK}', lower(hex(bitAnd(cityHash64({text}), {_BITS}))))"


def decimal(number: str) -> str:
    """Return a Float64 as the columns have it: whole ones with a digit behind the point."""
    return f"replaceRegexpOne(toString({number}), '^-?[0-9]+$', '\\\\0.0')"


def fold(text: str) -> str:
    """Return *text* as its words are compared; see `otbridge.hub.store.text.fold`."""
    plain = f"replaceRegexpAll(normalizeUTF8NFD(toValidUTF8(t)), '{_accents()}', '')"
    spaced = f"replaceRegexpAll(lowerUTF8({plain}), '[^\\\\p{{L}}\\\\p{{N}}_{_MARK}]+', ' ')"
    # Where nothing but the marks is longer than its one byte, nothing is to be folded.
    marks = f"countSubstrings(t, '{_MARK}')"
    is_ascii = f"length(t) = lengthUTF8(t) + {_MARK_BYTES - 1} * {marks}"
    # Without the lambda the text would be written out each time, and ClickHouse would need 10 ms
    # more to look through every insert.
    return f"arrayMap(t -> if({is_ascii}, lower(t), {spaced}), [{text}])[1]"


def span_words() -> str:
    """Return `DerivedWords` of `otel_traces`."""
    names = f"arraySlice(`Events.Name`, 1, {_SEARCHED_EVENTS})"
    events = f"arraySlice(`Events.Attributes`, 1, {_SEARCHED_EVENTS})"
    of_events = f"arrayFlatten(arrayMap(e -> {_pairs('mapKeys(e)', 'mapValues(e)')}, {events}))"
    return _words(f"[SpanName, StatusMessage], {names}", "SpanAttributes", of_events)


def log_words() -> str:
    """Return `DerivedWords` of `otel_logs`."""
    return _words("[Body, toString(EventName)]", "LogAttributes")


def _words(texts: str, attributes: str, *more: str) -> str:
    """Return the words of *texts* and of *attributes*, and *more*, which are words; all arrays."""
    pairs = _pairs(f"mapKeys({attributes})", f"mapValues({attributes})")
    cut = f"arrayMap(t -> {_cut('t')}, arrayConcat({texts}))"
    arrays = ", ".join((cut, pairs, *more, _items(attributes)))
    return fold(f"arrayStringConcat(arrayConcat({arrays}), ' ')")


def _pairs(keys: str, values: str) -> str:
    """Return each value, and behind it the word for its pair, which compress best together."""
    both = f"concat(v, ' ', {pair(_PAIR)})"
    return f"arrayMap((k, v) -> if(lengthUTF8(v) <= {MAX_PAIR}, {both}, {_cut('v')}), {keys}, {values})"


def _items(attributes: str) -> str:
    """Return the same of what is in lists and objects, which are texts in JSON.

    What lies deeper is found by its words alone, as JSON spells them.
    """
    keys = "mapKeys(mapFilter((k, t) -> t = 'json', AttributeKinds))"
    listed = "JSONExtract(j, 'Array(String)')"
    named = "arrayMap(o -> o.2, JSONExtractKeysAndValues(j, 'String'))"
    items = f"if(startsWith(j, '['), {listed}, {named})"
    words = f"arrayMap(v -> concat(v, ' ', {pair(_PAIR)}), {items})"
    each = f"arrayFlatten(arrayMap(j -> {words}, [{attributes}[k]]))"
    return f"arrayFlatten(arrayMap(k -> {each}, {keys}))"


def _cut(text: str) -> str:
    return f"if(length({text}) > {MAX_WORDS}, leftUTF8({text}, {MAX_WORDS}), {text})"


_PAIR: Final = "concat(k, '=', v)"


@cache
def _accents() -> str:
    """Return the pattern of all characters that only change the letter before them."""
    ranges: list[list[int]] = []
    for point in range(sys.maxunicode + 1):
        if combining(chr(point)):
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1][1] = point
            else:
                ranges.append([point, point])
    return "".join(("[", *(f"\\\\x{{{a:x}}}-\\\\x{{{b:x}}}" for a, b in ranges), "]+"))
