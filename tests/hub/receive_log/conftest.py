"""A receive log on a disk in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.spool.simulated_disk import SimulatedDisk
from tests.hub.receive_log.kept import opened

if TYPE_CHECKING:
    from otbridge.hub.receive_log.log import ReceiveLog


@pytest.fixture
def disk() -> SimulatedDisk:
    return SimulatedDisk()


@pytest.fixture
def log(disk: SimulatedDisk) -> ReceiveLog:
    return opened(disk)
