"""What the README and the manual show is a file in `examples/`, and it runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
_BLOCK = re.compile(r"^```(python|html)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_DOCSTRING = re.compile(r'\A""".*?"""\n\n', re.DOTALL)


def test_the_readme_shows_code_before_its_thirtieth_line() -> None:
    """A reader sees what it is like within one screen."""
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()

    assert lines.index("```python") < 30


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_each_example_runs_without_configuration(example: Path, tmp_path: Path) -> None:
    """An example ends with 0 and without a stack trace, whether or not a hub is running."""
    finished = subprocess.run(
        [sys.executable, str(example)],
        cwd=tmp_path,
        env={**os.environ, "OTBRIDGE_CONSOLE": "pretty"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]), ids=lambda p: p.name
)
def test_every_longer_block_of_code_in_the_manual_is_an_example_that_runs(page: Path) -> None:
    """A block of four lines or more is, word for word, a file in `examples/`."""
    files = {
        _DOCSTRING.sub("", path.read_text("utf-8")).strip()
        for path in (ROOT / "examples").rglob("*")
        if path.is_file() and path.suffix in {".py", ".html"}
    }
    for _, block in _BLOCK.findall(page.read_text("utf-8")):
        if block.count("\n") >= 4:
            assert block.strip() in files, f"not a file in examples/:\n{block}"


def test_every_link_between_pages_leads_to_a_file() -> None:
    """No page of the manual points at a page that is not there."""
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} -> {target}"
