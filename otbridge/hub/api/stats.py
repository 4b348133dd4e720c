"""`/api/v1/stats`: the hub in numbers, its own books and the store's."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from otbridge.hub.store import Store

__all__ = ["StatsJson", "get_stats", "hub_numbers"]


class BySignalJson(TypedDict):
    """A number per signal."""

    logs: int
    traces: int
    metrics: int


class StoreJson(TypedDict):
    """The store in numbers."""

    bytes: int
    spans: int
    logs: int
    data_points: int
    corrupt: int
    days: list[str]
    keep_days: int
    keep_bytes: int
    deleted_bytes: int
    ballast_bytes: int


class SenderJson(TypedDict):
    """Who has sent what by which door."""

    service: str
    door: str
    records: int
    last_seen_unix_nano: str


class LiveJson(TypedDict):
    """The live feed in numbers."""

    viewers: int
    skipped: int


class DeliveryJson(TypedDict):
    """What became of one signal's records on the way to a destination."""

    accepted: int
    delivered: int
    rejected: dict[str, int]
    dropped: dict[str, int]
    spooled: int
    in_memory: int
    in_flight: int
    diverted: int
    adopted: int


class LogJson(TypedDict):
    """The receive log in numbers."""

    position: int
    bytes: int
    max_bytes: int
    segments: int
    oldest_unix_nano: str | None
    corrupt: int
    torn: int
    foreign: int


class BehindJson(TypedDict):
    """How far the store is in the receive log, and what it does not have yet."""

    position: int
    records: int
    bytes: int
    seconds: float
    aside: int


class ForwardJson(TypedDict):
    """A destination that everything is passed on to."""

    destination: str
    logs: DeliveryJson
    traces: DeliveryJson
    metrics: DeliveryJson
    behind: int


class KeyUseJson(TypedDict):
    """A key, what came with it, and how often that was more than it may bring."""

    id: str
    kind: str
    name: str
    service: str
    requests: int
    records: int
    bytes: int
    limited: int


class AccessJson(TypedDict):
    """Whether the hub asks for keys, and which it knows."""

    closed: bool
    keys: list[KeyUseJson]


class StatsJson(TypedDict):
    """The hub in numbers, since it was started; `store` over all that it holds."""

    version: str
    started_unix_nano: str
    received: BySignalJson
    recovered: BySignalJson
    stored: BySignalJson
    rejected: dict[str, int]
    refused: BySignalJson
    duplicates: int
    waiting: int
    senders: list[SenderJson]
    store: StoreJson
    log: LogJson
    behind: BehindJson
    live: LiveJson
    access: AccessJson
    forward: list[ForwardJson]


def hub_numbers(state: Any) -> dict[str, Any]:
    """Return the hub's own numbers: from the application's state."""
    return {
        "version": version("otbridge"),
        "started_unix_nano": str(state.started_ns),
        **state.ledger.as_dict(),
        "log": state.log.as_dict(),
        "behind": state.follower.as_dict(),
        "live": state.live.as_dict(),
        "access": state.access(),
        "forward": state.forward.as_dict() if state.forward else [],
    }


def get_stats(store: Store, asked: dict[str, Any]) -> dict[str, Any]:
    """Answer `GET /api/v1/stats`."""
    totals = store.totals()
    return {
        **asked["hub"],
        "duplicates": totals.duplicates,
        "store": {
            "bytes": totals.bytes,
            "spans": totals.spans,
            "logs": totals.logs,
            "data_points": totals.data_points,
            "corrupt": totals.corrupt,
            "days": list(totals.days),
            "keep_days": totals.retention.days,
            "keep_bytes": totals.retention.bytes,
            "deleted_bytes": totals.deleted_bytes,
            "ballast_bytes": totals.ballast_bytes,
        },
    }
