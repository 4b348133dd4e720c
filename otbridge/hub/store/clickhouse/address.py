"""Where a ClickHouse store is: what stands in its address, and in the environment beside it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from otbridge.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PASSWORD_VARIABLE", "Address", "read_address"]

PASSWORD_VARIABLE: Final = "OTBRIDGE_CLICKHOUSE_PASSWORD"  # noqa: S105 - a name, no password
"""Environment variable with the password, where it is not to stand on a command line."""

_HTTP_PORT: Final = 8123
_HTTPS_PORT: Final = 8443
"""ClickHouse's own defaults (server settings `http_port`, `https_port`)."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_OPTIONS: Final = ("secure", "cluster")


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
    cluster: str = ""
    """Name of the servers' cluster, where the tables are spread over its shards."""

    def __str__(self) -> str:
        """Return the address as it may be shown: without user and password."""
        hosts = ",".join(f"{host}:{port}" for host, port in self.hosts)
        return f"clickhouse://{hosts}/{self.database}"


def read_address(address: str, environ: Mapping[str, str] = os.environ) -> Address:
    """Read `clickhouse://[user[:password]@]host[:port][,host…]/database[?secure=1&cluster=NAME]`.

    The port is that of ClickHouse's HTTP interface: 8123 by default, 8443 with `secure=1`. The
    password may be left to the environment variable `OTBRIDGE_CLICKHOUSE_PASSWORD`.

    Raises:
        StoreError: It is none; the message never shows a password.
    """
    scheme, _, rest = address.partition("://")
    entry, at, where = rest.rpartition("@")
    # urlsplit takes one host only, so several are put in afterwards.
    url = urlsplit(f"{scheme}://{where}")
    database = unquote(url.path.strip("/"))
    if not _NAME.fullmatch(database):
        _refuse("It names no database.")
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    unknown = sorted(options.keys() - set(_OPTIONS))
    if unknown:
        _refuse(f"{unknown[0]!r} is no option of it; there are {' and '.join(_OPTIONS)}.")
    cluster = options.get("cluster", "")
    if cluster and not _NAME.fullmatch(cluster):
        _refuse("The cluster's name is none.")
    secure = options.get("secure", "0").lower() in ("1", "true", "yes")
    user, _, password = entry.partition(":") if at else ("", "", "")
    return Address(
        hosts=tuple(_host(text, secure=secure) for text in url.netloc.split(",")),
        database=database,
        user=unquote(user) or "default",
        password=unquote(password) or environ.get(PASSWORD_VARIABLE, ""),
        secure=secure,
        cluster=cluster,
    )


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
        "Write clickhouse://user@host1:8123,host2:8123/database, and give the password in "
        f"{PASSWORD_VARIABLE}.",
    )
