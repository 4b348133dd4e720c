"""What a server made of the records it took, where it lets itself be asked: otbridge's hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx

if TYPE_CHECKING:
    from otbridge.testing.conform.server.target import Server

__all__ = ["Inside"]


class Inside:
    """The hub's query API; what was acknowledged can be read there at once.

    Args:
        server: A hub of otbridge's.
    """

    def __init__(self, server: Server) -> None:
        self._client = httpx.Client(
            base_url=server.url.rstrip("/"),
            headers=dict(server.headers),
            timeout=server.timeout_s,
            trust_env=False,
            # To load certificates takes as long as ten requests over a plain connection.
            verify=server.url.startswith("https:"),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @property
    def is_there(self) -> bool:
        """Whether the server is a hub."""
        try:
            answer = self._client.get("/healthz")
            return answer.is_success and answer.json().get("hub") == "otbridge"
        except (httpx.HTTPError, ValueError, AttributeError):
            return False

    def spans(self, trace_id: bytes) -> list[dict[str, Any]]:
        """Return the spans of a trace as OTLP/JSON; none where the hub has no such trace."""
        document = self._document(f"/api/v1/traces/{trace_id.hex()}/otlp")
        return [
            span
            for resource in document.get("resourceSpans", ())
            for scope in resource.get("scopeSpans", ())
            for span in scope.get("spans", ())
        ]

    def logs(self, word: str) -> list[dict[str, Any]]:
        """Return the log records with *word* in their body, as the hub's API has them."""
        found: list[dict[str, Any]] = self._document(f"/api/v1/logs?q={word}").get("logs", [])
        return found

    def _document(self, path: str) -> dict[str, Any]:
        try:
            answer = self._client.get(path)
            document: dict[str, Any] = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, ValueError):
            return {}
        return document
