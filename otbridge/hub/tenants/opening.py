"""Opens what a tenant has on disk, or on the servers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from otbridge.errors import StoreError
from otbridge.hub.store import open_store
from otbridge.hub.tenants.limits import read_limits
from otbridge.hub.tenants.names import address_of, folder_of

if TYPE_CHECKING:
    from otbridge.hub.access.key import Quota
    from otbridge.hub.settings import HubSettings
    from otbridge.hub.store import Store

__all__ = ["Opened", "open_tenant"]


class Opened(NamedTuple):
    """What a tenant's space is made of."""

    store: Store
    settings: HubSettings
    """The hub's, with the tenant's own folder and retention."""
    quota: Quota


async def open_tenant(settings: HubSettings, tenant: str) -> Opened:
    """Open the tenant's own store, by its own limits.

    Raises:
        StoreError: The store cannot be opened.
        ConfigurationError: This can be no tenant's name, or its limits cannot be used.
    """
    return await asyncio.to_thread(_open, settings, tenant)


def _open(settings: HubSettings, tenant: str) -> Opened:
    folder = folder_of(settings.data, tenant)
    address = address_of(settings.store, settings.data, tenant)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The hub cannot keep a tenant's data in {folder}.",
            f"The system says: {error.strerror}.",
            "Let the hub's user write to its data folder.",
        ) from None
    limits = read_limits(settings.data, tenant)
    retention = limits.retention(settings.retention)
    store = open_store(address, retention=retention)
    return Opened(store, replace(settings, data=folder, retention=retention), limits.quota)
