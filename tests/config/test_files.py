from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.config import resolve
from otbridge.config.files import find_file, read_file
from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def test_toml_yaml_json_and_pyproject_say_the_same(tmp_path: Path) -> None:
    written = {
        "otbridge.toml": 'service = "x"\n[logs]\nendpoint = "http://l"\n',
        "otbridge.yaml": "service: x\nlogs:\n  endpoint: http://l\n",
        "otbridge.json": json.dumps({"service": "x", "logs": {"endpoint": "http://l"}}),
        "pyproject.toml": '[tool.otbridge]\nservice = "x"\n[tool.otbridge.logs]\nendpoint = "http://l"\n',
    }
    for name, content in written.items():
        path = tmp_path / name
        path.write_text(content)
        assert read_file(path) == {"service": "x", "logs_endpoint": "http://l"}


def test_a_file_is_found_in_a_parent_folder(tmp_path: Path) -> None:
    path = tmp_path / "otbridge.toml"
    path.write_text("")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_file(inner) == path


def test_a_pyproject_without_our_table_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "otbridge.json").write_text("{}")
    inner = tmp_path / "project"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert find_file(inner) == tmp_path / "otbridge.json"


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"capture-stdlib": false, "level": "error"}')
    config = resolve(environ={"OTBRIDGE_CONFIG_FILE": str(path)}, folder=tmp_path)
    assert (config.capture_stdlib, config.level) == (False, 40)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.toml", "service = ", "is not valid TOML"),
        ("a.json", "{", "is not valid JSON"),
        ("a.yaml", "a: [", "is not valid YAML"),
        ("a.json", "[1]", "holds no table of settings"),
        ("a.toml", "#" * (1 << 20) + "\n", "larger than a settings file"),
    ],
)
def test_a_broken_file_is_named_with_its_fault(
    tmp_path: Path, name: Any, content: Any, said: Any
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        read_file(path)


def test_a_file_that_is_not_there_is_an_error_where_it_was_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        resolve(environ={"OTBRIDGE_CONFIG_FILE": str(tmp_path / "missing.toml")})
