"""Row 5: a peer that never completes a connection, however long a request may take."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

from otbridge.sinks import http_connection
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.typing import Retryable

if TYPE_CHECKING:
    import pytest


def test_connecting_is_given_up_long_before_a_request_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 5: after five seconds; here the limit is a shorter one, and the request's a minute."""
    assert http_connection._CONNECT_SECONDS == 5.0
    monkeypatch.setattr(http_connection, "_CONNECT_SECONDS", 0.3)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # fill the backlog: whoever comes after gets no answer to his SYN
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        sink = OtlpHttpSink(f"http://127.0.0.1:{listener.getsockname()[1]}")
        begin = time.monotonic()
        answer = sink.send("logs", b"", 60.0)
        assert isinstance(answer, Retryable)
        assert 0.25 < time.monotonic() - begin < 20
        sink.close()
