"""`/api/v1/operations` and `/service-map`: what services did in a time, and whom they called."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict

from otbridge.hub.api.errors import TooLarge
from otbridge.hub.api.filters import time_range
from otbridge.hub.api.shapes import KINDS
from otbridge.hub.query.pages import page_by_key

if TYPE_CHECKING:
    from otbridge.hub.query.cursors import Key
    from otbridge.hub.store import Store
    from otbridge.hub.store.vocabulary import OperationMinute, OperationTotals

__all__ = ["OperationsJson", "ServiceMapJson", "get_operations", "get_service_map"]

_MAX_MINUTES: Final = 20_000
"""Minutes of operations that one answer is made from: some 2 MB of JSON."""


class MinuteJson(TypedDict):
    """What an operation did in one minute."""

    time_unix_nano: str
    count: int
    error_count: int
    p50_nano: int
    p95_nano: int
    p99_nano: int


class OperationJson(TypedDict):
    """What the spans of one service, name and kind did."""

    service: str
    name: str
    kind: str
    count: int
    error_count: int
    rate: float
    error_rate: float
    p50_nano: int
    p95_nano: int
    p99_nano: int
    series: NotRequired[list[MinuteJson]]


class OperationsJson(TypedDict):
    """A page of operations."""

    from_unix_nano: str
    to_unix_nano: str
    operations: list[OperationJson]
    next_cursor: str | None


class NodeJson(TypedDict):
    """A service, and what it was asked."""

    name: str
    count: int
    error_count: int
    p95_nano: int


class EdgeJson(TypedDict):
    """A service that calls another, or is heard by it."""

    source: str
    target: str
    type: str
    count: int
    error_count: int
    p95_nano: int


class ServiceMapJson(TypedDict):
    """Which services called which."""

    from_unix_nano: str
    to_unix_nano: str
    nodes: list[NodeJson]
    edges: list[EdgeJson]


def get_operations(store: Store, asked: dict[str, Any]) -> OperationsJson:
    """Answer `GET /api/v1/operations`."""
    from_ns, to_ns = time_range(asked, time.time_ns())
    order = asked["sort"] or "name"
    found = [
        _json(operation)
        for operation in store.operations(from_ns, to_ns, asked["service"])
        if _fits(operation, asked)
    ]
    page = page_by_key(found, lambda one: _key(one, order), order, asked["limit"], asked["cursor"])
    if asked["series"]:
        minutes = _minutes(store, from_ns, to_ns, asked["service"])
        for one in page.items:
            one["series"] = minutes[one["service"], one["name"], one["kind"]]
    return {
        "from_unix_nano": str(from_ns),
        "to_unix_nano": str(to_ns),
        "operations": page.items,
        "next_cursor": page.next_cursor,
    }


def _fits(operation: OperationTotals, asked: dict[str, Any]) -> bool:
    name, kind, error = asked["name"], asked["kind"], asked["error"]
    return (
        (name is None or name.casefold() in operation.name.casefold())
        and (kind is None or kind == _kind(operation.kind))
        and (error is None or error == bool(operation.error_count))
    )


def _key(operation: OperationJson, order: str) -> Key:
    whose = (operation["service"], operation["name"], operation["kind"])
    return whose if order == "name" else (-operation[order], *whose)  # type: ignore[literal-required]


def _json(operation: OperationTotals) -> OperationJson:
    return {
        "service": operation.service,
        "name": operation.name,
        "kind": _kind(operation.kind),
        "count": operation.count,
        "error_count": operation.error_count,
        "rate": operation.rate,
        "error_rate": operation.error_rate,
        "p50_nano": operation.p50_ns,
        "p95_nano": operation.p95_ns,
        "p99_nano": operation.p99_ns,
    }


def _kind(number: int) -> str:
    return KINDS[number] if 0 <= number < len(KINDS) else KINDS[0]


def _minutes(
    store: Store, from_ns: int, to_ns: int, service: str | None
) -> dict[tuple[str, str, str], list[MinuteJson]]:
    rows = store.operation_minutes(from_ns, to_ns, _MAX_MINUTES + 1, service)
    if len(rows) > _MAX_MINUTES:
        raise TooLarge(
            f"The series have more than {_MAX_MINUTES:,} minutes together.",
            "Each operation has one for every minute in which it ran.",
            "Narrow the time, or ask for one service.",
        )
    series = defaultdict(list)
    for row in rows:
        series[row.service, row.name, _kind(row.kind)].append(_minute_json(row))
    return series


def _minute_json(row: OperationMinute) -> MinuteJson:
    return {
        "time_unix_nano": str(row.minute_ns),
        "count": row.count,
        "error_count": row.error_count,
        "p50_nano": row.p50_ns,
        "p95_nano": row.p95_ns,
        "p99_nano": row.p99_ns,
    }


def get_service_map(store: Store, asked: dict[str, Any]) -> ServiceMapJson:
    """Answer `GET /api/v1/service-map`."""
    from_ns, to_ns = time_range(asked, time.time_ns())
    found = store.service_map(from_ns, to_ns)
    service = asked["service"]
    edges = [
        edge for edge in found.edges if service is None or service in (edge.client, edge.server)
    ]
    shown = {name for edge in edges for name in (edge.client, edge.server)} | {service}
    return {
        "from_unix_nano": str(from_ns),
        "to_unix_nano": str(to_ns),
        "nodes": [
            {
                "name": node.name,
                "count": node.count,
                "error_count": node.error_count,
                "p95_nano": node.p95_ns,
            }
            for node in found.nodes
            if service is None or node.name in shown
        ],
        "edges": [
            {
                "source": edge.client,
                "target": edge.server,
                "type": "link" if edge.link else "call",
                "count": edge.count,
                "error_count": edge.error_count,
                "p95_nano": edge.p95_ns,
            }
            for edge in edges
        ],
    }
