"""Secrets stay where they were shown: in no answer, no log, no file, no list."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

import otbridge.hub.access
from tests.hub.access.conftest import SHOP, command, new_key
from tests.hub.access.test_doors import answer_to, export, post_to_bridge
from tests.hub.hub_process import COMMAND, HubProcess

PATHS = ["/", "/api/v1/stats", "/api/v1/nothing", "/v1/bridge", "/v1/logs", "/healthz", "/x"]


def everything_said(hub: HubProcess, secret: str) -> list[str]:
    """What the hub answers to *secret* shown rightly and wrongly, at every kind of door."""
    shown = [
        {"authorization": f"Bearer {secret}"},
        {"authorization": f"Bearer {secret}x"},
        {"authorization": f"Basic {secret}"},
        {"x-otbridge-key": secret, "origin": SHOP},
        {"x-otbridge-key": f"{secret} {secret}", "host": "evil.test"},
        {"cookie": f"otbridge_session_={secret}"},
    ]
    said = []
    for headers in shown:
        for path in PATHS:
            for method in ("GET", "POST", "OPTIONS", "DELETE"):
                answer = hub.http.request(
                    method, path, headers={"content-type": "application/json", **headers}
                )
                said.append(f"{answer.headers} {answer.text}")
    for body in ({"token": secret}, {"token": f"{secret}x"}, {"token": [secret]}):
        answer = httpx.post(f"{hub.url}/api/v1/session", json=body)
        said.append(f"{answer.headers} {answer.text}")
    export(hub, ("authorization", f"Bearer {secret}x"))  # looks into its error itself
    said.append(str(answer_to(hub, f"{secret}x")))
    said.append(str(post_to_bridge(hub, f"{secret}x")))
    try:
        headers = {"authorization": f"Bearer {secret}x"}
        with connect(f"{hub.ws_url}/api/v1/live", additional_headers=headers):
            said.append("connected")
    except WebSocketException as error:
        said.append(str(error))
    return said


def test_a_secret_is_in_no_answer_no_log_and_no_file(tmp_path: Path) -> None:
    made = [
        new_key(tmp_path, "ingest", "--service", "a", "--origin", SHOP),
        *(new_key(tmp_path, kind) for kind in ("write", "read", "admin")),
    ]
    secrets = [each["key"] for each in made]
    reader = {"authorization": f"Bearer {secrets[2]}"}
    with HubProcess(tmp_path) as hub:
        said = [text for secret in secrets for text in everything_said(hub, secret)]
        ticket = hub.http.post(
            "/v1/bridge/ticket",
            json={"key": made[0]["id"]},
            headers={"authorization": f"Bearer {secrets[1]}"},
        ).json()["ticket"]
        said += [hub.http.get(path, headers=reader).text for path in PATHS]
        said.append(command(tmp_path, "list").stdout)
        said.append(command(tmp_path, "list", "--format", "json").stdout)
        said.append(hub.end()[1])
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (*secrets, ticket):
        bare = secret.split("_", 2)[2]
        assert not any(bare in text for text in said)
        assert not any(bare.encode() in data for data in files)


def test_the_command_line_takes_no_secret_that_others_could_read() -> None:
    """Whoever shares the machine can list its processes, with all their options."""
    for verb in (["hub"], ["hub", "export"], ["tail"], ["traces"], ["logs"]):
        said = subprocess.run(
            [*COMMAND, *verb, "--help"], capture_output=True, text=True, timeout=30, check=True
        ).stdout
        assert "--token" not in said
        assert "--key" not in said


SECRET_WORDS = ("secret", "token", "digest", "ticket", "password", "presented", "shown")


def compared_names(tree: ast.AST) -> set[str]:
    """Names of what a file compares by == or !=."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(
            isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops
        ):
            for side in (node.left, *node.comparators):
                for part in ast.walk(side):
                    if isinstance(part, ast.Name):
                        found.add(part.id)
                    elif isinstance(part, ast.Attribute):
                        found.add(part.attr)
    return found


def sources() -> list[Path]:
    package = Path(otbridge.hub.access.__file__).parents[2]
    folders = ("hub/access", "hub/receivers", "bridge")
    return [path for folder in folders for path in sorted((package / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", sources(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_secret_is_compared_letter_by_letter(path: Path) -> None:
    names = compared_names(ast.parse(path.read_text()))
    assert not {name for name in names if any(word in name.lower() for word in SECRET_WORDS)}


def test_the_search_for_such_comparisons_finds_one() -> None:
    assert compared_names(ast.parse("if token == self.secret: pass")) == {
        "token",
        "self",
        "secret",
    }


def test_a_key_prints_without_its_hash(tmp_path: Path) -> None:
    from otbridge.hub.access.key import Kind
    from otbridge.hub.access.key_file import KeyRequest, add_key

    key, secret = add_key(tmp_path / "keys.json", KeyRequest(Kind.READ))
    shown: Any = f"{key!r} {key} {[key]} {secret!r}"
    assert key.digest.hex() not in shown
    assert repr(key.digest) not in shown


def test_an_error_over_grpc_says_nothing_of_the_key(tmp_path: Path) -> None:
    made = new_key(tmp_path, "read")
    with HubProcess(tmp_path) as hub:
        code = export(hub, ("authorization", f"Bearer {made['key']}"))
    assert code == grpc.StatusCode.PERMISSION_DENIED
