"""The syntax of attr=."""

from __future__ import annotations

import pytest

from otbridge.errors import QueryError
from otbridge.hub.query.attribute_filters import MAX_CONDITIONS, read_conditions, read_key
from otbridge.hub.store.conditions import AttributeCondition as Condition


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http.status_code>=500", Condition("http.status_code", ">=", 500)),
        ("user.id=7", Condition("user.id", "=", 7)),
        ('user.id="7"', Condition("user.id", "=", "7")),
        (" user.id = 7 ", Condition("user.id", "=", 7)),
        ("user.name=Ada Lovelace", Condition("user.name", "=", "Ada Lovelace")),
        ("ratio<-0.5", Condition("ratio", "<", -0.5)),
        ("big<=1e9", Condition("big", "<=", 1e9)),
        ("code=007", Condition("code", "=", "007")),
        ("cached!=true", Condition("cached", "!=", True)),
        ("empty=", Condition("empty", "=", "")),
        ("exception.type", Condition("exception.type", "exists")),
        ("url=/a?b=c", Condition("url", "=", "/a?b=c")),
        ('"odd=key">1', Condition("odd=key", ">", 1)),
        (r'"quo\"te"="back\\slash"', Condition('quo"te', "=", "back\\slash")),
    ],
)
def test_the_way_a_value_is_written_says_its_type(text: str, expected: Condition) -> None:
    (found,) = read_conditions("attr", [text])
    assert found == expected
    assert type(found.value) is type(expected.value)


@pytest.mark.parametrize(
    "text", ["=7", '"open', 'a="open', 'a="x"y', "a>b", 'a<"7"', "a>=true", "", "a" * 1_001]
)
def test_what_cannot_be_read_is_told_with_an_example(text: str) -> None:
    with pytest.raises(QueryError) as refused:
        read_conditions("attr", [text])
    assert refused.value.why
    assert "http.status_code>=500" in refused.value.do


def test_only_so_many_are_taken() -> None:
    with pytest.raises(QueryError, match=str(MAX_CONDITIONS + 1)):
        read_conditions("attr", ["a=1"] * (MAX_CONDITIONS + 1))


def test_a_key_may_stand_in_quotes() -> None:
    assert read_key("key", "http.route") == "http.route"
    assert read_key("key", '"odd=key"') == "odd=key"
    with pytest.raises(QueryError):
        read_key("key", "a=1")
