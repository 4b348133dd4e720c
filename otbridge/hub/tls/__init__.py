"""Encryption of the hub's two ports, with certificates that are exchanged while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SYSTEM_TRUST", "ClientTls", "TlsFiles"]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files of a hub that encrypts."""

    certificate: Path
    """The hub's certificate, and behind it those that lead to the authority."""
    key: Path
    """Its private key, without a passphrase."""
    client_ca: Path | None = None
    """The authorities whose clients may connect; None: everybody may, without a certificate."""

    @classmethod
    def of(cls, certificate: Path | None, key: Path | None, client_ca: Path | None) -> TlsFiles:
        """Return the files, of which the first two have to be named.

        Raises:
            ConfigurationError: One is missing.
        """
        if certificate is None or key is None:
            named = "--tls-key" if certificate is None else "--tls-cert"
            if certificate is None and key is None:
                named = "--tls-client-ca"
            raise ConfigurationError(
                f"{named} is not enough.",
                "A hub that encrypts needs a certificate and its key.",
                "Give both, --tls-cert FILE and --tls-key FILE.",
            )
        return cls(certificate, key, client_ca)


class ClientTls(NamedTuple):
    """The PEM files of a hub that passes on to one that encrypts; empty where there is none."""

    ca: str = ""
    """The authorities to trust in place of the system's."""
    certificate: str = ""
    """The hub's own, for destinations that want one (mTLS)."""
    key: str = ""


SYSTEM_TRUST: Final = ClientTls()
"""The authorities of the system, and no certificate of one's own."""
