"""What went wrong is told in one shape, and a fault of ours is neither hidden nor fatal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.hub.api.errors import answer_for

if TYPE_CHECKING:
    import pytest


def test_a_fault_of_ours_is_a_503_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    status, body = answer_for(ZeroDivisionError("of ours"))

    assert status == 503
    assert body["error"]["code"] == "internal"
    assert "of ours" not in str(body)
    assert caplog.records[0].exc_info is not None
