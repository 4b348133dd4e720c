"""The keys on disk: `keys.json` in the hub's data folder, its owner's only, without a secret.

Written whole under another name and then renamed, so that a hub that reads it at any moment finds
either what was or what is. The command line changes it; hubs only read.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from otbridge.errors import ConfigurationError
from otbridge.hub.access.key import PUBLIC_QUOTA, Key, Kind, Quota, TraceContext
from otbridge.hub.access.secret import Secret
from otbridge.hub.tenants.names import check_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FILE_NAME", "KeyRequest", "add_key", "read_keys", "revoke_key"]

FILE_NAME: Final = "keys.json"
_VERSION: Final = 1


class _Stored(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One key as JSON."""

    id: str
    kind: Kind
    sha256: str
    name: str = ""
    created: int = 0
    tenant: str = ""
    service: str = ""
    origins: list[str] = []
    requests_per_minute: int | None = None
    records_per_minute: int | None = None
    bytes_per_minute: int | None = None
    trace_context: TraceContext = TraceContext.CONTINUE


class _Document(msgspec.Struct):
    version: int
    keys: list[_Stored]


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A key that is to be made.

    Raises:
        ConfigurationError: A public key has no service or no origin, or another kind has one; or
            the tenant's name is none.
    """

    kind: Kind
    name: str = ""
    tenant: str = ""
    service: str = ""
    origins: tuple[str, ...] = ()
    quota: Quota | None = None
    """None: `PUBLIC_QUOTA` for a public key, no limit for the others."""
    trace_context: TraceContext | None = None
    """None: `link`."""

    def __post_init__(self) -> None:
        check_name(self.tenant)
        if self.kind is Kind.INGEST:
            if not self.service or not self.origins:
                raise ConfigurationError(
                    "An ingest key needs --service and at least one --origin.",
                    "It is public: the hub gives all that it brings this name, and takes it from"
                    " these pages only.",
                    "Write: otbridge hub keys add ingest --service shop-web"
                    " --origin https://shop.example",
                )
        elif self.service or self.origins or self.trace_context is not None:
            raise ConfigurationError(
                f"A key of the kind {self.kind} has no service, origins or trace context.",
                "Its bearer is believed; only ingest keys are public.",
                "Leave them out, or add a key of the kind ingest.",
            )


def read_keys(path: Path) -> list[Key] | None:
    """Return the keys in the file at *path*; None where there is none.

    Raises:
        ConfigurationError: It cannot be read, or is damaged.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, f"The system says: {error.strerror}.") from None
    try:
        document = msgspec.json.decode(data, type=_Document)
        keys = [_key(stored) for stored in document.keys]
    except ConfigurationError as error:
        raise _unusable(path, error.what) from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise _unusable(path, f"{error}.") from None
    if document.version != _VERSION:
        raise _unusable(path, f"It is of version {document.version}.")
    return keys


def add_key(path: Path, asked: KeyRequest) -> tuple[Key, Secret]:
    """Make a key and keep it; return it with its secret, which is kept nowhere.

    Raises:
        ConfigurationError: An origin is none, or the file cannot be read or written.
    """
    secret = Secret.new(asked.kind.prefix)
    public = asked.kind is Kind.INGEST
    key = Key(
        id="k" + secrets.token_hex(4),
        kind=asked.kind,
        digest=secret.digest(),
        name=asked.name,
        created_s=int(time.time()),
        tenant=asked.tenant,
        service=asked.service,
        origins=frozenset(map(_origin, asked.origins)),
        quota=asked.quota or (PUBLIC_QUOTA if public else Quota()),
        trace_context=(asked.trace_context or TraceContext.LINK)
        if public
        else TraceContext.CONTINUE,
    )
    with _changing(path) as keys:
        keys.append(key)
    return key, secret


def revoke_key(path: Path, key_id: str) -> Key:
    """Take the key with this id away for good, and return it.

    Raises:
        ConfigurationError: There is none, or the file cannot be read or written.
    """
    with _changing(path) as keys:
        for key in keys:
            if key.id == key_id:
                keys.remove(key)
                return key
    raise ConfigurationError(
        f"There is no key {key_id[:40]!r}.",
        f"Looked for in {path}.",
        "`otbridge hub keys list` shows them.",
    )


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[list[Key]]:
    """Yield the keys for a change, and write them; two changes at once wait for each other."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path):
            keys = read_keys(path) or []
            before = list(keys)
            yield keys
            if keys != before:
                _write(path, keys)
    except OSError as error:
        raise ConfigurationError(
            f"The keys cannot be kept in {path}.",
            f"The system says: {error.strerror}.",
            "Give the hub's data folder with --data.",
        ) from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    number = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)  # and with it the lock


def _write(path: Path, keys: list[Key]) -> None:
    document = _Document(_VERSION, [_stored(key) for key in keys])
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    number = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(document), indent=1))
        out.flush()
        os.fsync(number)  # a revocation must not come back with the power
    part.replace(path)


def _key(stored: _Stored) -> Key:
    digest = bytes.fromhex(stored.sha256)
    size = len(digest)
    if size != 32:
        raise ValueError(f"The hash of {stored.id} is no SHA-256")
    return Key(
        id=stored.id,
        kind=stored.kind,
        digest=digest,
        name=stored.name,
        created_s=stored.created,
        tenant=check_name(stored.tenant),
        service=stored.service,
        origins=frozenset(stored.origins),
        quota=Quota(stored.requests_per_minute, stored.records_per_minute, stored.bytes_per_minute),
        trace_context=stored.trace_context,
    )


def _stored(key: Key) -> _Stored:
    return _Stored(
        id=key.id,
        kind=key.kind,
        sha256=key.digest.hex(),
        name=key.name,
        created=key.created_s,
        tenant=key.tenant,
        service=key.service,
        origins=sorted(key.origins),
        requests_per_minute=key.quota.requests,
        records_per_minute=key.quota.records,
        bytes_per_minute=key.quota.bytes,
        trace_context=key.trace_context,
    )


def _origin(text: str) -> str:
    """Return *text* as browsers send it."""
    with contextlib.suppress(ValueError):
        url = urlsplit(text)
        plain = not (url.path.rstrip("/") or url.query or url.fragment or "@" in url.netloc)
        if url.scheme in ("http", "https") and url.hostname and plain:
            default = {"http": 80, "https": 443}[url.scheme]
            host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
            return f"{url.scheme}://{host}" + (
                f":{url.port}" if url.port not in (None, default) else ""
            )
    raise ConfigurationError(
        f"{text[:80]!r} is no origin.",
        "An origin is a scheme, a host and perhaps a port.",
        "Write it as the browser sends it, for example https://shop.example.",
    )


def _unusable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The keys in {path} cannot be used.",
        why,
        "Repair the file, or delete it and add new keys with `otbridge hub keys add`.",
    )
