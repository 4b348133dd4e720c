"""What importing and first use cost, and where spans go."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from otbridge.agents.provider import tracer

if TYPE_CHECKING:
    import pytest


def test_the_tracer_is_kept_for_as_long_as_the_provider_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """One tracer per provider, and the new one's when the provider changes."""
    first, second = TracerProvider(), TracerProvider()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", first)
    kept = tracer()
    assert tracer() is kept
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", second)
    assert tracer() is not kept


def test_importing_loads_nothing_but_the_api() -> None:
    """No SDK, no structlog, no framework, no multiprocessing."""
    code = (
        "import sys, otbridge.agents;"
        "print(*sorted({m.split('.')[0] for m in sys.modules} & "
        "{'structlog', 'pydantic', 'grpc', 'google', 'multiprocessing', 'asyncio', 'fastapi',"
        "'httpx', 'pydantic_ai'}), *[m for m in sys.modules if m.startswith('opentelemetry.sdk')])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == []
