"""What the hub can be told."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from otbridge.hub.receive_log.settings import DEFAULT_LOG_BYTES
from otbridge.hub.store.vocabulary import Retention
from otbridge.hub.tls import SYSTEM_TRUST, ClientTls, TlsFiles

__all__ = ["DEFAULT_GRPC_PORT", "DEFAULT_HTTP_PORT", "HubSettings", "default_data_folder"]

DEFAULT_HTTP_PORT = 4318
"""OTLP over HTTP (OTLP 1.11 §OTLP/HTTP Default Port); the UI and the API are on it too."""
DEFAULT_GRPC_PORT = 4317
"""OTLP over gRPC (OTLP 1.11 §OTLP/gRPC Default Port)."""


def default_data_folder() -> Path:
    """Return where the hub keeps its data, by the custom of the platform."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        # An empty or relative value counts as unset (XDG Base Directory Specification).
        asked = Path(os.environ.get("XDG_DATA_HOME") or "")
        base = asked if asked.is_absolute() else home / ".local" / "share"
    return base / "otbridge" / "hub"


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Settings of one hub; the defaults are for a developer's machine."""

    data: Path = field(default_factory=default_data_folder)
    """Folder for everything the hub keeps."""
    store: str | None = field(default=None, repr=False)
    """Address of the store; None keeps it in the data folder. May hold a password."""
    retention: Retention = field(default_factory=Retention)
    """How much the store keeps."""
    log_bytes: int = DEFAULT_LOG_BYTES
    """How much the receive log may hold of what is not stored yet."""
    forward: tuple[str, ...] = field(default=(), repr=False)
    """Where to pass on what comes in; see `otbridge.hub.destinations`. May hold tokens."""
    forward_tls: ClientTls = SYSTEM_TRUST
    """What those among them that encrypt are trusted by."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    http_port: int = DEFAULT_HTTP_PORT
    """0 takes a free one."""
    grpc_port: int = DEFAULT_GRPC_PORT
    """0 takes a free one."""
    tls: TlsFiles | None = None
    """What both ports are encrypted by; None: nothing is."""
    insecure: bool = False
    """Whether others than this machine may connect without a key."""
    forward_link_local: bool = False
    """Whether `forward` may name link-local addresses; see `otbridge.hub.access.egress`."""
    allowed_hosts: tuple[str, ...] = ()
    """Names of the hub beside those of the loopback interface."""
    allowed_origins: tuple[str, ...] = ()
    """Web origins whose pages may send telemetry, beside those on this machine."""
