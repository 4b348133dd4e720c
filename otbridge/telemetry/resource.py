"""Who sends: the resource of this process, as OpenTelemetry attribute names."""

from __future__ import annotations

import os
import platform
import sys
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from otbridge import semconv

if TYPE_CHECKING:
    from otbridge.config import Config

__all__ = ["process_attributes", "program_name", "resource_attributes"]


def program_name() -> str:
    """Return what this program is called: its script, module or executable."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name and spec.name != "__main__":
        return str(spec.name.removesuffix(".__main__"))
    script = PurePath(sys.argv[0]).stem if sys.argv and sys.argv[0] else ""
    return (
        script
        if script.strip("-") and script != "-c"
        else PurePath(sys.executable or "python").name
    )


def process_attributes() -> dict[str, Any]:
    """Return what differs from process to process, and is made anew after a fork."""
    return {semconv.SERVICE_INSTANCE_ID: str(uuid.uuid4()), "process.pid": os.getpid()}


def resource_attributes(config: Config) -> dict[str, Any]:
    """Return the attributes of the resource that *config* and this machine describe.

    A service without a name is called `unknown_service:` and the program's name, as the
    OpenTelemetry specification asks. The command line is left out: it holds other people's
    secrets too often.
    """
    given: dict[str, Any] = dict(config.resource_attributes)
    facts: dict[str, Any] = {
        semconv.SERVICE_NAME: config.service or f"unknown_service:{program_name()}",
        semconv.SERVICE_VERSION: config.version,
        semconv.DEPLOYMENT_ENVIRONMENT: config.environment,
        "host.name": platform.node(),
        "host.arch": platform.machine(),
        "os.type": sys.platform,
        "process.executable.name": PurePath(sys.executable or "").name,
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": platform.python_version(),
        semconv.TELEMETRY_SDK_NAME: "opentelemetry",
        semconv.TELEMETRY_SDK_LANGUAGE: "python",
        semconv.TELEMETRY_SDK_VERSION: _installed("opentelemetry-sdk"),
        semconv.TELEMETRY_DISTRO_NAME: "otbridge",
        semconv.TELEMETRY_DISTRO_VERSION: _installed("otbridge"),
        **process_attributes(),
    }
    # What was said in so many words (OTEL_RESOURCE_ATTRIBUTES) is stronger than what was found,
    # except for the settings that have a name of their own and were given too.
    named = {semconv.SERVICE_NAME: config.service, semconv.SERVICE_VERSION: config.version,
             semconv.DEPLOYMENT_ENVIRONMENT: config.environment}  # fmt: skip
    merged = facts | given | {key: value for key, value in named.items() if value}
    return {key: value for key, value in merged.items() if value != ""}


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:  # run from a source tree that is not installed
        return ""
