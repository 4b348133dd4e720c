"""Does a server keep to OTLP? Send it everything that it has to take, and all that it must not.

    from otbridge.testing.conform.server import Server, breaks_must, check_server

    results = check_server(Server("http://127.0.0.1:4318", grpc="127.0.0.1:4317"))
    assert not breaks_must(results)

The same on the command line is `otbridge conform server URL`. The rules are in `rules`, and each
is tried by the checks in `checks`, over real connections. What the server made of the records
can be seen only inside otbridge's hub; for any other server those checks are skipped.
"""

from __future__ import annotations

from otbridge.testing.conform.report import breaks_must
from otbridge.testing.conform.server.report import server_as_document, server_as_text
from otbridge.testing.conform.server.rules import SERVER_RULES
from otbridge.testing.conform.server.session import ServerResult, check_server, unreachable
from otbridge.testing.conform.server.target import ALL_SIGNALS, RECOMMENDED_LIMIT, Server

__all__ = [
    "ALL_SIGNALS",
    "RECOMMENDED_LIMIT",
    "SERVER_RULES",
    "Server",
    "ServerResult",
    "breaks_must",
    "check_server",
    "server_as_document",
    "server_as_text",
    "unreachable",
]
