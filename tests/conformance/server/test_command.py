"""`otbridge conform server`, and servers of which not all can be known."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from otbridge.testing import Answer, OtlpReceiver
from otbridge.testing.conform.server import (
    SERVER_RULES,
    Server,
    breaks_must,
    check_server,
    server_as_text,
    unreachable,
)
from otbridge.testing.conform.tap import closed_port
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.testing.conform.server import ServerResult

COMMAND = [sys.executable, "-m", "otbridge", "conform", "server"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def verdicts(results: list[ServerResult]) -> dict[tuple[str, str], str]:
    return {(each.check.what, each.protocol): each.finding.verdict for each in results}


def test_the_command_prints_a_table_of_a_server_that_keeps_the_rules(tmp_path: Path) -> None:
    with HubProcess(tmp_path / "data") as hub:
        finished = run(hub.url, "--grpc", hub.grpc, "--rule", "S6", "--rule", "J1", "--all")
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [
        ["rule", "level"],
        ["S6", "MUST"],
        ["J1", "MUST"],
    ]
    assert "pass 3" in lines[1]
    assert "finds the span by the id that was sent" in finished.stdout


def test_the_command_exits_with_1_where_a_must_is_broken() -> None:
    with OtlpReceiver(Answer(headers={"Content-Type": "text/plain"})) as receiver:
        finished = run(receiver.http_url, "--rule", "H2", "--rule", "S11", "--format", "json")
    assert finished.returncode == 1
    document = json.loads(finished.stdout)
    assert document["breaks_must"] is True
    results = {rule["id"]: rule["result"] for rule in document["rules"]}
    assert results == {"S11": "skip", "H2": "FAIL 1 of 2"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("localhost:4318",), "'localhost:4318' is no URL. Give one such as http://127.0.0.1:4318"),
        (("--rule", "S99"), "There is no rule 'S99'; they are S1 to S17, H1 to H11 and J1 to J8."),
        (("--header", "token"), "'token' is no header. Give it as NAME=VALUE, in ASCII."),
        (("--header", "key=schlüssel"), "Give it as NAME=VALUE, in ASCII."),
        (("http://[::1:4318",), "http://[::1:4318 does not answer"),
        ((f"http://127.0.0.1:{closed_port()}",), "does not answer"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: tuple[str, ...], sentence: str) -> None:
    finished = run(*arguments)
    assert finished.returncode == 2
    assert sentence in finished.stderr


def test_what_was_not_said_of_a_server_is_not_held_against_it() -> None:
    """Without --grpc, without its limit, and without a look inside."""
    with OtlpReceiver() as receiver:
        found = verdicts(check_server(Server(receiver.http_url), rules=["S2", "S3", "S13"]))
    assert found["refuses requests over its limit", "http"] == "skip"
    assert found["takes values of every kind everywhere", "grpc"] == "skip"
    assert found["stores them as they are", "http"] == "skip"


def test_a_server_that_takes_nothing_breaks_the_rules_about_that_and_no_more() -> None:
    with OtlpReceiver(Answer.refuse(403, message="who are you?")) as receiver:
        results = check_server(Server(receiver.http_url, receiver.grpc_target))
    failed = {result.check.rule for result in results if result.finding.verdict == "fail"}
    assert failed == {"H1", "S11"}
    assert breaks_must(results)
    assert any("who are you?" in line for line in server_as_text(results))


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{" * 100_000,
        b'{"partialSuccess":[]}',
        b'{"partialSuccess":{"rejectedSpans":[1],"errorMessage":2}}',
        b'{"code":"x","message":[],"details":[{"@type":"nothing"}]}',
        b"\x0a\xff\xff\xff\xff",
        b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ],
    ids=range(8),
)
def test_a_server_that_answers_nonsense_gets_its_report(status: int, body: bytes) -> None:
    nonsense = replace(Answer.raw(status, body, "application/json"), code="OK")
    rules = [rule.id for rule in SERVER_RULES if rule.id not in ("S2", "S3", "S4", "H4", "H11")]
    with OtlpReceiver(nonsense) as receiver:
        results = check_server(Server(receiver.http_url, receiver.grpc_target), rules=rules)
    assert {result.check.rule for result in results} == set(rules)
    assert list(server_as_text(results, everything=True))


def test_headers_and_metadata_go_with_every_request() -> None:
    with OtlpReceiver() as receiver:
        server = Server(receiver.http_url, receiver.grpc_target, headers={"Authorization": "me"})
        check_server(server, rules=["S1", "S6"])
        assert {request.headers.get("authorization") for request in receiver.requests} == {"me"}
        assert {request.transport for request in receiver.requests} == {"http", "grpc"}


def test_only_the_signals_that_were_asked_for_are_sent() -> None:
    with OtlpReceiver() as receiver:
        results = check_server(Server(receiver.http_url, signals=("metrics",)), rules=["H1", "S12"])
        assert {request.signal for request in receiver.requests} == {"metrics"}
    assert verdicts(results)["takes a POST on the path of each signal", "http"] == "pass"
    assert verdicts(results)["takes log records without valid ids", "http"] == "n/a"


def test_a_server_that_does_not_answer_is_said_to() -> None:
    with OtlpReceiver() as receiver:
        deaf = f"127.0.0.1:{closed_port()}"
        assert f"gRPC {deaf} does not answer" in unreachable(Server(receiver.http_url, deaf))
        assert unreachable(Server(receiver.http_url, receiver.grpc_target)) == ""
