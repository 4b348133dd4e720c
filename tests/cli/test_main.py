"""The command line knows its verbs, and loads only what a verb needs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from otbridge.cli.main import _VERBS, _otbridge, main


def test_help_names_every_verb_with_a_sentence() -> None:
    result = CliRunner().invoke(_otbridge, ["--help"])
    assert result.exit_code == 0
    for verb in _VERBS:
        line = next(line for line in result.output.splitlines() if line.split()[:1] == [verb])
        assert len(line.split()) > 3


@pytest.mark.parametrize("verb", _VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    result = CliRunner().invoke(_otbridge, [verb, "-h"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_the_version_is_the_packages() -> None:
    result = CliRunner().invoke(_otbridge, ["--version"])
    assert result.output.startswith("otbridge 0.")


def test_an_unknown_verb_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["nonsense"])
    assert caught.value.code == 2
    assert "nonsense" in capsys.readouterr().err


def test_help_loads_no_server_and_no_protobuf() -> None:
    program = (
        "import sys\n"
        "from otbridge.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'uvicorn', 'grpc', 'starlette', 'fastapi', 'google.protobuf', 'httpx', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=30, check=True, text=True
    )
    assert result.stderr.strip() == "[]"
