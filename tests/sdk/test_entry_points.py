"""Our delivery under an SDK that others set up: `opentelemetry-instrument`, files, in code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.testing import Answer, OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def sdk() -> tuple[int, int]:
    major, minor = version("opentelemetry-sdk").split(".")[:2]
    return int(major), int(minor)


NAMED = {
    "OTEL_TRACES_EXPORTER": "otbridge",
    "OTEL_LOGS_EXPORTER": "otbridge",
    "OTEL_METRICS_EXPORTER": "otbridge",
    "OTEL_SERVICE_NAME": "shop",
    # Until 1.43 the SDK has a handler for logging itself; since then an instrumentation has.
    "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": str(sdk() < (1, 43)).lower(),
    # OpenTelemetry's distro says grpc where nobody says anything.
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
}

PROGRAM = """
import logging
from opentelemetry import metrics, trace

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
with trace.get_tracer("t").start_as_current_span("order"):
    log.info("ordered %s", 7)
metrics.get_meter("m").create_counter("orders").add(3)
"""

Popen = subprocess.Popen[str]


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture
def instrumented(tmp_path: Path, receiver: OtlpReceiver) -> Callable[..., Popen]:
    """Start a program under `opentelemetry-instrument`.

    The launcher asks an installed distribution who sets the SDK up. `opentelemetry-distro` names
    the SDK itself; one that says just that stands here in its place, because its releases come
    later than those of the packages that it insists on.
    """
    distribution = tmp_path / "site" / "setup_by_the_sdk-1.dist-info"
    distribution.mkdir(parents=True)
    (distribution / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: setup-by-the-sdk\nVersion: 1\n"
    )
    (distribution / "entry_points.txt").write_text(
        "[opentelemetry_configurator]\nsdk = opentelemetry.sdk._configuration:_OTelSDKConfigurator\n"
    )

    def start(code: str, **environ: str) -> Popen:
        (tmp_path / "program.py").write_text(code)
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OTEL_", "OTBRIDGE_"))
        }
        return subprocess.Popen(
            [Path(sys.executable).with_name("opentelemetry-instrument"), sys.executable, "program.py"],
            cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=kept | {
                "OTBRIDGE_ENDPOINT": receiver.http_url, "OTBRIDGE_LIVE": "off",
                "OTBRIDGE_SPOOL_DIR": str(tmp_path / "spool"), "PYTHONUNBUFFERED": "1",
                "PYTHONPATH": os.pathsep.join(
                    [str(tmp_path / "site"), kept.get("PYTHONPATH", "")]
                ).strip(os.pathsep),
            } | NAMED | environ,
        )  # fmt: skip

    return start


def bodies(receiver: OtlpReceiver) -> list[str]:
    return sorted(record.body.string_value for record in receiver.logs)


def services(receiver: OtlpReceiver) -> set[str]:
    """The service names of all resources that came."""
    resources: tuple[Any, ...] = (
        *receiver.resource_spans,
        *receiver.resource_logs,
        *receiver.resource_metrics,
    )
    return {
        pair.value.string_value
        for item in resources
        for pair in item.resource.attributes
        if pair.key == "service.name"
    }


def test_all_three_signals_come_once_each_with_the_sdks_own_resource(
    instrumented: Any, receiver: OtlpReceiver
) -> None:
    process = instrumented(PROGRAM)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert [span.name for span in receiver.spans] == ["order"]
    assert bodies(receiver) == ["ordered 7"]
    assert {metric.name for metric in receiver.metrics} == {"orders"}
    assert services(receiver) == {"shop"}
    (record,), (span,) = receiver.logs, receiver.spans
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert record.severity_number == 9


def test_sigterm_loses_nothing_of_what_waits_in_the_sdks_own_queues(
    instrumented: Any, receiver: OtlpReceiver
) -> None:
    """Stock exporters lose it all: the SDK's queues wait for up to five seconds."""
    process = instrumented(f"{PROGRAM}\nimport time\nprint('ready')\nwhile True: time.sleep(0.05)")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert [span.name for span in receiver.spans] == ["order"]
    assert bodies(receiver) == ["ordered 7"]
    assert {metric.name for metric in receiver.metrics} == {"orders"}


