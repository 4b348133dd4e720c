"""An address to pass on to is understood, or refused with what to write instead."""

from __future__ import annotations

import pytest

from otbridge.errors import ConfigurationError
from otbridge.hub.destinations import Destination, make_sink, read_destination, refuse_loops


@pytest.mark.parametrize(
    ("text", "destination"),
    [
        ("http://collector", Destination("http", "collector", 80, "", {})),
        ("https://otlp.example.com/", Destination("https", "otlp.example.com", 443, "", {})),
        ("http://h:4318/otlp/", Destination("http", "h", 4318, "/otlp", {})),
        ("grpc://collector", Destination("grpc", "collector", 4317, "", {})),
        ("grpcs://otlp.example.com:443", Destination("grpcs", "otlp.example.com", 443, "", {})),
        ("http://[::1]:4318", Destination("http", "::1", 4318, "", {})),
        (
            "https://h#Authorization=Bearer%20a%2Bb%3D&x-tenant=7",
            Destination("https", "h", 443, "", {"authorization": "Bearer a+b=", "x-tenant": "7"}),
        ),
    ],
)
def test_an_address_is_a_url_with_headers_behind_it(text: str, destination: Destination) -> None:
    assert read_destination(text) == destination
    sink = make_sink(destination)
    assert destination.host in sink.name
    assert "Bearer" not in sink.name
    sink.close()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "no scheme"),
        ("collector:4317", "grpc://collector:4317"),
        ("ftp://h", "'ftp'"),
        ("http://", "no host"),
        ("http://h:99999", "Port out of range"),
        ("grpc://h/path", "gRPC has none"),
        ("https://h/v1/traces", "Leave /v1/… out"),
        ("https://user:s3cret@h", "behind a #"),
        ("https://h?token=s3cret", "behind a #"),
        ("https://h#s3cret", "name=value"),
    ],
)
def test_anything_else_is_refused_without_showing_what_may_be_secret(text: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_destination(text)
    assert hint in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.do


def test_another_port_or_another_machine_is_no_loop() -> None:
    others = [
        read_destination("http://127.0.0.1:4319"),
        read_destination("http://192.0.2.1:4318"),
        read_destination("http://nobody.invalid:4318"),
    ]
    refuse_loops(others, "127.0.0.1", (4318, 4317))
    refuse_loops(others, "0.0.0.0", (4318, 4317))
