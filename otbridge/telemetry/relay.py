"""Pass on what somebody else recorded, e.g. a browser, under that other's own resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.context.start import start
from otbridge.wire.otlp_request import split_request

if TYPE_CHECKING:
    from otbridge.telemetry.record import Put
    from otbridge.typing import Signal

__all__ = ["connect", "relay"]

_SEVERITY: Final = 9

_doors: dict[Signal, Put] = {}


def connect(doors: dict[Signal, Put]) -> None:
    """Set where each signal is handed over; called by the composition root."""
    _doors.clear()
    _doors.update(doors)


def relay(signal: Signal, request: bytes) -> tuple[int, int]:
    """Put the records of an OTLP export request into our delivery, unchanged.

    Starts otbridge with what the environment says if nothing has started it yet.

    Args:
        signal: Which kind of request it is.
        request: `ExportLogsServiceRequest`, `ExportTraceServiceRequest` or
            `ExportMetricsServiceRequest`, serialised.

    Returns:
        How many records were taken and how many were not (the signal is switched off, or the
        queue is full; the ledger has the reason).

    Raises:
        MalformedData: *request* is not such a request.
    """
    start()
    records = split_request(signal, request)
    put = _doors.get(signal)
    if put is None:
        return 0, len(records)
    taken = sum(put(envelope, record, _SEVERITY) for envelope, record in records)
    return taken, len(records) - taken
