"""Tickets are valid for their project and their two minutes, and for nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.bridge.tickets import Tickets, issue_ticket
from otbridge.errors import ConfigurationError

SECRET = "0123456789abcdef"
TICKET = issue_ticket(SECRET, "shop", now=1000.0)


def project(ticket: str | None, at: float = 1000.0, secret: str | bytes = SECRET) -> str | None:
    return Tickets(secret, clock=lambda: at)(ticket, None)


def test_a_ticket_names_its_project_while_it_lives() -> None:
    """From its issue until 120 s later, and not at the 120th second itself."""
    assert project(TICKET, 1000.0) == "shop"
    assert project(TICKET, 1119.9) == "shop"
    assert project(TICKET, 1120.0) is None


def test_a_ticket_is_only_good_for_its_secret() -> None:
    """Another secret refuses it; the same one as bytes takes it."""
    assert project(TICKET, secret="another secret, long enough") is None
    assert project(TICKET, secret=SECRET.encode()) == "shop"


@pytest.mark.parametrize(
    "token", [None, "", ".", "a.b", "ü.ü", "\ud800", TICKET + "a", "x" + TICKET]
)
def test_what_is_no_ticket_is_refused(token: str | None) -> None:
    """Nothing at all, nonsense and changed tickets are no one's."""
    assert project(token) is None


@given(st.integers(0, len(TICKET) - 1), st.characters())
def test_a_changed_ticket_is_refused(position: int, character: str) -> None:
    """No single character can be changed."""
    changed = TICKET[:position] + character + TICKET[position + 1 :]
    assert (project(changed) is None) == (changed != TICKET)


@pytest.mark.parametrize(
    "payload",
    [
        b"no json",
        b"[]",
        b"{}",
        b'{"project":"shop"}',
        b'{"project":5,"exp":1060}',
        b'{"project":"shop","exp":9999}',
        b'{"project":"shop","exp":"soon"}',
        b'{"project":"shop","exp":NaN}',
    ],
)
def test_a_signed_payload_that_issue_ticket_would_not_write_is_refused(payload: bytes) -> None:
    """The signature alone is not enough: form and length of life must be right too."""
    signed = base64.urlsafe_b64encode(payload).rstrip(b"=")
    signature = hmac.digest(SECRET.encode(), signed, hashlib.sha256)
    ticket = signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")
    assert project(ticket.decode()) is None


def test_a_ticket_can_be_read_and_holds_no_secret() -> None:
    """The payload is plain JSON: a ticket is signed, not encrypted."""
    payload = base64.urlsafe_b64decode(TICKET.partition(".")[0] + "==")
    assert json.loads(payload) == {"project": "shop", "exp": 1120.0}


def test_short_secrets_and_long_lives_are_configuration_errors() -> None:
    """Both are refused at once, with what to do."""
    with pytest.raises(ConfigurationError, match="token_urlsafe"):
        issue_ticket("short")
    with pytest.raises(ConfigurationError, match="15 bytes"):
        Tickets("x" * 15)
    for life_s in (0.0, 121.0):
        with pytest.raises(ConfigurationError, match="each page load"):
            issue_ticket(SECRET, life_s=life_s)
