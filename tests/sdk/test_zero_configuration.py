"""Nothing configured at all, seen from outside the process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = """
    import logging, otbridge
    log = otbridge.get_logger(__name__)
    with otbridge.span("work"), otbridge.correlation("req-1"):
        log.info("hello", n=1)
        logging.getLogger("lib").info("from a library")
    print("done")
"""


def test_everything_works_and_a_hub_that_is_not_there_is_never_mentioned(run: Run) -> None:
    done = run(PROGRAM)
    assert (done.returncode, done.stdout) == (0, "done\n")
    first, second = [json.loads(line) for line in done.stderr.splitlines()]
    assert (first["event"], first["n"], first["correlation.id"]) == ("hello", 1, "req-1")
    assert first["service.name"] == "unknown_service:program"
    assert second["event"] == "from a library"
    assert first["trace_id"] == second["trace_id"]


def test_the_environment_alone_is_enough(run: Run) -> None:
    from otbridge.testing import OtlpReceiver

    with OtlpReceiver() as receiver:
        done = run(
            PROGRAM,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.http_url,
            OTEL_SERVICE_NAME="shop",
            OTEL_RESOURCE_ATTRIBUTES="team=blue",
            OTBRIDGE_CONSOLE="off",
        )
        assert (done.stdout, done.stderr) == ("done\n", "")
        assert [record.body.string_value for record in receiver.logs] == ["hello", "from a library"]
        assert [span.name for span in receiver.spans] == ["work"]
        resource = {
            pair.key: pair.value.string_value
            for pair in receiver.resource_logs[0].resource.attributes
        }
    assert (resource["service.name"], resource["team"]) == ("shop", "blue")


def test_a_wrong_environment_is_said_once_and_does_not_stop_the_program(run: Run) -> None:
    done = run(PROGRAM, OTBRIDGE_LEVEL="loud", OTBRIDGE_CONSOLE="json")
    assert (done.returncode, done.stdout) == (0, "done\n")
    first, *rest = done.stderr.splitlines()
    assert first.startswith("otbridge: The value 'loud' of the setting level (from OTBRIDGE_LEVEL)")
    assert first.endswith("It is left out.")
    assert len(rest) == 2  # the two log lines


def test_a_misspelt_variable_is_said(run: Run) -> None:
    done = run(PROGRAM, OTBRIDGE_CONSOL="off", OTBRIDGE_CONSOLE="off")
    assert done.stderr == (
        "otbridge: OTBRIDGE_CONSOL is not a setting; did you mean OTBRIDGE_CONSOLE?\n"
    )


def test_the_sdk_can_be_disabled_by_opentelemetrys_variable(run: Run) -> None:
    done = run(PROGRAM, OTEL_SDK_DISABLED="true")
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_a_destination_that_nobody_asked_for_is_used_when_it_is_there(run: Run) -> None:
    from otbridge.testing import OtlpReceiver

    with OtlpReceiver() as receiver:
        done = run(
            f"""
            import otbridge
            from otbridge import _configure
            from otbridge.config import Config, Destination
            here = Destination(endpoint="{receiver.http_url}", asked_for=False)
            _configure.activate(Config(
                console="off", destinations=dict.fromkeys(("logs", "traces", "metrics"), here)))
            otbridge.get_logger("x").info("hello")
            """
        )
        assert done.stderr == ""
        assert [record.body.string_value for record in receiver.logs] == ["hello"]


def test_a_settings_file_in_the_folder_is_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "otbridge.toml").write_text('service = "from-file"\nlogs = "none"\n')
    done = run(PROGRAM)
    assert json.loads(done.stderr.splitlines()[0])["service.name"] == "from-file"
