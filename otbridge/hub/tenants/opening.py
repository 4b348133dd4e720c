"""Opens what a tenant has on disk, or on the servers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from otbridge.errors import StoreError
from otbridge.hub.store import open_store
from otbridge.hub.tenants.names import address_of, folder_of

if TYPE_CHECKING:
    from otbridge.hub.settings import HubSettings
    from otbridge.hub.store import Store

__all__ = ["open_tenant"]


async def open_tenant(settings: HubSettings, tenant: str) -> tuple[Store, HubSettings]:
    """Return the tenant's own store, and the hub's settings with the tenant's own folder.

    Raises:
        StoreError: The store cannot be opened.
        ConfigurationError: This can be no tenant's name.
    """
    folder = folder_of(settings.data, tenant)
    store = await asyncio.to_thread(_open, settings, tenant)
    return store, replace(settings, data=folder)


def _open(settings: HubSettings, tenant: str) -> Store:
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
    return open_store(address, retention=settings.retention)
