"""Run the tests that touch OpenTelemetry's SDK on another version of it: `poe compat [version]`.

The oldest that we support by default. It goes into a folder of its own, in front of the installed
one on the path; that takes a minute, which is why this is no test.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

OLDEST = "1.39.1"
INSTRUMENTATIONS = {"1.39.1": "0.60b1"}
"""The version of the instrumentations that belongs to a version of the SDK."""
TESTS = [
    "tests/telemetry",
    "tests/sdk",
    "tests/context",
    "tests/agents",
    "tests/integrations",
    "tests/faults/life/test_signals.py",
    "tests/faults/life/test_children.py",
]
WITHOUT = "configuration_file"
"""Tests of what came later: file configuration needs SDK 1.44."""


def main(version: str) -> int:
    """Install *version* beside, run the tests with it, and return their exit code."""
    beta = INSTRUMENTATIONS[version]
    packages = [
        f"opentelemetry-api=={version}",
        f"opentelemetry-sdk=={version}",
        f"opentelemetry-exporter-otlp=={version}",
        f"opentelemetry-distro=={beta}",
        f"opentelemetry-instrumentation-fastapi=={beta}",
        f"opentelemetry-instrumentation-httpx=={beta}",
        f"opentelemetry-instrumentation-logging=={beta}",
    ]
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder]
        subprocess.run([*pip, *packages], check=True)
        # Its own requirements are met by what is installed already, in the versions of today.
        for other in Path(folder).iterdir():
            if not other.name.startswith("opentelemetry"):
                _remove(other)
        path = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])
        pytest = [sys.executable, "-m", "pytest", "-q", *TESTS, "-k", f"not {WITHOUT}"]
        return subprocess.run(pytest, env=os.environ | {"PYTHONPATH": path}, check=False).returncode


def _remove(path: Path) -> None:
    if path.is_dir():
        for child in path.iterdir():
            _remove(child)
        path.rmdir()
    else:
        path.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else OLDEST))
