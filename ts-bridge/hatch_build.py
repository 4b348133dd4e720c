"""Builds the hub's UI and the browser SDK into the Python package when npm is at hand.

Hatchling runs it for every build, editable ones included; `python ts-bridge/hatch_build.py` runs
it by hand. It never fails an installation: without npm, or with a failing build, the package
installs without the UI, and the hub's page says how to build it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

WORKSPACE = Path(__file__).resolve().parent
DIST = WORKSPACE.parent / "otbridge" / "hub" / "ui" / "dist"


def build() -> bool:
    """Build into `otbridge/hub/ui/dist`; return whether it is there now."""
    npm = shutil.which("npm")
    if npm is None:
        _warn("npm was not found, so the hub's UI is not built. Install Node.js 20 or newer and")
        _warn("install again, or run `npm ci && npm run build` in ts-bridge.")
        return False
    if not (WORKSPACE / "node_modules" / ".package-lock.json").exists() and not _run(npm, "ci"):
        return False
    return _run(npm, "run", "build")


def _run(npm: str, *arguments: str) -> bool:
    finished = subprocess.run(
        [npm, *arguments],
        cwd=WORKSPACE,
        env={**os.environ, "NO_UPDATE_NOTIFIER": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if finished.returncode:
        _warn(f"`npm {' '.join(arguments)}` failed, so the hub's UI is not built:")
        _warn(finished.stdout[-2000:])
    return finished.returncode == 0


def _warn(text: str) -> None:
    print(f"otbridge: {text}", file=sys.stderr, flush=True)


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand in an environment without hatchling
    pass
else:

    class UIBuildHook(BuildHookInterface):  # type: ignore[type-arg,misc]
        """Builds the UI before the files of the package are collected."""

        def initialize(self, version: str, build_data: dict[str, object]) -> None:
            """Build, unless a source distribution brought the result along."""
            del version, build_data
            if (DIST / "index.html").exists() and not (WORKSPACE / "sdk" / "src").exists():
                return
            try:
                build()
            except OSError as error:
                _warn(f"the hub's UI is not built: {error}")


if __name__ == "__main__":
    sys.exit(0 if build() else 1)
