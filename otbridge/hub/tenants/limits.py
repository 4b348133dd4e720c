"""What one tenant may keep and bring: `limits.json` in its folder. The hub reads, people write."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from otbridge.errors import ConfigurationError
from otbridge.hub.access.key import UNLIMITED, Quota
from otbridge.hub.store.vocabulary import Retention
from otbridge.hub.tenants.names import folder_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TenantLimits", "read_limits", "write_limits"]

_FILE: Final = "limits.json"


class TenantLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The limits of one tenant; None: as the hub's, and for the quotas none."""

    keep_days: int | None = None
    keep_bytes: int | None = None
    requests_per_minute: int | None = None
    records_per_minute: int | None = None
    bytes_per_minute: int | None = None

    def retention(self, default: Retention) -> Retention:
        """Return how much the tenant's store keeps."""
        return Retention(self.keep_days or default.days, self.keep_bytes or default.bytes)

    @property
    def quota(self) -> Quota:
        """How much all its keys together may bring."""
        quota = Quota(self.requests_per_minute, self.records_per_minute, self.bytes_per_minute)
        return UNLIMITED if quota == UNLIMITED else quota


def read_limits(data: Path, tenant: str) -> TenantLimits:
    """Return the limits of *tenant*, those of the hub where nothing else was said.

    Raises:
        ConfigurationError: The file cannot be read, or is damaged.
    """
    path = folder_of(data, tenant) / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=TenantLimits)
    except FileNotFoundError:
        return TenantLimits()
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(
            f"The limits in {path} cannot be used.",
            f"{error}.",
            "Repair the file, or set them anew with `otbridge hub tenants limit`.",
        ) from None


def write_limits(data: Path, tenant: str, limits: TenantLimits) -> None:
    """Keep *limits* for *tenant*, whole or not at all.

    Raises:
        ConfigurationError: They cannot be written, or this can be no tenant's name.
    """
    folder = folder_of(data, tenant)
    part = folder / f"{_FILE}.part"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(number, "wb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(limits), indent=1))
            out.flush()
            os.fsync(number)
        part.replace(folder / _FILE)
    except OSError as error:
        raise ConfigurationError(
            f"The limits cannot be kept in {folder}.",
            f"The system says: {error.strerror}.",
            "Give the hub's data folder with --data.",
        ) from None
