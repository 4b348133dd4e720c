from __future__ import annotations

import copy
import time
from collections import UserDict, UserList, deque
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.processors.redact import MARKER, Redactor, redact
from otbridge.processors.secret_values import _ASSIGNED, _PATTERNS, blank_out

if TYPE_CHECKING:
    from collections.abc import Iterator

# Put together here, so that no scanner takes them for real ones.
TOKENS = [
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 9,
    "glpat-" + "a1B2" * 5,
    "AKIA" + "ABCD1234" * 2,
    "AIza" + "x" * 35,
    "sk-proj-" + "a1B2" * 10,
    "sk_live_" + "a1B2" * 6,
    "xoxb-" + "1234567890" * 2,
    "npm_" + "a" * 36,
    "hf_" + "a" * 34,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl",
    "SG." + "a" * 22 + "." + "b" * 43,
    "ya29." + "a" * 30,
]
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc+/=\n-----END RSA PRIVATE KEY-----"

BENIGN = [
    "order placed",
    "GET /orders/7?page=2&sort=date 200 in 12 ms",
    "https://example.com:8080/a/b?c=d#e",
    "max_tokens=4096 used 12 tokens: fine",
    "time: 12:30:45, ratio 3:4",
    "550e8400-e29b-41d4-a716-446655440000",
    "risk-free, task-based, sk-short",
    "the basic plan and the bearer of news",
    "key not found in cache",
    "2026-11-20T11:00:00Z",
    "a@b.example",
    "C:\\Users\\me",
]

SECRET_NAMES = [
    *("password", "user_password", "db.password", "Passwd", "apiKey", "API_KEY", "x-api-key"),
    *("access_token", "refreshToken", "token", "http.request.header.authorization", "Set-Cookie"),
    *("client_secret", "AWS_SECRET_ACCESS_KEY", "privateKey", "connection_string", "card.number"),
]
PLAIN_NAMES = [
    *("max_tokens", "gen_ai.usage.input_tokens", "token_count", "session.id", "author", "key"),
    *("primary_key", "tokenizer", "password_expiry", "secret_present", "keyboard", "pinned"),
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_is_known_by_its_name_however_that_is_written(name: Any) -> None:
    assert Redactor().value(name, "whatever") == MARKER


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_a_name_that_only_resembles_a_secrets_is_left_alone(name: Any) -> None:
    assert Redactor().value(name, "whatever") == "whatever"


def test_more_names_can_be_given_in_any_spelling() -> None:
    assert Redactor(["badge-no"]).value("badgeNo", 7) == MARKER


@pytest.mark.parametrize("token", [*TOKENS, PEM])
@pytest.mark.parametrize("around", ["{}", "before {} after", "x={}", '{{"a": "{}"}}', "{}\n{}"])
def test_a_credential_is_known_by_its_sigil_wherever_it_stands(token: Any, around: Any) -> None:
    shown = Redactor().text(around.replace("{}", token))
    assert token not in shown
    assert token[-12:] not in shown
    assert MARKER in shown


@pytest.mark.parametrize("text", BENIGN)
def test_ordinary_text_is_the_same_object_afterwards(text: Any) -> None:
    assert Redactor().text(text) is text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://bob:hunter2@db/x", f"postgres://bob:{MARKER}@db/x"),
        ("https://h/?token=abc123&b=1", f"https://h/?token={MARKER}&b=1"),
        ("Authorization: Bearer abc.def-123", f"Authorization: Bearer {MARKER}"),
        ("login password='hunter2' ok", f"login password={MARKER} ok"),
        ('{"client_secret": "hunter2"}', f'{{"client_secret": {MARKER}}}'),
    ],
)
def test_only_the_secret_part_of_a_text_is_blanked_out(text: Any, shown: Any) -> None:
    assert Redactor().text(text) == shown


def test_nested_values_are_searched_and_the_callers_objects_stay_as_they_are() -> None:
    value = {"users": [{"name": "bob", "password": "hunter2"}, (TOKENS[0], 1)], "n": 1}
    before = copy.deepcopy(value)
    shown = Redactor().value("payload", value)
    assert shown == {"users": [{"name": "bob", "password": MARKER}, [MARKER, 1]], "n": 1}
    assert value == before


def test_a_value_without_secrets_is_the_same_object() -> None:
    value = {"a": [1, "two", {"three": 3.0}]}
    assert Redactor().value("payload", value) is value


def test_dataclasses_and_models_are_looked_into() -> None:
    @dataclass
    class Login:
        user: str
        password: str

    assert Redactor().value("login", Login("bob", "hunter2")) == {"user": "bob", "password": MARKER}


