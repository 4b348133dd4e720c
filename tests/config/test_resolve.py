from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otbridge.config import SETTINGS, Config, resolve
from otbridge.config.environment import variables
from otbridge.config.profiles import PROFILES
from otbridge.errors import ConfigurationError

NOWHERE = Path("/")
LISTED = "The manual's page on settings lists them all."


def resolved(environ: Any = None, folder: Any = NOWHERE, **arguments: Any) -> Any:
    return resolve(arguments, environ=environ or {}, folder=folder)


def test_nothing_said_anywhere_gives_the_defaults() -> None:
    assert resolved() == Config()


def test_each_source_is_stronger_than_the_ones_after_it(tmp_path: Path) -> None:
    (tmp_path / "otbridge.toml").write_text('service = "file"\nprofile = "production"\n')
    otel = {"OTEL_SERVICE_NAME": "otel"}
    own = otel | {"OTBRIDGE_SERVICE": "own"}
    assert resolved(own, tmp_path, service="argument").service == "argument"
    assert resolved(own, tmp_path).service == "own"
    assert resolved(otel, tmp_path).service == "otel"
    assert resolved({}, tmp_path).service == "file"
    assert resolved({}, tmp_path).console == "json"  # from the profile that the file names
    assert resolved({}, tmp_path, console="off").console == "off"


def test_leniently_what_cannot_be_used_is_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "otbridge.toml").write_text('bananas = 1\nversion = "2"\n')
    environ = {"OTBRIDGE_LEVEL": "loud", "OTBRIDGE_SERVICE": "x", "OTBRIDGE_PROFILE": "prod"}
    config = resolve(environ=environ, folder=tmp_path, lenient=True)
    assert (config.service, config.version, config.level) == ("x", "2", 20)
    assert [said.split(" (")[0] for said in config.warnings] == [
        "The value 'loud' of the setting level",
        f"{tmp_path}/otbridge.toml has no setting bananas. {LISTED} It is left out.",
        "There is no profile 'prod'",
    ]


def test_a_broken_file_is_left_out_leniently_too(tmp_path: Path) -> None:
    (tmp_path / "otbridge.json").write_text("{")
    config = resolve(environ={}, folder=tmp_path, lenient=True)
    assert "is not valid JSON" in config.warnings[0]


def test_none_as_an_argument_means_not_given() -> None:
    assert resolved({"OTBRIDGE_LEVEL": "debug"}, level=None).level == 10


def test_an_unknown_argument_names_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolved(servce="x")
    assert str(caught.value) == "configure() has no argument servce. Did you mean service?"


def test_an_unknown_setting_in_a_file_names_the_file_and_the_nearest_one(tmp_path: Path) -> None:
    path = tmp_path / "otbridge.toml"
    path.write_text('enpoint = "http://h"\n')
    with pytest.raises(ConfigurationError) as caught:
        resolved(folder=tmp_path)
    assert str(caught.value) == f"{path} has no setting enpoint. Did you mean endpoint?"


def test_a_wrong_value_says_what_from_where_why_and_what_for() -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolved({"OTBRIDGE_CONSOLE": "loud"})
    assert str(caught.value) == (
        "The value 'loud' of the setting console (from OTBRIDGE_CONSOLE) cannot be used. "
        "It must be one of: auto, pretty, json, off. What it is for: "
        "Log lines on standard error; auto: pretty on a terminal, JSON elsewhere."
    )


