from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import pytest
import structlog

import otbridge
from otbridge.errors import ConfigurationError
from otbridge.testing import OtlpReceiver


def bodies(receiver: OtlpReceiver) -> list[str]:
    return [record.body.string_value for record in receiver.logs]


def test_logs_spans_and_metrics_go_over_http_with_headers_and_gzip() -> None:
    with OtlpReceiver() as receiver:
        with otbridge.configure(
            "shop", endpoint=receiver.http_url, headers={"x-key": "1"}, console="off"
        ), otbridge.span("work"):  # fmt: skip
            otbridge.get_logger("shop").info("hello")
        assert bodies(receiver) == ["hello"]
        assert receiver.logs[0].trace_id == receiver.spans[0].trace_id
        assert receiver.logs[0].span_id == receiver.spans[0].span_id
        request = receiver.requests[0]
    assert request.headers["x-key"] == "1"
    assert request.headers["content-encoding"] == "gzip"


def test_the_same_goes_over_grpc() -> None:
    with OtlpReceiver() as receiver:
        with otbridge.configure(
            "shop", endpoint=receiver.grpc_target, protocol="grpc", console="off"
        ), otbridge.span("work"):  # fmt: skip
            otbridge.get_logger("shop").info("hello")
        assert bodies(receiver) == ["hello"]
        assert [span.name for span in receiver.spans] == ["work"]
    assert {request.transport for request in receiver.requests} == {"grpc"}


def test_each_signal_can_have_a_destination_of_its_own() -> None:
    with OtlpReceiver() as everything, OtlpReceiver() as traces:
        with otbridge.configure(
            endpoint=everything.http_url, traces_endpoint=f"{traces.http_url}/v1/traces", console="off"
        ), otbridge.span("work"):  # fmt: skip
            otbridge.get_logger("shop").info("hello")
        assert bodies(everything) == ["hello"]
        assert not everything.spans
        assert [request.path for request in traces.requests] == ["/v1/traces"]


def test_configuring_again_loses_nothing_and_sends_the_rest_to_the_new_place() -> None:
    log = otbridge.get_logger("shop")
    with OtlpReceiver() as first, OtlpReceiver() as second:
        otbridge.configure("a", endpoint=first.http_url, console="off")
        log.info("one")
        logging.getLogger("std").warning("std one")
        with otbridge.configure("b", endpoint=second.http_url, console="off"):
            log.info("two")
            logging.getLogger("std").warning("std two")
            structlog.get_logger().info("three")
        assert sorted(bodies(first)) == ["one", "std one"]
        assert sorted(bodies(second)) == ["std two", "three", "two"]


def test_flush_returns_what_became_of_the_records_and_the_ledger_adds_up() -> None:
    with OtlpReceiver() as receiver, otbridge.configure(
        endpoint=receiver.http_url, metrics=False, console="off"
    ):  # fmt: skip
        for n in range(100):
            otbridge.get_logger("x").info("line", n=n)
        result = otbridge.flush(5)
        stats = otbridge.stats()["logs"]
    assert result.delivered == 100
    assert (result.failed, result.timed_out) == (0, False)
    assert (stats.accepted, stats.delivered, stats.in_memory) == (100, 100, 0)


def test_after_shutdown_log_calls_and_spans_do_no_harm_and_are_counted() -> None:
    with OtlpReceiver() as receiver:
        otbridge.configure(endpoint=receiver.http_url, metrics=False, console="off")
        otbridge.get_logger("x").info("one")
        otbridge.shutdown()
        otbridge.get_logger("x").info("too late")
        with otbridge.span("too late"):
            pass
        assert otbridge.shutdown() == (0, 0, 0, False)
        assert bodies(receiver) == ["one"]
    assert dict(otbridge.stats()["logs"].dropped) == {"shutdown": 1}
    otbridge.configure(profile="testing").__exit__(None, None, None)  # or it is said at exit


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"servce": "x"}, "configure() has no argument servce. Did you mean service?"),
        ({"endpoint": "ftp://x"}, "'ftp://x' of the setting endpoint"),
        ({"propagators": "b4"}, "There is no propagator 'b4'"),
        ({"endpoint": "http://h", "headers": {"a\nb": "c"}}, "header"),
        ({"endpoint": "https://h", "certificate": "/missing.pem"}, "/missing.pem"),
        ({"endpoint": "h", "protocol": "grpc", "compression": "zstd"}, "zstd"),
    ],
)
def test_wrong_settings_are_said_while_configuring(settings: Any, said: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        otbridge.configure(console="off", **settings)
    assert said in str(caught.value)


def test_a_wrong_second_configuration_leaves_the_first_in_force() -> None:
    with OtlpReceiver() as receiver:
        with otbridge.configure("first", endpoint=receiver.http_url, console="off"):
            with pytest.raises(ConfigurationError):
                otbridge.configure("second", propagators="b4", console="off")
            otbridge.get_logger("x").info("still here")
            logging.getLogger("std").warning("so is this")
        assert sorted(bodies(receiver)) == ["so is this", "still here"]


def test_disabled_means_that_nothing_is_captured_printed_or_sent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handlers = list(logging.root.handlers)
    with otbridge.configure(disabled=True):
        otbridge.get_logger("x").error("no")
        with otbridge.span("no"):
            logging.getLogger("x").error("no")
        assert logging.root.handlers == handlers
        assert otbridge.stats() == {}
    assert capsys.readouterr().err == ""


def test_propagators_that_a_setting_names_are_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry import propagate

    monkeypatch.setattr(propagate, "_HTTP_TEXT_FORMAT", propagate.get_global_textmap())
    with otbridge.configure(
        propagators="baggage", logs=False, traces=False, metrics=False, console="off"
    ), otbridge.correlation("c"):  # fmt: skip
        assert set(otbridge.inject()) == {"baggage"}


def test_an_argument_is_stronger_than_the_sdks_own_switch() -> None:
    """`OTEL_SDK_DISABLED` is a default like any other; the SDK does not get to read it again."""
    program = (
        "import os, otbridge\n"
        "os.environ['OTEL_SDK_DISABLED'] = 'true'\n"
        "otbridge.configure('x', disabled=False, console='off')\n"
        "with otbridge.span('work') as span:\n"
        "    print(span.is_recording(), os.environ['OTEL_SDK_DISABLED'])\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert finished.stdout.split() == ["True", "true"]


def test_a_broken_installation_is_told_once_and_never_raises_into_a_log_call() -> None:
    """Where the SDK's spans cannot be loaded, log lines go on, and why is said once."""
    program = (
        "import sys, otbridge\n"
        "sys.modules['opentelemetry.sdk.trace'] = None\n"
        "log = otbridge.get_logger('x')\n"
        "for number in range(3):\n"
        "    log.info('still here', number=number)\n"
        "    with otbridge.span('work'):\n"
        "        pass\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    told, *lines = finished.stderr.splitlines()
    assert "a part of otbridge cannot start: ModuleNotFoundError" in told
    assert "opentelemetry.sdk.trace" in told
    assert ["still here" in line for line in lines] == [True] * 3
