"""The checks themselves: they have to find what is wrong, and to blame nobody wrongly."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otbridge.testing import OtlpReceiver
from otbridge.testing.conform import (
    BUILT_IN,
    CLIENT_RULES,
    Client,
    as_document,
    as_text,
    breaks_must,
    check_client,
    first_contact,
)
from otbridge.testing.conform.certificates import make_certificates
from otbridge.testing.conform.checks import CLIENT_CHECKS
from otbridge.testing.conform.tap import Tap, closed_port
from otbridge.testing.conform.task import Account, Task

if TYPE_CHECKING:
    from otbridge.testing.conform import Result

NAIVE = Client(
    "naive", (sys.executable, str(Path(__file__).with_name("naive_client.py"))), ("http",)
)
COMMAND = [sys.executable, "-m", "otbridge", "conform", "client"]


def verdicts(results: list[Result]) -> dict[str, str]:
    return {result.check.what: result.finding.verdict for result in results}


def test_a_client_that_tries_once_is_found_out() -> None:
    found = verdicts(check_client(NAIVE, rules=["C2", "C6", "C7", "C16"]))
    assert found["retries 503"] == "fail"
    assert found["does not retry 400"] == "pass"
    assert found["goes on trying to connect"] == "fail"
    assert found["sends the same request again"] == "fail"
    assert found["counts or reports what a partial success refused"] == "fail"
    assert found["sends OTel-OTLP-Exporter-{language}/{version}"] == "fail"


def test_what_a_client_cannot_show_is_not_held_against_it() -> None:
    found = verdicts(check_client(NAIVE, rules=["C3", "C10", "C17"]))
    assert found["does not count a refused batch as delivered"] == "n/a"  # it gives no account
    assert found["uses one connection for several requests"] == "n/a"  # it makes one request
    assert found["writes ids, enumerations and integers as OTLP/JSON has them"] == "n/a"


def test_the_official_client_claims_what_it_did_not_deliver() -> None:
    """The baseline that the comparison in the manual rests on."""
    found = verdicts(check_client(BUILT_IN["opentelemetry-http"], rules=["C7"]))
    assert found["does not retry a partial success"] == "pass"
    assert found["counts or reports what a partial success refused"] == "fail"


def test_a_client_that_sends_nothing_is_said_to() -> None:
    silent = Client("silent", (sys.executable, "-c", "raise SystemExit('no endpoint')"), ("http",))
    assert first_contact(silent, "http", "logs") == (
        "silent sent no logs over http and ended with 1. no endpoint"
    )


def answer_nothing() -> None:
    """Stands for a client that is a function; see the test below."""
    sys.exit("called")


def test_a_function_can_be_a_client() -> None:
    told = first_contact(Client.calling(answer_nothing), "http", "logs")
    assert told == "answer_nothing sent no logs over http and ended with 1. called"


def test_every_rule_has_a_check_and_every_check_a_rule() -> None:
    assert {check.rule for check in CLIENT_CHECKS} == {rule.id for rule in CLIENT_RULES}


def test_no_two_checks_of_a_protocol_have_the_same_name() -> None:
    names = [(check.rule, check.what) for check in CLIENT_CHECKS]
    assert len(names) == len(set(names))


def test_only_a_broken_must_counts_as_failure() -> None:
    results = check_client(NAIVE, rules=["C16"])
    assert not breaks_must(results)
    lines = list(as_text(results))
    assert lines[1].split()[0] == "C16"
    assert "FAIL 1 of 1" in lines[1]
    assert "Python-urllib" in lines[-1]
    (rule,) = [rule for rule in as_document(results)["rules"] if rule["checks"]]
    assert rule["checks"][0]["result"] == "fail"


# ---------------------------------------------------------------------- the command


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_tries_a_command_and_exits_with_1_where_a_must_is_broken() -> None:
    finished = run("--rule", "C13", "--protocol", "http", "--", *NAIVE.command)
    assert finished.returncode == 1
    assert "makes /base/v1/{signal} of the base endpoint /base/" in finished.stdout


def test_the_command_prints_json() -> None:
    finished = run("--rule", "C18", "--format", "json", "--protocol", "http")
    assert finished.returncode == 0, finished.stderr
    document = json.loads(finished.stdout)
    assert document["breaks_must"] is False


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--rule", "C99"), "There is no rule 'C99'; they are C1 to C18."),
        (("--of", "nobody"), "There is no client 'nobody'; known: otbridge,"),
        (("--protocol", "http", "--", sys.executable, "-c", ""), "cannot be tried. It has to send"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: tuple[str, ...], sentence: str) -> None:
    finished = run(*arguments)
    assert finished.returncode == 2
    assert sentence in finished.stderr


# ---------------------------------------------------------------------- its tools


def test_a_task_survives_the_environment() -> None:
    task = Task(("logs", "traces"), 7, 3, 100, False, 2.5)
    assert Task.from_environment(task.environment()) == task
    assert len(task.text()) == 100
    assert task.total == 42


def test_an_account_is_the_last_line_or_none(capsys: pytest.CaptureFixture[str]) -> None:
    Account(4, 1, 0).tell()
    assert Account.read("noise\n" + capsys.readouterr().out) == Account(4, 1, 0)
    assert Account.read('{"delivered": 1}') is None
    assert Account.read("done") is None


def test_a_tap_counts_bytes_and_exporting_connections_and_breaks_the_first() -> None:
    with OtlpReceiver() as receiver, Tap(receiver.http_port, broken=1) as tap:
        with socket.create_connection(("127.0.0.1", tap.port)) as broken:
            broken.sendall(b"POST /v1/logs HTTP/1.1\r\n")
            assert broken.recv(1) == b""
        with socket.create_connection(("127.0.0.1", tap.port)) as question:
            question.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert question.recv(12) == b"HTTP/1.1 405"
        with socket.create_connection(("127.0.0.1", tap.port)) as whole:
            whole.sendall(b"POST /v1/logs HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            assert whole.recv(12) == b"HTTP/1.1 200"
        assert (tap.connections, tap.sent) == (2, 45 + 18)
        assert len(receiver.requests) == 1


def test_nobody_listens_on_a_closed_port() -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", closed_port()))


def test_certificates_are_for_this_run_only(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    assert (made is None) == (shutil.which("openssl") is None)
    if made is not None:
        files = {made.receiver.certificate, made.stranger.certificate, made.client.certificate}
        assert len({Path(file).read_text() for file in files}) == 3
        assert {Path(file).parent for file in files} == {tmp_path}


def test_without_openssl_there_are_no_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert make_certificates(tmp_path) is None
