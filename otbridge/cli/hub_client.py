"""Asks a running hub, for the commands that show what it holds."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Self

from otbridge.errors import OtbridgeError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["HubClient", "HubUnreachableError", "TooLargeForHubError"]


_PATIENCE_S = 60.0
_LONGEST_WAIT_S = 10


class HubUnreachableError(OtbridgeError):
    """No hub answers at the address, or it refuses the question."""


class TooLargeForHubError(HubUnreachableError):
    """The hub takes less in one request."""


class HubClient:
    """The hub's HTTP API (docs/reference/hub-api.md), as a command needs it.

    Args:
        url: The hub's address, e.g. `http://127.0.0.1:4318`.
        token: A key of the hub's; that in `OTBRIDGE_HUB_TOKEN` by default. There is no option for
            it: other people on the machine can read command lines.

    Where the hub encrypts, `OTBRIDGE_HUB_CA` names its authority, if it is no public one, and
    `OTBRIDGE_HUB_CLIENT_CERTIFICATE` and `OTBRIDGE_HUB_CLIENT_KEY` what it wants to see of us.

    Leaving it gives its connections back.

    Raises:
        HubUnreachableError: The token is none, or a certificate's file cannot be used.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        import httpx

        if token is None:
            token = os.environ.get("OTBRIDGE_HUB_TOKEN", "").strip()
        if not (token.isascii() and token.isprintable()):
            raise HubUnreachableError(  # said here: HTTP's own error would show it
                "OTBRIDGE_HUB_TOKEN holds characters that no key has.",
                "",
                "Copy the key again.",
            )
        self._url = url
        # Redirects are not followed, so that the key goes nowhere else.
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._tls = _tls() if url.startswith("https:") else None
        self._http = httpx.Client(
            base_url=url,
            timeout=10,
            headers=self._headers,
            verify=True if self._tls is None else self._tls,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **parameters: str | int | None) -> dict[str, Any]:
        """Return the JSON answer of `GET path`.

        Raises:
            HubUnreachableError: Nothing answers, or the hub answers with an error.
        """
        import httpx

        asked = {name: value for name, value in parameters.items() if value is not None}
        try:
            answer = self._http.get(path, params=asked)
            body: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._unreachable(error) from error
        if answer.is_error:
            told = body.get("error", {})
            raise HubUnreachableError(
                str(told.get("what", f"The hub answered {answer.status_code}.")),
                str(told.get("why", "")),
                str(told.get("do", "")),
            )
        return body

    def get_page(
        self, path: str, items: str, limit: int, **parameters: str | int | None
    ) -> dict[str, Any]:
        """Return the answer of `GET path` with *limit* of its *items*, or with all there are.

        A page of the hub's may end before it is full, because its time is up.

        Raises:
            HubUnreachableError: As from `get`.
        """
        found = self.get(path, limit=limit, **parameters)
        while found["next_cursor"] and (missing := limit - len(found[items])) > 0:
            cursor = found["next_cursor"]
            more = self.get(path, limit=missing, cursor=cursor, **parameters)
            found = more | {items: found[items] + more[items]}
        return found

    def post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """Send OTLP/JSON, and return the answer; wait where the hub asks for it, up to a minute.

        Raises:
            TooLargeForHubError: It is more than the hub takes at once.
            HubUnreachableError: Nothing answers, or the hub refuses it.
        """
        import httpx
        import msgspec

        body = msgspec.json.encode(document)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                answer = self._http.post(
                    path, content=body, headers={"content-type": "application/json"}
                )
                told: dict[str, Any] = answer.json()
            except (httpx.HTTPError, ValueError) as error:
                raise self._unreachable(error) from error
            if not answer.is_error:
                return told
            if answer.status_code not in (429, 503) or time.monotonic() > deadline:
                what = told.get("message") or f"The hub answered {answer.status_code}."
                kind = TooLargeForHubError if answer.status_code == 413 else HubUnreachableError
                raise kind(str(what))
            time.sleep(_wait_s(answer.headers.get("retry-after", "")))

    def live(self, wanted: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
        """Yield the messages of the hub's live feed that fit *wanted*, until the hub closes it.

        Raises:
            HubUnreachableError: Nothing answers, or the connection broke.
        """
        from websockets.exceptions import ConnectionClosedOK, WebSocketException
        from websockets.sync.client import connect

        address = f"ws{self._url.removeprefix('http')}/api/v1/live"
        try:
            with connect(
                address, open_timeout=10, additional_headers=self._headers, ssl=self._tls
            ) as socket:
                socket.send(json.dumps({"k": "filter", **wanted}))
                while True:
                    message: dict[str, Any] = json.loads(socket.recv())
                    yield message
        except ConnectionClosedOK:
            return
        except (OSError, WebSocketException) as error:
            raise self._unreachable(error) from error

    def wait_for_trace(
        self, trace_id: str, complete: Callable[[dict[str, Any]], bool], timeout: float
    ) -> dict[str, Any]:
        """Return the trace once *complete* says so, or as it is after *timeout* seconds.

        Raises:
            HubUnreachableError: The trace is not there at all when the time is up.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                trace = self.get(f"/api/v1/traces/{trace_id}")
                if complete(trace) or time.monotonic() > deadline:
                    return trace
            except HubUnreachableError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def _unreachable(self, error: Exception) -> HubUnreachableError:
        return HubUnreachableError(
            f"No hub answers at {self._url}.",
            f"{type(error).__name__}: {error}.",
            "Start one with `otbridge hub`, or name another with --hub URL.",
        )


def _tls() -> ssl.SSLContext | None:
    """Return what our connections are encrypted by, where the environment says something of it."""
    names = ("OTBRIDGE_HUB_CA", "OTBRIDGE_HUB_CLIENT_CERTIFICATE", "OTBRIDGE_HUB_CLIENT_KEY")
    authority, certificate, key = (os.environ.get(name) or None for name in names)
    if authority is None and certificate is None:
        return None
    import ssl

    try:
        context = ssl.create_default_context(cafile=authority)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl's own errors are some of them
        raise HubUnreachableError(
            f"The files in {', '.join(name for name in names if os.environ.get(name))} cannot be"
            " used.",
            f"{type(error).__name__}: {error}.",
            "They are PEM files: the hub's authority, and a certificate of ours with its key.",
        ) from None
    return context


def _wait_s(retry_after: str) -> int:
    return min(int(retry_after), _LONGEST_WAIT_S) if retry_after.isdecimal() else 1
