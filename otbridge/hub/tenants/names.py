"""What a tenant is called, and where its records are by that name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["address_of", "check_name", "folder_of", "names_in"]

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
"""Letters of one case, for file systems that know no other; no path, no quoting, no dots."""

_RESERVED: Final = re.compile(r"con|prn|aux|nul|(com|lpt)\d")
"""What Windows makes no folder of."""


def check_name(tenant: str) -> str:
    """Return *tenant*, if it can be the name of one; empty stands for none.

    Raises:
        ConfigurationError: It cannot.
    """
    if tenant and (not _NAME.fullmatch(tenant) or _RESERVED.fullmatch(tenant)):
        raise ConfigurationError(
            f"{tenant[:40]!r} cannot be the name of a tenant.",
            "Its folder and its database are called by it.",
            "Take up to 32 small letters, digits and hyphens, for example shop-eu.",
        )
    return tenant


def folder_of(data: Path, tenant: str) -> Path:
    """Return the folder in the hub's data folder that holds all of the tenant."""
    return data / "tenants" / check_name(tenant)


def names_in(data: Path) -> list[str]:
    """Return the tenants that there are records of, by name."""
    try:
        found = [path.name for path in (data / "tenants").iterdir() if path.is_dir()]
    except OSError:
        return []
    return sorted(name for name in found if _NAME.fullmatch(name))


def address_of(store: str | None, data: Path, tenant: str) -> str | Path:
    """Return the address of the tenant's own store, beside the one at *store*.

    A folder in the tenant's, where the hub's own is in the data folder; a database of its own on
    the same servers, `DATABASE__TENANT`, or in the same chDB; or else a folder of its own,
    `PATH-tenants/TENANT`.
    """
    check_name(tenant)
    if store is None:
        return folder_of(data, tenant) / "store"
    # No name has an underscore, so that no two of them become one.
    name = tenant.replace("-", "_")
    if store.startswith("clickhouse://"):
        where, mark, options = store.partition("?")
        return f"{where.rstrip('/')}__{name}{mark}{options}"
    if store.startswith("chdb://"):
        return f"{store.partition('?')[0].rstrip('/')}?database=otbridge__{name}"
    return f"{store.rstrip('/')}-tenants/{tenant}"
