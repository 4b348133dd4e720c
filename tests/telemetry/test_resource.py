from __future__ import annotations

import os

from otbridge.config import Config, resolve
from otbridge.telemetry.resource import resource_attributes


def test_a_service_without_a_name_is_unknown_and_says_which_program_it_is() -> None:
    name = resource_attributes(Config())["service.name"]
    assert name.startswith("unknown_service:")
    assert len(name) > len("unknown_service:")


def test_process_host_runtime_and_distribution_are_told_and_nothing_is_empty() -> None:
    facts = resource_attributes(Config(service="x"))
    assert facts["process.pid"] == os.getpid()
    assert facts["process.runtime.name"] == "cpython"
    assert facts["telemetry.distro.name"] == "otbridge"
    assert "" not in facts.values()
    assert not any("command" in key for key in facts)


def test_resource_attributes_are_stronger_than_what_is_found_but_not_than_settings() -> None:
    environ = {"OTEL_RESOURCE_ATTRIBUTES": "host.name=h,service.name=a,service.version=1"}
    config = resolve({"version": "2"}, environ=environ)
    facts = resource_attributes(config)
    assert (facts["host.name"], facts["service.name"], facts["service.version"]) == ("h", "a", "2")
