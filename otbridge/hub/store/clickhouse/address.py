"""Where a ClickHouse store is: what stands in its address, and in the environment beside it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from otbridge.errors import StoreError
from otbridge.hub.security import is_loopback
from otbridge.wire.compression import have_zstd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otbridge.wire.compression import Compression

__all__ = ["PASSWORD_VARIABLE", "Address", "is_name", "read_address"]

PASSWORD_VARIABLE: Final = "OTBRIDGE_CLICKHOUSE_PASSWORD"  # noqa: S105 - a name, no password
"""Environment variable with the password, where it is not to stand on a command line."""

_HTTP_PORT: Final = 8123
_HTTPS_PORT: Final = 8443
"""ClickHouse's own defaults (server settings `http_port`, `https_port`)."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DATABASE = re.compile(rf"{_NAME.pattern}(__[a-z0-9_]{{1,32}})?")
"""Of a tenant, it has the tenant's name behind it (`otbridge.hub.tenants.names`)."""

_OPTIONS: Final = ("secure", "ca", "cluster", "compression")
_SWITCH: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_COMPRESSIONS: Final[Mapping[str, Compression]] = {"zstd": "zstd", "gzip": "gzip", "none": "none"}


@dataclass(frozen=True, slots=True)
class Address:
    """The servers of a store, and how they are entered."""

    hosts: tuple[tuple[str, int], ...]
    """Each server's name and HTTP port, in the order in which they are tried."""
    database: str
    user: str = "default"
    password: str = field(default="", repr=False)
    secure: bool = False
    """Whether the servers speak HTTPS."""
    ca: str = ""
    """PEM file of the authorities that the servers' certificates are from; empty: the system's."""
    cluster: str = ""
    """Name of the servers' cluster, where the tables are spread over its shards."""
    compression: Compression = "none"
    """Of what goes to the servers and comes from them."""

    @property
    def is_in_the_clear(self) -> bool:
        """Whether a password leaves this machine where others on the way can read it."""
        return bool(self.password) and not self.secure and not _are_here(self.hosts)

    def __str__(self) -> str:
        """Return the address as it may be shown: without user and password."""
        hosts = ",".join(f"{host}:{port}" for host, port in self.hosts)
        return f"clickhouse://{hosts}/{self.database}"


def read_address(address: str, environ: Mapping[str, str] = os.environ) -> Address:
    """Read `clickhouse://[user[:password]@]host[:port][,host…]/database[?option=value&…]`.

    The port is that of ClickHouse's HTTP interface: 8123 by default, 8443 with `secure=1`. The
    password may be left to the environment variable `OTBRIDGE_CLICKHOUSE_PASSWORD`. The options:

    - `secure`: 1 has it speak HTTPS.
    - `ca`: a PEM file with the authorities to trust in place of the system's; means `secure=1`.
    - `cluster`: the cluster over whose shards the tables are spread.
    - `compression`: `zstd`, `gzip` or `none`. By default none where all servers are on this
      machine, and else zstd where it is installed, else gzip.

    Raises:
        StoreError: It is none; the message never shows a password.
    """
    scheme, _, rest = address.partition("://")
    entry, at, where = rest.rpartition("@")
    # urlsplit takes one host only, so several are put in afterwards.
    url = urlsplit(f"{scheme}://{where}")
    database = unquote(url.path.strip("/"))
    if not is_name(database):
        _refuse(
            "Behind the hosts stands the database: up to 64 letters, digits and underscores, no"
            " digit in front."
        )
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    unknown = sorted(options.keys() - set(_OPTIONS))
    if unknown:
        *some, last = _OPTIONS
        _refuse(f"{unknown[0]!r} is no option of it; there are {', '.join(some)} and {last}.")
    cluster = options.get("cluster", "")
    if cluster and not _NAME.fullmatch(cluster):
        _refuse("The cluster's name is none.")
    secure = _secure(options)
    hosts = tuple(_host(text, secure=secure) for text in url.netloc.split(","))
    user, _, password = entry.partition(":") if at else ("", "", "")
    user = unquote(user) or "default"
    password = unquote(password) or environ.get(PASSWORD_VARIABLE, "")
    if not (user + password).isprintable():
        _refuse("The user or the password has a character that no HTTP header can have.")
    return Address(
        hosts=hosts,
        database=database,
        user=user,
        password=password,
        secure=secure,
        ca=options.get("ca", ""),
        cluster=cluster,
        compression=_compression(options.get("compression"), hosts),
    )


def is_name(database: str) -> bool:
    """Whether it can be the name of a database, of a hub's own or of a tenant's."""
    return _DATABASE.fullmatch(database) is not None


def _secure(options: Mapping[str, str]) -> bool:
    told = options.get("secure")
    if told is None:
        return "ca" in options
    secure = _SWITCH.get(told.lower())
    if secure is None:  # a slip must not send the password for everybody to read
        _refuse(f"secure is 1 or 0, not {told[:20]!r}.")
    if not secure and "ca" in options:
        _refuse("ca names whom to trust with secure=1, but secure is 0.")
    return secure


def _compression(told: str | None, hosts: Iterable[tuple[str, int]]) -> Compression:
    """Return what saves most: on this machine, to compress costs more than to copy.

    Of 5,000 spans of ten attributes, 1,727 bytes each as they are inserted, zstd makes 211 and
    gzip 267; that takes 2.3 and 9.2 µs of CPU a span, beside some 50 for all of it.
    """
    if told is None:
        if _are_here(hosts):
            return "none"
        return "zstd" if have_zstd() else "gzip"
    known = _COMPRESSIONS.get(told)
    if known is None:
        _refuse(f"compression is {' or '.join(_COMPRESSIONS)}, not {told[:20]!r}.")
    if known == "zstd" and not have_zstd():
        _refuse("compression=zstd needs a package: pip install 'otbridge[zstd]'.")
    return known


def _are_here(hosts: Iterable[tuple[str, int]]) -> bool:
    return all(is_loopback(host) for host, _ in hosts)


def _host(text: str, *, secure: bool) -> tuple[str, int]:
    try:
        part = urlsplit(f"//{text}")
        port = part.port or (_HTTPS_PORT if secure else _HTTP_PORT)
    except ValueError:
        _refuse("A port is no number from 1 to 65535.")
    if not part.hostname:
        _refuse("A host is missing.")
    return part.hostname, port


def _refuse(why: str) -> NoReturn:
    raise StoreError(
        "The ClickHouse address cannot be read.",
        why,
        "Write clickhouse://user@host:8123/database, and give the password in "
        f"{PASSWORD_VARIABLE}.",
    )
