"""Which pages may speak."""

from __future__ import annotations

import asyncio

import pytest

from otbridge.bridge.auth import OriginPolicy, authenticated, no_token_needed
from otbridge.errors import ConfigurationError


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://localhost:5173", "127.0.0.1:4318", True),
        ("https://localhost", "api.example", True),
        ("http://app.localhost:80", "api.example", True),
        ("http://127.0.0.1:9", "api.example", True),
        ("http://127.9.9.9", "api.example", True),
        ("http://[::1]:9", "api.example", True),
        ("https://shop.example", "shop.example", True),
        ("http://shop.example:8000", "shop.example:8000", True),
        ("https://listed.example", "api.example", True),
        ("https://listed.example:443", "api.example", True),
        (None, "api.example", True),
        ("http://listed.example", "api.example", False),
        ("https://listed.example:8443", "api.example", False),
        ("https://sub.listed.example", "api.example", False),
        ("https://listed.example.evil.test", "api.example", False),
        ("https://listed.example/", "api.example", False),
        ("https://user@listed.example", "api.example", False),
        ("http://shop.example:8001", "shop.example:8000", False),
        ("http://shop.example", "shop.example:8000", False),
        ("http://localhost.evil.test", "api.example", False),
        ("http://127.0.0.1.evil.test", "api.example", False),
        ("http://127.0.0.x", "api.example", False),
        ("http://1270.0.0.1", "api.example", False),
        ("null", "api.example", False),
        ("", "api.example", False),
        ("file://", "api.example", False),
        ("chrome-extension://abc", "api.example", False),
        ("http://[::1", "api.example", False),
        ("http://localhost:99999", "api.example", False),
        ("http://shop.example", None, False),
        ("http://shop.example", "shop.example@evil", False),
    ],
)
def test_an_origin_is_compared_as_a_whole(
    origin: str | None, host: str | None, allowed: bool
) -> None:
    """Own, local and listed origins pass; look-alikes, other ports and other schemes do not."""
    assert OriginPolicy(["https://listed.example"]).allows(origin, host) is allowed


def test_a_list_may_hold_null_and_everybody() -> None:
    """Files and sandboxed frames have to be allowed by name; a star allows all."""
    assert OriginPolicy(["null"]).allows("null", "api.example")
    assert not OriginPolicy(["null"]).allows("https://evil.test", "api.example")
    assert OriginPolicy(["*"]).allows("https://evil.test", "api.example")


@pytest.mark.parametrize("origin", ["shop.example", "https://shop.example/path", "https://", "a b"])
def test_what_is_no_origin_is_a_configuration_error(origin: str) -> None:
    """A list with a mistake in it is refused when it is given, with an example."""
    with pytest.raises(ConfigurationError, match=r"https://shop\.example"):
        OriginPolicy([origin])


def test_checks_may_be_plain_or_async() -> None:
    """Both kinds of function give their answer."""

    async def check(token: str | None, origin: str | None) -> str | None:
        return token

    assert asyncio.run(authenticated(no_token_needed, None, None)) == ""
    assert asyncio.run(authenticated(check, "shop", None)) == "shop"
