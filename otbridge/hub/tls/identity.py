"""Who the hub is by its certificate: reads the files, and tries them before anybody else does.

A context and a client that trusts just this certificate shake hands in memory. What OpenSSL says
of an expired certificate, of one for another purpose, of a key that belongs to another, is then
said when the hub starts, and not by every sender at once.
"""

from __future__ import annotations

import os
import ssl
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.hub.tls import TlsFiles

__all__ = ["Identity", "read_identity"]

_EXPIRED: Final = 10
"""X509_V_ERR_CERT_HAS_EXPIRED."""

_MAX_FLIGHTS: Final = 8
"""A handshake takes two or three turns of each side."""


class Identity(NamedTuple):
    """A certificate that works, as both ports need it."""

    context: ssl.SSLContext
    """For the HTTP port."""
    chain: bytes
    key: bytes
    client_ca: bytes | None
    expires_s: int
    """Unix seconds."""


def read_identity(files: TlsFiles) -> Identity:
    """Return what the files hold.

    Raises:
        ConfigurationError: One cannot be read, may be read by others, does not belong to the
            others, or is not valid now.
    """
    _refuse_open_key(files.key)
    chain = _read(files.certificate, "--tls-cert")
    key = _read(files.key, "--tls-key")
    client_ca = None if files.client_ca is None else _read(files.client_ca, "--tls-client-ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A client that renegotiates makes the hub compute without end; and the hub speaks no HTTP/2.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    _load_pair(context, files)
    expires_s = _try(context, files.certificate)
    if client_ca is not None:
        _load_authorities(context, files)
    return Identity(context, chain, key, client_ca, expires_s)


def _read(path: Path, option: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{option} {path} cannot be read.",
            f"The system says: {error.strerror}.",
            "Name a PEM file that the hub's user may read.",
        ) from None
    if b"-----BEGIN " not in data:
        raise ConfigurationError(
            f"{option} {path} is no PEM file.",
            "Those have a line that starts with -----BEGIN.",
            "Convert it, for example with `openssl x509 -inform der`, or `openssl pkcs12 -nodes`.",
        )
    return data


def _refuse_open_key(path: Path) -> None:
    """Refuse a key that everybody on the machine can take along.

    Its group may read it, as it does where a service like certbot hands keys to others.
    """
    if os.name != "posix":
        return  # access is by lists there, which a mode does not show
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return  # said by who reads it
    if mode & (stat.S_IWGRP | stat.S_IRWXO):
        raise ConfigurationError(
            f"--tls-key {path} is open to others (its mode is {mode:04o}).",
            "Whoever has the key can pass for this hub.",
            f"Write: chmod 600 {path} (in Kubernetes: defaultMode: 0400).",
        )


def _load_pair(context: ssl.SSLContext, files: TlsFiles) -> None:
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_passphrase)
    except _Encrypted:
        raise ConfigurationError(
            f"--tls-key {files.key} has a passphrase.",
            "Nobody is there to type it when the hub starts, or when the key is exchanged.",
            "Write the key without one: openssl pkey -in FILE -out NEW, for the hub's user only.",
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            what = f"--tls-key {files.key} is not the key of --tls-cert {files.certificate}."
            why = "The certificate holds another public key."
        else:
            what = f"--tls-cert {files.certificate} and --tls-key {files.key} cannot be used."
            why = f"OpenSSL says: {_reason(error)}."
        raise ConfigurationError(
            what, why, "Name the certificate, with its chain behind it, and its own private key."
        ) from None
    except OSError as error:  # exchanged between two looks
        raise ConfigurationError(
            f"--tls-cert {files.certificate} cannot be read.",
            f"The system says: {error.strerror}.",
            "Name PEM files that the hub's user may read.",
        ) from None


def _load_authorities(context: ssl.SSLContext, files: TlsFiles) -> None:
    try:
        context.load_verify_locations(files.client_ca)
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationError(
            f"--tls-client-ca {files.client_ca} cannot be used.",
            f"OpenSSL says: {_reason(error)}.",
            "Name a PEM file with the certificates of the authorities that sign your clients'.",
        ) from None
    context.verify_mode = ssl.CERT_REQUIRED


def _try(context: ssl.SSLContext, certificate: Path) -> int:
    """Shake hands with a client that trusts this certificate; return when it expires.

    Raises:
        ConfigurationError: Such a client refuses it.
    """
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False  # by which of its names it is called, only clients know
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_verify_locations(certificate)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(up, down, server_side=True)
    client = trusting.wrap_bio(down, up)
    try:
        for _ in range(_MAX_FLIGHTS):
            if all([_shake(client), _shake(server)]):
                break
    except ssl.SSLCertVerificationError as error:
        expired = error.verify_code == _EXPIRED
        raise ConfigurationError(
            f"No client takes the certificate of --tls-cert {certificate}.",
            f"OpenSSL says: {error.verify_message}.",
            "Renew it; certbot, cert-manager and the like do so in time."
            if expired
            else "Name a certificate for a TLS server that is valid now.",
        ) from None
    except ssl.SSLError as error:
        raise ConfigurationError(
            f"No client can use the certificate of --tls-cert {certificate}.",
            f"OpenSSL says: {_reason(error)}.",
            "Name a certificate with an RSA key of 2048 bits or more, or an ECDSA or Ed25519 key.",
        ) from None
    shown = client.getpeercert() or {}
    return ssl.cert_time_to_seconds(str(shown["notAfter"]))


def _shake(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


class _Encrypted(Exception):  # noqa: N818 - never leaves this file
    """OpenSSL has asked for a passphrase."""


def _no_passphrase() -> str:
    raise _Encrypted


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it cannot be read").replace("_", " ").lower()
    return str(error.strerror)
