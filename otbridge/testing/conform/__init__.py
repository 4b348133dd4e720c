"""Does a client keep to OTLP? Try it against a real receiver that misbehaves in every known way.

    from otbridge.testing.conform import Client, breaks_must, check_client

    results = check_client(Client("mine", ("node", "send.js"), ("http",)))
    assert not breaks_must(results)

The same on the command line is `otbridge conform client -- node send.js`. What a client under
test has to do is in `task`; the rules are in `rules`, and each is tried by the checks in `checks`.
Nothing is taken from what a client says of itself except where the rule is that it says so.
"""

from __future__ import annotations

from otbridge.testing.conform.client import BUILT_IN, Client
from otbridge.testing.conform.report import as_document, as_text, breaks_must
from otbridge.testing.conform.rules import CLIENT_RULES, Rule
from otbridge.testing.conform.session import Result, check_client, first_contact

__all__ = [
    "BUILT_IN",
    "CLIENT_RULES",
    "Client",
    "Result",
    "Rule",
    "as_document",
    "as_text",
    "breaks_must",
    "check_client",
    "first_contact",
]