def test_objects_of_msgspec_attrs_and_pydantic_are_looked_into() -> None:
    class Struct(msgspec.Struct):
        user: str
        password: str

    class Attrs(SimpleNamespace):
        """As the decorators of attrs leave a class; that library is none of ours."""

        __attrs_attrs__ = (SimpleNamespace(name="user"), SimpleNamespace(name="password"))

    class Model(pydantic.BaseModel):
        user: str
        password: str

    for kind in (Struct, Attrs, Model):
        found = Redactor().value("login", kind(user="bob", password="hunter2"))
        assert found == {"user": "bob", "password": MARKER}


@pytest.mark.parametrize("kind", [deque, UserList, tuple, list])
def test_every_sequence_is_looked_into(kind: Any) -> None:
    assert list(Redactor().value("x", kind(["plain", TOKENS[0]]))) == ["plain", MARKER]


@pytest.mark.parametrize(
    "value",
    [
        ["plain"] * 1_000_000 + [TOKENS[0]],
        dict.fromkeys(map(str, range(100_000)), 1) | {"password": "hunter2"},
        [["plain"] * 1000] * 1000 + [[TOKENS[0]]],
    ],
)
def test_what_is_not_looked_at_is_left_out_and_counted(value: Any) -> None:
    """A caller does not wait for a million values, and nothing unseen is let through."""
    found = repr(Redactor().value("x", value))
    assert "more left out>" in found
    assert TOKENS[0] not in found
    assert "hunter2" not in found
    assert len(found) < 100_000


def test_what_comes_first_is_whole_with_all_that_is_inside() -> None:
    """As the encoder counts: one thing after the other, not level by level."""
    rows = [{"id": number, "name": "n", "tags": ["a"]} for number in range(2000)]
    found = Redactor().value("rows", rows)
    assert found[:800] == rows[:800]
    assert found[-1].endswith("more left out>")


def test_what_is_nested_too_deep_to_search_is_replaced() -> None:
    value: object = TOKENS[0]
    for _ in range(30):
        value = [value]
    assert TOKENS[0] not in repr(Redactor().value("x", value))


def test_a_cycle_ends() -> None:
    value: list[object] = []
    value.append(value)
    Redactor().value("x", value)


def test_bytes_are_searched_too() -> None:
    assert Redactor().value("body", TOKENS[0].encode()) == MARKER
    assert Redactor().value("body", b"plain") == b"plain"


def test_a_value_whose_own_code_fails_is_replaced_because_it_was_not_seen() -> None:
    class Broken(UserDict[str, int]):
        def __iter__(self) -> Iterator[str]:
            raise RuntimeError

    assert Redactor().attributes({"x": Broken(a=1), "y": 2}) == {"x": MARKER, "y": 2}


@pytest.mark.parametrize("lead", [0, 100, 65_500, 65_530, 65_536, 90_000])
def test_a_credential_is_found_wherever_it_lies_in_a_long_text(lead: Any) -> None:
    shown = Redactor().text("x " * (lead // 2) + TOKENS[0] + " end")
    assert TOKENS[0][-20:] not in shown


def test_message_stack_trace_and_fields_are_all_covered() -> None:
    event = redact()(None, "info", {
        "event": f"got {TOKENS[0]}", "exception.stacktrace": f"ValueError: {TOKENS[1]}", "pwd": 1,
    })  # fmt: skip
    assert event == {
        "event": f"got {MARKER}", "exception.stacktrace": f"ValueError: {MARKER}", "pwd": MARKER,
    }  # fmt: skip


@given(st.text())
def test_no_text_whatever_raises_and_what_is_clean_stays_clean(text: Any) -> None:
    redactor = Redactor()
    assert redactor.text(redactor.text(text)) == redactor.text(text)


PUMPS = ["eyJ", "eyJa.", "://", "://a:", "password=", 'password="', "-----BEGIN ", "sk-", "ghp_a",
         "Bearer ", "token:", "AKIA", "xoxb-", "SG.a", "a=b;", "-----BEGIN PRIVATE KEY-----"]  # fmt: skip


@pytest.mark.parametrize("pump", PUMPS)
def test_no_text_makes_redaction_slow(pump: Any) -> None:
    """16 times the text takes about 16 times as long, not 256 times."""

    def cpu(repeats: int) -> float:
        text = pump * repeats
        best = 1.0
        for _ in range(3):
            begin = time.thread_time()
            Redactor().text(text)
            best = min(best, time.thread_time() - begin)
        return best

    small, large = cpu(4_000 // len(pump)), cpu(64_000 // len(pump))
    assert large < 64 * small + 0.01


@pytest.mark.parametrize("pattern", [pattern for _, pattern, _ in _PATTERNS] + [_ASSIGNED.pattern])
@given(data=st.data())
def test_the_quick_look_overlooks_nothing_that_a_pattern_would_find(
    pattern: str, data: st.DataObject
) -> None:
    printable = st.characters(min_codepoint=32, max_codepoint=126)
    text = data.draw(st.from_regex(pattern, alphabet=printable))
    assert MARKER in blank_out(text)
