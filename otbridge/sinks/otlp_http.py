"""OTLP over HTTP/1.1, binary protobuf, on the standard library.

Rules: OTLP 1.11 "OTLP/HTTP" and the OTLP exporter specification. Retryable are 429, 502, 503, 504
and everything that went wrong before an answer came; everything else is final, 3xx and a 200 that
is not an OTLP response included: something other than a receiver has answered.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from otbridge.context.loading import loading
from otbridge.errors import ConfigurationError, LimitExceeded, MalformedData
from otbridge.semconv import RESENT_HEADER
from otbridge.sinks.certificates import WatchedFiles, client_context
from otbridge.sinks.otlp_answer import (
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    clean,
    read_export_response,
    read_retry_delay,
    read_status_message,
    secrets_in,
)
from otbridge.sinks.retry_after import parse_retry_after
from otbridge.sinks.user_agent import USER_AGENT
from otbridge.typing import Rejected, Retryable, SendResult, Success
from otbridge.wire.compression import compress, decompress, have_zstd

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from otbridge.sinks.http_connection import HttpConnection, Response
    from otbridge.typing import Signal
    from otbridge.wire.compression import Compression

__all__ = ["OtlpHttpSink"]

_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_MAYBE_TAKEN: Final = frozenset({502, 504})
"""Said by what stands between, of a receiver that has not answered it."""
_PROTOBUF: Final = "application/x-protobuf"
_PORTS: Final = {"http": 80, "https": 443}
_JSON_COUNTS: Final = ("rejectedLogRecords", "rejectedSpans", "rejectedDataPoints")


class OtlpHttpSink:
    """Sends each request as one POST on one kept-alive connection.

    Args:
        endpoint: `http://` or `https://` URL. A base URL: `/v1/logs`, `/v1/traces` and
            `/v1/metrics` are appended to its path.
        exact: Whether *endpoint* is the whole URL of the one signal that will be sent, as
            `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT` is: used as it stands, an empty path as `/`.
        headers: Sent with every request, e.g. `{"authorization": "Bearer ..."}`.
        compression: `gzip` (level 1), `zstd` (needs `otbridge[zstd]`) or `none`.
        certificate: PEM file of the CAs to trust instead of the system's.
        client_certificate: PEM file of our own certificate chain, for mutual TLS.
        client_key: PEM file of its key.
        user_agent: Names the sender; see "User Agent" in the exporter specification.
        now: Monotonic seconds.

    Certificate files that are exchanged are used within a minute. A proxy is used where the
    environment names one: see `otbridge.sinks.proxies`.

    Raises:
        ConfigurationError: the endpoint is no http(s) URL, a header cannot be sent, zstd is not
            installed, or a certificate file cannot be read.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        exact: bool = False,
        headers: Mapping[str, str] | None = None,
        compression: Compression = "gzip",
        certificate: str | None = None,
        client_certificate: str | None = None,
        client_key: str | None = None,
        user_agent: str = USER_AGENT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scheme, self._host, self._port, self._path = _parse_endpoint(endpoint, exact=exact)
        self._exact = exact
        self.resent = False
        """Whether the next request may have been sent before; see `ResendingSink`."""
        self._compression = compression
        self._headers = _prepare_headers(headers or {}, user_agent, compression)
        self._secrets = secrets_in((headers or {}).items())
        self._certificates = (certificate, client_certificate, client_key)
        self._watched = WatchedFiles(self._certificates, now)
        self._connection: HttpConnection | None = None
        if self._scheme == "https":
            self._tls()  # a wrong file is said now, not at the first record
        elif any(self._certificates):
            raise ConfigurationError(
                f"A certificate is given, but {self.name} is not encrypted.",
                "",
                "Use an https:// endpoint, or leave the certificate out.",
            )

    @property
    def name(self) -> str:
        """The sink in words, with neither user, query nor headers."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        path = self._path.partition("?")[0].rstrip("/")
        return f"otlp_http {self._scheme}://{host}:{self._port}{path}"

    @property
    def encoding(self) -> str:
        """How requests are to be compressed."""
        return self._compression

    def send(self, signal: Signal, request: bytes, timeout: float) -> SendResult:
        """POST *request*; *timeout* seconds are for all of it, from connecting to the last byte."""
        if len(request) > MAX_REQUEST_BYTES:
            return Rejected("too_large", f"The request has {len(request):,} bytes.")
        encoding = self._compression
        return self.send_packed(signal, compress(request, encoding), encoding, timeout)

    def send_packed(self, signal: Signal, body: bytes, encoding: str, timeout: float) -> SendResult:
        """POST *body*, a request compressed by *encoding* before; else as `send`."""
        path = self._path if self._exact else f"{self._path.rstrip('/')}/v1/{signal}"
        headers = self._headers
        if encoding != "none":
            headers = headers | {"Content-Encoding": encoding}
        if self.resent:
            headers = headers | {RESENT_HEADER: "1"}
        connection = None
        try:
            connection = self._connected()
            response = connection.post(path, body, headers, timeout, MAX_RESPONSE_BYTES)
        except LimitExceeded as error:
            return Rejected("response_too_large", str(error))
        except Exception as error:  # noqa: BLE001 - OSError, HTTPException, ssl: no answer came
            sent = connection is not None and connection.has_sent
            return Retryable(type(error).__name__, self._clean(str(error)), maybe_taken=sent)
        return self._judge(response)

    def close(self) -> None:
        """Close the connection; a later send opens a new one."""
        # The object stays: at the interpreter's end, what makes another cannot be imported.
        if self._connection is not None:
            self._connection.close()

    def _connected(self) -> HttpConnection:
        if self._connection is not None and self._watched.have_changed():
            self._renew()
        if self._connection is None:
            self._connection = self._new_connection()
        return self._connection

    def _new_connection(self) -> HttpConnection:
        with loading:
            from otbridge.sinks.http_connection import HttpConnection
            from otbridge.sinks.proxies import find_proxy
        tls = self._tls() if self._scheme == "https" else None
        proxy = find_proxy(self._scheme, self._host, self._port)
        return HttpConnection(self._host, self._port, tls, proxy)

    def _renew(self) -> None:
        """Connect anew with files that were exchanged; half of a pair is left for the next look."""
        try:
            connection = self._new_connection()
        except ConfigurationError:
            return
        self.close()
        self._connection = connection

    def _tls(self) -> ssl.SSLContext:
        try:
            return client_context(*self._certificates)
        except OSError as error:  # ssl.SSLError is one
            files = ", ".join(repr(file) for file in self._certificates if file)
            raise ConfigurationError(
                f"Cannot load the certificate files {files}.",
                f"{error}.",
                "They have to be readable PEM files; the key has to belong to the certificate.",
            ) from None

    def _judge(self, response: Response) -> SendResult:
        status = response.status
        if 200 <= status < 300:
            result = _read_success(response)
            return result._replace(message=self._clean(result.message))
        message = self._clean(_explain(response))
        if status in _RETRYABLE:
            after = parse_retry_after(response.headers.get("Retry-After"))
            if after is None and _is_protobuf(response):
                after = read_retry_delay(response.body)
            # Of a 503 without a time a proxy may be the author, as of the other two.
            open_question = status in _MAYBE_TAKEN or (status == 503 and after is None)
            return Retryable(str(status), message, after, maybe_taken=open_question)
        return Rejected(str(status), message)

    def _clean(self, message: str) -> str:
        return clean(message, self._secrets)


def _parse_endpoint(endpoint: str, *, exact: bool) -> tuple[str, str, int, str]:
    do = "Use something like http://localhost:4318"
    try:
        url = urlsplit(endpoint.strip())
        port = url.port
    except ValueError as error:
        raise ConfigurationError("Wrong OTLP endpoint:", f"{error}.", do) from None
    if url.scheme not in _PORTS or not url.hostname:
        shown = "(not shown)" if set("@?") & set(endpoint) else endpoint  # they carry secrets
        raise ConfigurationError(f"Wrong OTLP endpoint {shown!r}:", "not an http(s) URL.", do)
    if url.username is not None or url.fragment:
        raise ConfigurationError(
            f"Wrong OTLP endpoint for {url.hostname}:",
            "credentials and fragments are not sent from a URL.",
            "Put credentials into the headers, e.g. authorization.",
        )
    path = url.path or "/"
    if url.query:
        if not exact:
            raise ConfigurationError(
                f"Wrong OTLP endpoint for {url.hostname}:",
                "a query cannot stand in a base URL, to which /v1/... is appended.",
                "Set the endpoint of each signal instead.",
            )
        path += f"?{url.query}"
    return url.scheme, url.hostname, port or _PORTS[url.scheme], path


def _prepare_headers(
    headers: Mapping[str, str], user_agent: str, compression: Compression
) -> dict[str, str]:
    prepared = {"Content-Type": _PROTOBUF, "User-Agent": user_agent, "Accept-Encoding": "gzip"}
    if compression == "zstd" and not have_zstd():
        compress(b"", "zstd")  # raises the sentence that says how to install it
    for name, value in headers.items():
        legal = name and name.isascii() and not set(name) & set(" \t\r\n:")
        if not legal or set(value) & set("\r\n\0") or not _is_latin1(value):
            raise ConfigurationError(
                f"The header {name!r} cannot be sent.",
                "Names are ASCII without spaces, values are Latin-1 on one line.",
                "Percent-encode what is neither.",
            )
        prepared[name] = value
    return prepared


def _is_latin1(value: str) -> bool:
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _read_success(response: Response) -> Success | Rejected:
    """Read a 2xx: an OTLP response, or nothing at all (many proxies strip or skip the body)."""
    body, kind = _plain_body(response), response.headers.get_content_type()
    if body is None:
        return Rejected("invalid_response", "The answer's body cannot be decompressed.")
    if not body:
        return Success()
    if kind == "application/json":
        return _read_json(body)
    if kind != _PROTOBUF:
        return Rejected(
            "invalid_response",
            f"The answer is {kind}, not {_PROTOBUF}: is this an OTLP endpoint?",
        )
    result = read_export_response(body)
    assert not isinstance(result, Retryable)  # noqa: S101 - it reads only what is final
    return result


def _read_json(body: bytes) -> Success | Rejected:
    """Read an OTLP/JSON response, which some receivers send whatever they were asked in."""
    try:
        answer: Any = json.loads(body)
        partial = answer.get("partialSuccess") or {}
        rejected = sum(int(partial.get(name) or 0) for name in _JSON_COUNTS)
        return Success(rejected, str(partial.get("errorMessage") or ""))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return Rejected("invalid_response", "The answer is not an OTLP response.")


def _explain(response: Response) -> str:
    """Return what a refusal says about itself: its Status message, or its first words."""
    if 300 <= response.status < 400:
        return "Redirects are not followed: set the endpoint to the receiver's own address."
    body = _plain_body(response)
    if not body:
        return ""
    if _is_protobuf(response):
        return read_status_message(body)
    kind = response.headers.get_content_type()
    if kind == "application/json":
        try:
            return str(json.loads(body)["message"])
        except (ValueError, TypeError, KeyError, RecursionError):
            pass  # JSON of some other shape: shown as it is
    return "" if kind == "text/html" else body[:1024].decode("utf-8", "replace")


def _is_protobuf(response: Response) -> bool:
    return response.headers.get_content_type() == _PROTOBUF


def _plain_body(response: Response) -> bytes | None:
    encoding = response.headers.get("Content-Encoding", "")
    try:
        return decompress(response.body, encoding, MAX_RESPONSE_BYTES)
    except (LimitExceeded, MalformedData):
        return None
