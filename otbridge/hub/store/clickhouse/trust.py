"""Whether a server is the one that was meant: TLS towards ClickHouse, and what to say without."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING, Final

from otbridge.errors import StoreError

if TYPE_CHECKING:
    from otbridge.hub.store.clickhouse.address import Address

__all__ = ["context_of", "explained", "not_clickhouse"]

_WRONG_NAME: Final = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH."""

_EXPIRED: Final = 10
"""X509_V_ERR_CERT_HAS_EXPIRED."""

_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})
"""OpenSSL's names for an answer that is no handshake."""

_START: Final = "Start it, or check the host and the port of its HTTP interface."


def context_of(address: Address) -> ssl.SSLContext | None:
    """Return what the servers are checked by, or None where nothing is encrypted.

    The file of the authorities is read now; TLS is 1.2 or later.

    Raises:
        StoreError: That file cannot be used.
    """
    if not address.secure:
        return None
    try:
        return ssl.create_default_context(cafile=address.ca or None)
    except OSError as error:  # ssl's errors, too
        raise StoreError(
            f"The authorities in {address.ca} cannot be used.",
            f"The system says: {_said(error)}.",
            "Let ca name a PEM file with the certificate of who signed the servers' certificates.",
        ) from None


def explained(error: Exception, *, secure: bool) -> tuple[str, str]:
    """Return why a server did not answer, and what to do; nothing of what it has sent."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _distrusted(error)
    if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
        return (
            "It speaks no TLS there.",
            "Name the port of its https_port, by default 8443, or leave out secure and ca.",
        )
    if isinstance(error, http.client.HTTPException):
        return (
            "It speaks no HTTP there, or hung up before its answer was whole.",
            _START if secure else f"{_START} If that is its https_port, add secure=1.",
        )
    return f"{_said(error)}.", _START


def not_clickhouse(status: int) -> tuple[str, str]:
    """Return the same for an HTTP error that is not ClickHouse's, but a proxy's in front of it."""
    return f"Something else answers there, with HTTP {status}.", _START


def _distrusted(error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    said = error.verify_message.rstrip(".")
    why = f"Its certificate proves nothing, and nothing was sent to it. OpenSSL says: {said}."
    if error.verify_code in _WRONG_NAME:
        return why, "Write the host in the address as the certificate has it."
    if error.verify_code == _EXPIRED:
        return why, "Renew the server's certificate."
    return why, "Let ca name a PEM file with the certificate of the authority that signed it."


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS failed").replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