def test_a_wrong_value_of_a_secret_setting_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolved({"OTEL_EXPORTER_OTLP_HEADERS": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_an_unknown_profile_lists_the_profiles() -> None:
    with pytest.raises(ConfigurationError, match="development, testing, staging, production"):
        resolved(profile="prod")


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_can_be_used(name: Any) -> None:
    assert resolved(profile=name).profile == name


def test_the_testing_profile_talks_to_nobody() -> None:
    config = resolved(profile="testing")
    assert not any(config.exports(signal) for signal in ("logs", "traces", "metrics"))


def test_a_misspelt_variable_is_a_warning_because_the_environment_is_shared() -> None:
    config = resolved({"OTBRIDGE_LEVLE": "debug", "OTBRIDGE_OPEN": "0", "OTBRIDGE_XYZZY": "1"})
    assert config.warnings == ("OTBRIDGE_LEVLE is not a setting; did you mean OTBRIDGE_LEVEL?",)


def test_an_empty_variable_counts_as_unset() -> None:
    assert resolved({"OTEL_SERVICE_NAME": " "}) == Config()


def test_opentelemetry_times_are_milliseconds_and_ours_are_seconds() -> None:
    assert resolved({"OTEL_EXPORTER_OTLP_TIMEOUT": "2500"}).destinations["logs"].timeout == 2.5
    assert resolved({"OTBRIDGE_TIMEOUT": "2.5"}).destinations["logs"].timeout == 2.5
    assert resolved({"OTEL_METRIC_EXPORT_INTERVAL": "500"}).metric_interval == 0.5


def test_a_signals_own_variable_is_stronger_than_the_general_one_and_is_a_whole_url() -> None:
    config = resolved(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://all:4318",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://spans:9/custom",
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "x-key=1",
        }
    )
    logs, traces = config.destinations["logs"], config.destinations["traces"]
    assert (logs.endpoint, logs.exact, dict(logs.headers)) == (
        "http://all:4318",
        False,
        {"x-key": "1"},
    )
    assert (traces.endpoint, traces.exact, dict(traces.headers)) == (
        "http://spans:9/custom",
        True,
        {},
    )


def test_an_argument_for_all_signals_is_stronger_than_a_signals_own_variable() -> None:
    config = resolved(
        {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://env/v1/logs"}, endpoint="http://argument"
    )
    assert config.destinations["logs"].endpoint == "http://argument"
    assert not config.destinations["logs"].exact


def test_a_base_endpoint_loses_its_trailing_slash_and_a_signals_own_keeps_it() -> None:
    """As OTLP's exporter specification has it, "Endpoint URLs for OTLP/HTTP"."""
    found = resolved(endpoint="http://h/base/", logs_endpoint="http://h/own/").destinations
    assert found["traces"].endpoint == "http://h/base"
    assert found["logs"].endpoint == "http://h/own/"
    found = resolved(protocol="grpc", logs_endpoint="h:4317/").destinations
    assert found["logs"].endpoint == "h:4317"


def test_a_destination_is_asked_for_only_when_an_endpoint_is_named() -> None:
    assert not resolved(compression="none").destinations["logs"].asked_for
    assert resolved(endpoint="http://h").destinations["logs"].asked_for


def test_grpc_without_an_endpoint_goes_to_grpcs_port() -> None:
    assert resolved(protocol="grpc").destinations["traces"].endpoint == "http://127.0.0.1:4317"


@pytest.mark.parametrize(
    ("written", "expected"),
    [("none", "none"), ("otlp,console", "otlp"), ("console", "console"), ("zipkin,otlp", "otlp")],
)
def test_exporter_lists_are_read_for_the_first_that_we_have(written: Any, expected: Any) -> None:
    assert resolved({"OTEL_TRACES_EXPORTER": written}).traces == expected


def test_signals_can_be_switched_with_true_and_false() -> None:
    config = resolved(metrics=False, logs=True)
    assert (config.metrics, config.logs) == ("none", "otlp")


def test_resource_attributes_name_the_service_where_nothing_else_does() -> None:
    environ = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=from-resource,team=blue"}
    assert resolved(environ).service == "from-resource"
    assert resolved(environ, service="given").service == "given"
    assert resolved(environ).resource_attributes["team"] == "blue"


def test_headers_do_not_show_in_the_settings_repr() -> None:
    assert "hunter2" not in repr(resolved(headers={"authorization": "hunter2"}))


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_every_setting_is_explained_and_its_default_reads_as_itself(row: Any) -> None:
    assert row.help.endswith(".")
    assert row.choices
    if row.default not in ("", None):
        assert row.read(row.default) == row.default


def test_every_setting_answers_to_one_variable_of_ours_and_no_two_share_one() -> None:
    own = [entry.variable for entry in variables() if entry.own]
    assert len(own) == len(set(own))
    assert {row.variable for row in SETTINGS} <= set(own)
