"""What is told from a record's bytes agrees with what is told from its words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otbridge.hub.store.sqlite.questions.log_words import LogWords
from otbridge.hub.store.vocabulary import Term
from tests.hub.store.builders import log

LETTERS = "abeEtrunfi019 .-_éÉİ\u017f\u212aßñ\u0301\u00e9中\ue000"
TEXTS = st.text(LETTERS, max_size=12)
VALUES = st.recursive(
    TEXTS | st.integers(-(2**40), 2**40) | st.floats() | st.booleans() | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(
    body=TEXTS,
    attributes=st.dictionaries(st.sampled_from(("a", "order", "café")), VALUES, max_size=3),
    asked=st.text(LETTERS, min_size=1, max_size=5),
)
@example(body="", attributes={"a": b"abc"}, asked="yw")
@example(body="", attributes={"a": True}, asked="tr")
@example(body="", attributes={"a": 1e-7}, asked="1e")
@example(body="re\u0301sume\u0301", attributes={}, asked="resume")
@example(body="Überfall", attributes={}, asked="uber")
@example(body="", attributes={"a": float("nan")}, asked="nan")
def test_no_record_with_a_word_is_passed_over(
    body: str, attributes: dict[str, Any], asked: str
) -> None:
    row = log(body, attributes=attributes)
    texts = [value for value in attributes.values() if isinstance(value, str)]
    terms = [Term(asked), *map(Term, texts), Term(body)]
    terms += [Term(str(value), key) for key, value in attributes.items()]
    for term in terms:
        words = LogWords([term])
        assert words.may_be_in(row.data) or not words.all_in(row)


@pytest.mark.parametrize(
    ("asked", "has"),
    [
        (("order",), True),
        (("ord",), True),
        (("rder",), False),
        (("placed order",), True),
        (("order plac",), True),
        (("orde placed",), False),
        (("cafe",), True),
        (("7",), True),
        (("pay", "order"), False),
        (("...",), True),
    ],
)
def test_words_are_whole_but_for_the_last_of_a_term(asked: tuple[str, ...], has: bool) -> None:
    row = log("Order placed at the Café", attributes={"order_id": 71})
    assert LogWords(map(Term, asked)).all_in(row) is has


def test_a_value_is_whole_and_of_its_key() -> None:
    row = log("7 of order", attributes={"order": 71, "item": "b 7"})
    assert LogWords([Term("71", "order"), Term("b 7", "item")]).all_in(row)
    assert not LogWords([Term("7", "order")]).all_in(row)
    assert not LogWords([Term("71", "item")]).all_in(row)
    assert not LogWords([Term("7", "of")]).all_in(row)


def test_the_hash_of_a_value_is_no_word() -> None:
    """A few letters or digits begin the hash of some value soon."""
    row = log("", attributes={f"key{number}": "x" for number in range(200)})
    for begun in "0123456789abcdf":
        assert not LogWords([Term(begun)]).all_in(row)


def test_one_of_several_terms_is_enough() -> None:
    words = LogWords((), [Term("s1", "session.id"), Term("s1", "session")])
    assert words.one_in(log(attributes={"session.id": "s1"}))
    assert not words.one_in(log(attributes={"session.id": "s2"}))
