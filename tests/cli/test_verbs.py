"""The verbs that ask a hub, against a real hub."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import TRACE_ID, last_json, send_order
from tests.hub.hub_process import COMMAND, HubProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]


def test_traces_lists_a_trace_on_a_line(otbridge: Run, filled_hub: HubProcess) -> None:
    """Time, id, duration, size, name and services, without colour where nobody looks."""
    finished = otbridge("traces", hub=filled_hub)

    assert finished.returncode == 0, finished.stderr
    (line,) = finished.stdout.splitlines()
    words = line.split()
    assert words[1:4] == [TRACE_ID, "2", "ms"]
    assert line.endswith("1 spans  place order  shop")
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), True),
        (("--errors",), True),
        (("--service", "shop"), True),
        (("--service", "nobody"), False),
        (("--min-duration", "1ms"), True),
        (("--min-duration", "1s"), False),
        (("--since", "-5m"), True),
    ],
)
def test_traces_can_be_filtered(
    otbridge: Run, filled_hub: HubProcess, options: tuple[str, ...], found: bool
) -> None:
    """Each option narrows the list, and an empty list says that it is one."""
    finished = otbridge("traces", *options, hub=filled_hub)

    assert finished.returncode == 0, finished.stderr
    assert (TRACE_ID in finished.stdout) is found
    assert ("No trace fits" in finished.stderr) is not found


def test_trace_draws_the_tree(otbridge: Run, filled_hub: HubProcess) -> None:
    """The span with its failure, and its log lines under it."""
    finished = otbridge("trace", TRACE_ID, hub=filled_hub)

    assert finished.returncode == 0, finished.stderr
    names = [line.strip().split("  ")[0] for line in finished.stdout.splitlines()[1:]]
    assert names == ["└─ place order ✗", "├─ · info: order came in", "└─ · error: sold out"]


def test_logs_prints_the_newest_last(otbridge: Run, filled_hub: HubProcess) -> None:
    """As in a terminal that has been running all along."""
    finished = otbridge("logs", hub=filled_hub)

    assert finished.returncode == 0, finished.stderr
    first, second = finished.stdout.splitlines()
    assert "info" in first
    assert "order came in article=music box" in first
    assert "error" in second
    assert "sold out" in second


@pytest.mark.parametrize(
    ("options", "bodies"),
    [
        (("--severity", "error"), ["sold out"]),
        (("--text", "came"), ["order came in"]),
        (("--text", "article=music"), []),
        (("--trace", TRACE_ID, "-n", "1"), ["sold out"]),
    ],
)
def test_logs_can_be_filtered_and_given_to_programs(
    otbridge: Run, filled_hub: HubProcess, options: tuple[str, ...], bodies: list[str]
) -> None:
    """`--format json` prints the API's answer as one document."""
    finished = otbridge("logs", *options, "--format", "json", hub=filled_hub)

    assert finished.returncode == 0, finished.stderr
    logs: Any = last_json(finished.stdout)["logs"]
    assert [log["body"] for log in logs] == bodies


def test_tail_shows_what_arrives_and_ends_quietly_with_ctrl_c(tmp_path: Path) -> None:
    """A log line and an ended span are printed as they come; Ctrl-C is no error."""
    with HubProcess(tmp_path / "data") as hub:
        tail = subprocess.Popen(
            [*COMMAND, "tail", "--service", "shop"],
            env={**os.environ, "OTBRIDGE_HUB_URL": hub.url, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with tail:
            assert tail.stdout is not None
            assert tail.stderr is not None
            _until_somebody_watches(hub)
            send_order(hub)
            seen = [tail.stdout.readline() for _ in range(3)]
            tail.send_signal(2)
            assert tail.wait(10) == 0
            assert tail.stderr.read() == ""

    assert "place order ✗" in seen[0]
    assert "order came in" in seen[1]
    assert "sold out" in seen[2]


def test_without_a_hub_a_verb_says_how_to_get_one(otbridge: Run) -> None:
    """No stack trace, one sentence, exit code 1."""
    finished = otbridge("traces", "--hub", "http://127.0.0.1:1")

    assert finished.returncode == 1
    assert finished.stdout == ""
    assert finished.stderr.startswith("Error: No hub answers at http://127.0.0.1:1.")
    assert "Start one with `otbridge hub`" in finished.stderr


def test_an_unknown_trace_is_the_hubs_own_sentence(otbridge: Run, filled_hub: HubProcess) -> None:
    """What the API says about it, the command line says."""
    finished = otbridge("trace", "0" * 31 + "1", hub=filled_hub)

    assert finished.returncode == 1
    told = filled_hub.http.get(f"/api/v1/traces/{'0' * 31}1").json()["error"]
    assert told["what"] in finished.stderr
    assert told["do"] in finished.stderr


def _until_somebody_watches(hub: HubProcess) -> None:
    while hub.http.get("/api/v1/stats").json()["live"]["viewers"] == 0:
        pass