def test_a_multiprocessing_child_loses_nothing_either(
    instrumented: Any, receiver: OtlpReceiver
) -> None:
    process = instrumented("""
import logging, multiprocessing
from opentelemetry import trace

def work():
    with trace.get_tracer("t").start_as_current_span("child"):
        logging.getLogger("shop").warning("in the child")

if __name__ == "__main__":
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start(); process.join()
""")
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert [span.name for span in receiver.spans] == ["child"]
    assert bodies(receiver) == ["in the child"]


def test_our_loggers_and_settings_work_beside_it_and_nothing_comes_twice(
    instrumented: Any, receiver: OtlpReceiver
) -> None:
    process = instrumented(
        """
import logging, otbridge
otbridge.configure(console="off")
log = otbridge.get_logger("shop")
with otbridge.span("order"):
    log.info("by us")
    logging.getLogger("lib").warning("by logging")
"""
    )
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert [span.name for span in receiver.spans] == ["order"]
    assert bodies(receiver) == ["by logging", "by us"]


def test_without_a_word_of_configuration_our_loggers_use_the_same_delivery(
    instrumented: Any, receiver: OtlpReceiver
) -> None:
    process = instrumented(
        "import otbridge\nwith otbridge.span('s'): otbridge.get_logger('x').info('a')",
        OTBRIDGE_CONSOLE="off",
    )
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert [span.name for span in receiver.spans] == ["s"]
    assert bodies(receiver) == ["a"]


def test_only_one_signal_may_be_named(instrumented: Any, receiver: OtlpReceiver) -> None:
    process = instrumented(PROGRAM, OTEL_LOGS_EXPORTER="none", OTEL_METRICS_EXPORTER="none")
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert [span.name for span in receiver.spans] == ["order"]
    assert not receiver.logs
    assert not receiver.metrics


def test_a_list_of_exporters_is_understood(instrumented: Any, receiver: OtlpReceiver) -> None:
    process = instrumented(PROGRAM, OTEL_TRACES_EXPORTER="console, otbridge")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["name"] == "order"
    assert [span.name for span in receiver.spans] == ["order"]


def test_an_outage_goes_to_disk_and_not_to_the_log(
    instrumented: Any, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    receiver.answer_always(Answer.refuse(503))
    process = instrumented(PROGRAM, OTBRIDGE_EXIT_TIMEOUT="1")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "lost" not in err
    assert list((tmp_path / "spool").rglob("*.seg"))


CONFIGURATION = """
file_format: "{version}"
resource:
  attributes: [{{name: service.name, value: from-file}}]
tracer_provider:
  processors: [{{batch: {{exporter: {{otbridge: {{endpoint: "{url}"}}}}}}}}]
logger_provider:
  processors: [{{simple: {{exporter: {{otbridge: {{endpoint: "{url}"}}}}}}}}]
meter_provider:
  readers: [{{periodic: {{exporter: {{otbridge: {{endpoint: "{url}"}}}}}}}}]
"""


def test_a_configuration_file_of_opentelemetrys_may_name_it(
    instrumented: Any, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    text = CONFIGURATION.format(version="1.0", url=receiver.http_url)
    (tmp_path / "otel.yaml").write_text(text)
    process = instrumented(PROGRAM, OTEL_CONFIG_FILE="otel.yaml", OTBRIDGE_ENDPOINT="")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "otbridge" not in err
    assert [span.name for span in receiver.spans] == ["order"]
    assert {metric.name for metric in receiver.metrics} == {"orders"}
    assert bodies(receiver) == ["ordered 7"]
    assert services(receiver) == {"from-file"}


def test_the_sdk_is_one_that_we_say_we_support() -> None:
    assert (1, 39) <= sdk() < (2, 0)
