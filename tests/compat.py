"""Run the tests that touch OpenTelemetry's SDK on another version of it: `poe compat [version]`.

The oldest that we support by default. It goes into a folder of its own, in front of the installed
one on the path; that takes a minute, which is why this is no test.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

OLDEST = "1.39.1"
INSTRUMENTATIONS = {"1.39.1": "0.60b1"}
"""The version of the instrumentations that belongs to a version of the SDK."""
STABLE = ["api", "sdk", "exporter-otlp-proto-common"]
BETA = [
    *("semantic-conventions", "util-http", "instrumentation", "instrumentation-asgi"),
    *("instrumentation-fastapi", "instrumentation-httpx", "instrumentation-logging"),
]
NEEDED = ["importlib_metadata<8.8", "zipp"]
"""What older versions of these need and newer ones do not. Everything else is what is installed."""
TESTS = [
    "tests/telemetry",
    "tests/sdk",
    "tests/context",
    "tests/agents",
    "tests/faults/life/test_signals.py",
    "tests/faults/life/test_children.py",
]
WITHOUT = "configuration_file or official_encoder or has_dropped"
"""Tests of what came later: file configuration, and what records and their encoder know today."""


def main(version: str) -> int:
    """Install *version* beside, run the tests with it, and return their exit code."""
    beta = INSTRUMENTATIONS[version]
    packages = [f"opentelemetry-{name}=={version}" for name in STABLE]
    packages += [f"opentelemetry-{name}=={beta}" for name in BETA]
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
        subprocess.run([*pip, *packages, *NEEDED], check=True)
        path = os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")])
        pytest = [sys.executable, "-m", "pytest", "-q", *TESTS, "-k", f"not ({WITHOUT})"]
        return subprocess.run(pytest, env=os.environ | {"PYTHONPATH": path}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else OLDEST))
