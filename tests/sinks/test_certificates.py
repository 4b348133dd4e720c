"""TLS on both transports: whom we believe, who we are, and files that are exchanged."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.sinks.certificates import WatchedFiles
from otbridge.sinks.otlp_grpc import OtlpGrpcSink
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing import OtlpReceiver, Tls
from otbridge.typing import Retryable, Success

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = str(Path(__file__).with_name("localhost.pem"))
ANOTHER = str(Path(__file__).with_name("another.pem"))
"""Self-signed, each with its key, for localhost and 127.0.0.1."""


class Seconds:
    """Monotonic time that a test turns."""

    def __init__(self) -> None:
        self.value = 0.0

    def __call__(self) -> float:
        return self.value


def http(receiver: OtlpReceiver, **options: Any) -> OtlpHttpSink:
    return OtlpHttpSink(f"https://localhost:{receiver.http_port}", **options)


def grpc(receiver: OtlpReceiver, **options: Any) -> OtlpGrpcSink:
    return OtlpGrpcSink(f"https://localhost:{receiver.grpc_target.split(':')[1]}", **options)


TRANSPORTS = pytest.mark.parametrize("make", [http, grpc])


@TRANSPORTS
def test_a_certificate_that_is_trusted_is_accepted(make: Callable[..., Any]) -> None:
    with OtlpReceiver(tls=Tls(ONE, ONE)) as receiver:
        sink = make(receiver, certificate=ONE)
        assert sink.send("logs", b"", 5) == Success()
        sink.close()


@TRANSPORTS
def test_another_certificate_is_a_failure_that_may_pass(make: Callable[..., Any]) -> None:
    with OtlpReceiver(tls=Tls(ONE, ONE)) as receiver:
        sink = make(receiver, certificate=ANOTHER)
        result = sink.send("logs", b"", 5)
        assert isinstance(result, Retryable)
        assert receiver.requests == []
        sink.close()


@TRANSPORTS
def test_a_receiver_that_asks_who_we_are_is_told(make: Callable[..., Any]) -> None:
    with OtlpReceiver(tls=Tls(ONE, ONE, client_authority=ANOTHER)) as receiver:
        sink = make(receiver, certificate=ONE, client_certificate=ANOTHER, client_key=ANOTHER)
        assert sink.send("logs", b"", 5) == Success()
        sink.close()
        stranger = make(receiver, certificate=ONE)
        assert isinstance(stranger.send("logs", b"", 5), Retryable)
        stranger.close()


@TRANSPORTS
def test_files_that_are_exchanged_are_used_within_a_minute(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    ours = tmp_path / "client.pem"
    shutil.copy(ONE, ours)
    now = Seconds()
    with OtlpReceiver(tls=Tls(ONE, ONE, client_authority=ANOTHER)) as receiver:
        sink = make(
            receiver, certificate=ONE, client_certificate=str(ours), client_key=str(ours), now=now
        )
        assert isinstance(sink.send("logs", b"", 5), Retryable)  # not one that it believes

        new = tmp_path / "new.pem"
        shutil.copy(ANOTHER, new)
        new.replace(ours)
        now.value = 60.0
        assert sink.send("logs", b"", 5) == Success()
        sink.close()


@TRANSPORTS
def test_half_an_exchange_leaves_the_old_files_in_use(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    ours = tmp_path / "client.pem"
    shutil.copy(ANOTHER, ours)
    now = Seconds()
    with OtlpReceiver(tls=Tls(ONE, ONE, client_authority=ANOTHER)) as receiver:
        sink = make(
            receiver, certificate=ONE, client_certificate=str(ours), client_key=str(ours), now=now
        )
        assert sink.send("logs", b"", 5) == Success()
        ours.unlink()
        now.value = 60.0
        assert sink.send("logs", b"", 5) == Success()
        shutil.copy(ANOTHER, ours)
        now.value = 120.0
        assert sink.send("logs", b"", 5) == Success()
        sink.close()


def test_files_are_looked_at_twice_a_minute_and_links_are_followed(tmp_path: Path) -> None:
    now = Seconds()
    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "first")
    watched = WatchedFiles([str(link), None, ""], now)
    link.unlink()
    link.symlink_to(tmp_path / "second")
    assert not watched.have_changed()
    now.value = 30.0
    assert watched.have_changed()
    now.value = 60.0
    assert not watched.have_changed()
